"""A real disk that is full, a real limit of file sizes: the run goes on, what was lost is told."""

import contextlib
import errno
import os
import re
from pathlib import Path

import pytest

from app.runner.journal import LOST, NOTICE, STDOUT
from tests.runner.conftest import StartRunner

MIB = 1 << 20


def fill(file: Path) -> None:
    """Writes until there is no room."""
    with file.open("wb", buffering=0) as out, contextlib.suppress(OSError):
        while True:
            out.write(bytes(4096))


@pytest.mark.fault("X31")
@pytest.mark.needs("mounts")
def test_a_full_disk_loses_output_but_no_run(small_disk: Path, start_runner: StartRunner) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(MIB))
    core = start_runner(small_disk / "data").connect()
    silent = core.bash(f"while [ -e {ballast} ]; do sleep 0.02; done; exit 3")
    doomed = core.bash("sleep 0.5; echo never kept; exit 4")
    script = (
        "head -c 3000000 /dev/zero | tr '\\0' x; echo flooded >&2; "
        f"while [ -e {ballast} ]; do sleep 0.02; done; echo there is room again"
    )
    run = core.bash(script)
    core.wait(lambda: run in core.progress and core.progress[run][4] & LOST)
    fill(small_disk / "filler")

    status, flags = core.end(doomed)  # its end is known, for there was room kept for it
    assert (os.waitstatus_to_exitcode(status), flags) == (4, LOST)
    refused = core.ask("start", run="late", argv=["/bin/true"], env={}, cwd="/", cap=MIB)
    assert refused["errno"] == errno.ENOSPC

    (small_disk / "filler").unlink()
    ballast.unlink()
    assert core.end(run) == (0, LOST)
    assert os.waitstatus_to_exitcode(core.end(silent)[0]) == 3
    assert core.end(core.bash("exit 0")) == (0, 0)

    pieces = core.journal(run).pieces()
    notes = b"".join(data for stream, data in pieces if stream == NOTICE).decode()
    assert "No space left on device" in notes
    lost = sum(int(number) for number in re.findall(r"output lost (\d+) bytes", notes))
    written = 3_000_000 + len("flooded\n")
    kept = b"".join(data for stream, data in pieces if stream != NOTICE)
    assert len(kept) == written - lost + len("there is room again\n")
    assert kept.endswith(b"there is room again\n")


@pytest.mark.fault("X31")
def test_a_limit_of_file_sizes_loses_output_but_no_run(start_runner: StartRunner) -> None:
    core = start_runner(prefix=("prlimit", f"--fsize={MIB}")).connect()
    run = core.bash("ulimit -f; head -c 3000000 /dev/zero | tr '\\0' x; echo >&2 done; exit 5")
    status, flags = core.end(run)
    assert os.waitstatus_to_exitcode(status) == 5
    assert flags == LOST
    assert len(core.journal(run).bytes(STDOUT)) == MIB
