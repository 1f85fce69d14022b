"""One core a data folder, and a folder that is nobody else's."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.core.instance_lock import AlreadyRunning, InstanceLock, UnsafeFolder
from tests.support.server import ROOT

HOLD = """
import sys
from pathlib import Path
from app.core.instance_lock import InstanceLock
with InstanceLock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def hold(folder: Path) -> "subprocess.Popen[bytes]":
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    return process


def test_a_second_one_is_refused_and_told_who_is_first(tmp_path: Path) -> None:
    with (
        InstanceLock(tmp_path),
        pytest.raises(AlreadyRunning, match=f"already runs on {tmp_path} \\(process {os.getpid()}\\)"),
        InstanceLock(tmp_path),
    ):
        pass
    with InstanceLock(tmp_path):
        pass  # the first one left


def test_the_lock_of_a_process_that_was_killed_is_free(tmp_path: Path) -> None:
    process = hold(tmp_path)
    with pytest.raises(AlreadyRunning, match=f"process {process.pid}"), InstanceLock(tmp_path):
        pass
    process.kill()
    process.communicate()
    with InstanceLock(tmp_path):
        pass


def test_the_folder_is_made_for_the_owner_only(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        with InstanceLock(tmp_path / "deep" / "data"):
            assert (tmp_path / "deep" / "data").stat().st_mode & 0o777 == 0o700
            assert (tmp_path / "deep" / "data" / "toru.lock").stat().st_mode & 0o777 == 0o600
    finally:
        os.umask(before)


def test_a_folder_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o750)
    with InstanceLock(tmp_path):
        assert tmp_path.stat().st_mode & 0o777 == 0o750


def test_a_folder_in_which_everybody_may_write_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)
    with pytest.raises(UnsafeFolder, match="needs a folder of its own"), InstanceLock(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []
