"""What a script finds when it starts, and what the core hears when it cannot."""

import errno
import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from app.runner.journal import CANCELLED, STDERR, STDOUT
from tests.runner.conftest import StartRunner
from tests.runner.support import CAP, NOBODY, PYTHON, Core, Runner

BOTH = pytest.mark.parametrize("tty", [False, True], ids=["pipes", "terminal"])

LOOK = """
import json, os, resource, signal, sys
blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [])
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(json.dumps({
    "fds": sorted(int(fd) for fd in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{fd}")),
    "stdin": os.readlink("/proc/self/fd/0"),
    "ignored": int(status["SigIgn"], 16),
    "blocked": sorted(blocked),
    "session": os.getsid(0), "group": os.getpgrp(), "pid": os.getpid(),
    "files": resource.getrlimit(resource.RLIMIT_NOFILE),
    "env": dict(os.environ), "cwd": os.getcwd(), "argv": sys.argv[1:],
}))
"""


def look(core: Core, *args: str, **fields: Any) -> dict[str, object]:
    """What a script sees of itself; started without Python's own ignored signals."""
    run = core.start(PYTHON, "-I", "-c", LOOK, *args, **fields)
    status, _ = core.end(run)
    assert status == 0, core.output(run)
    seen: dict[str, object] = json.loads(core.output(run))
    return seen


@pytest.mark.fault("X13")
@BOTH
def test_a_script_has_three_descriptors_and_a_session_of_its_own(core: Core, tty: bool) -> None:
    seen = look(core, tty=tty)
    assert seen["fds"] == [0, 1, 2]
    assert seen["session"] == seen["group"] == seen["pid"]
    assert seen["blocked"] == []


@BOTH
def test_no_signal_is_ignored_even_when_the_runner_was_started_by_nohup(start_runner: StartRunner, tty: bool) -> None:
    ignoring = ("/bin/bash", "-c", "trap '' HUP INT QUIT TERM USR1 PIPE; exec \"$@\"", "bash")
    core = start_runner(prefix=ignoring).connect()
    run = core.start("/bin/grep", "SigIgn", "/proc/self/status", tty=tty)
    core.end(run)
    assert core.output(run).split() == [b"SigIgn:", b"0000000000000000"]


def test_a_broken_pipe_ends_a_pipeline_as_in_a_shell(core: Core) -> None:
    run = core.bash("set -o pipefail; yes | head -n 1; echo ${PIPESTATUS[0]}")
    core.end(run)
    assert core.output(run) == b"y\n%d\n" % (128 + signal.SIGPIPE)


@pytest.mark.fault("X13")
def test_without_a_terminal_stdin_is_empty(core: Core) -> None:
    run = core.bash('read -r line; echo $? "[$line]"; readlink /proc/$$/fd/0')
    core.end(run)
    assert core.output(run) == b"1 []\n/dev/null\n"


@BOTH
def test_environment_folder_and_arguments_are_those_given(core: Core, tmp_path: Path, tty: bool) -> None:
    args = ["a b", "", "$(id)", ";", "-n", "ü🚀", "'\"\\"]
    run_id = f"my-run_{tty}"
    seen = look(core, *args, run=run_id, tty=tty, env={"A": "1", "EMPTY": ""}, cwd=str(tmp_path))
    environment = seen["env"]
    assert isinstance(environment, dict)
    environment.pop("LC_CTYPE", None)  # Python's own doing
    assert environment == {"A": "1", "EMPTY": "", "TORU_RUN_ID": run_id}
    assert seen["cwd"] == str(tmp_path)
    assert seen["argv"] == args


def test_a_script_whose_name_is_no_utf8_runs(core: Core, tmp_path: Path) -> None:
    script = os.fsencode(tmp_path) + b"/caf\xe9 $(x).sh"
    with open(script, "wb") as file:
        file.write(b"#!/bin/sh\necho ran\n")
    os.chmod(script, 0o700)
    run = core.start(os.fsdecode(script))
    core.end(run)
    assert core.output(run) == b"ran\n"


@BOTH
def test_the_limit_of_open_files_is_the_one_the_runner_was_given(start_runner: StartRunner, tty: bool) -> None:
    runner = start_runner(prefix=("prlimit", "--nofile=64:4096"))
    core = runner.connect()
    waiting = [core.bash("sleep 100") for _ in range(30)]  # more than 64 descriptors can serve
    assert runner.descriptors() > 64
    seen = look(core, tty=tty)
    assert seen["files"] == [64, 4096]
    for run in waiting:
        core.cancel(run)
    for run in waiting:
        core.end(run)


@pytest.mark.fault("X43")
def test_one_script_cannot_change_what_the_next_finds(core: Core, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    core.end(core.bash("umask 777; ulimit -n 5; cd /; rmdir $OLDPWD", cwd=str(gone)))
    assert not gone.exists()
    run = core.bash("umask; ulimit -n; pwd", cwd=str(tmp_path))
    core.end(run)
    mask, files, folder = core.output(run).decode().split()
    assert int(mask, 8) != 0o777
    assert int(files) > 5
    assert folder == str(tmp_path)


def test_stdout_and_stderr_are_told_apart_and_each_is_in_order(core: Core) -> None:
    run = core.bash("for ((i = 0; i < 5000; i++)); do echo out $i; echo err $i >&2; done")
    core.end(run)
    journal = core.journal(run)
    assert journal.bytes(STDOUT) == b"".join(b"out %d\n" % i for i in range(5000))
    assert journal.bytes(STDERR) == b"".join(b"err %d\n" % i for i in range(5000))


# -- what cannot be started


def refused(core: Core, *argv: str, **fields: Any) -> tuple[int, str]:
    request = {"run": "refused", "argv": list(argv), "env": {}, "cwd": "/", "cap": CAP, **fields}
    answer = core.ask("start", **request)
    assert "ok" not in answer
    assert not (core.data / "runs" / "refused").exists(), "a row without a journal never started"
    return answer["errno"], answer["error"]


def script(folder: Path, content: bytes, mode: int = 0o700) -> str:
    path = folder / "script.sh"
    path.write_bytes(content)
    path.chmod(mode)
    return str(path)


@BOTH
@pytest.mark.parametrize(
    ("content", "mode", "number"),
    [
        (b"#!/bin/sh\r\necho\r\n", 0o700, errno.ENOENT),
        (b"#!/no/such/interpreter\n", 0o700, errno.ENOENT),
        (b"echo no shebang\n", 0o700, errno.ENOEXEC),
        (b"", 0o700, errno.ENOEXEC),
        (b"\xef\xbb\xbf#!/bin/sh\n", 0o700, errno.ENOEXEC),
        (b"\x7fELF" + bytes(1000), 0o700, errno.ENOEXEC),
        (b"#!/bin/sh\n", 0o600, errno.EACCES),
    ],
    ids=["crlf", "interpreter", "no shebang", "empty", "bom", "broken elf", "not executable"],
)
def test_the_kernels_reason_comes_back(
    core: Core, tmp_path: Path, tty: bool, content: bytes, mode: int, number: int
) -> None:
    path = script(tmp_path, content, mode)
    assert refused(core, path, tty=tty) == (number, f"{os.strerror(number)}: {path}")


@BOTH
def test_a_missing_file_and_a_missing_folder_are_told_apart(core: Core, tmp_path: Path, tty: bool) -> None:
    gone = str(tmp_path / "gone")
    assert refused(core, gone, tty=tty) == (errno.ENOENT, f"No such file or directory: {gone}")
    assert refused(core, "/bin/true", cwd=gone, tty=tty) == (errno.ENOENT, f"No such file or directory: {gone}")
    assert refused(core, "/bin/true", cwd="relative", tty=tty)[0] == errno.EINVAL


def test_arguments_beyond_the_kernels_limit_are_refused(core: Core) -> None:
    assert refused(core, "/bin/true", "x" * 200_000)[0] == errno.E2BIG


@pytest.mark.fault("O07")
@pytest.mark.skipif(os.getuid() != 0, reason="the limit counts all processes of a user: takes root to be another one")
def test_no_more_processes_is_an_answer_and_no_crash(start_runner: StartRunner) -> None:
    core = start_runner(prefix=(*NOBODY, "prlimit", "--nproc=2")).connect()
    first = core.bash("exec sleep 100")
    request = {"argv": ["/bin/true"], "env": {}, "cwd": "/", "cap": CAP}
    answer = core.ask("start", run="second", **request)
    assert answer["errno"] == errno.EAGAIN
    core.cancel(first)
    core.end(first)
    assert core.ask("start", run="third", **request)["ok"]
    core.end("third")


@pytest.mark.fault("O07")
def test_no_more_descriptors_is_an_answer_and_no_crash(start_runner: StartRunner) -> None:
    core = start_runner(prefix=("prlimit", "--nofile=64:64")).connect()
    request = {"argv": ["/bin/sleep", "100"], "env": {}, "cwd": "/", "cap": CAP}
    answers = {f"run{i}": core.ask("start", run=f"run{i}", **request) for i in range(20)}
    started = [run for run, answer in answers.items() if "ok" in answer]
    assert 4 <= len(started) < 20
    assert {answer["errno"] for answer in answers.values() if "error" in answer} == {errno.EMFILE}
    for run in started:
        core.cancel(run)
    for run in started:
        assert core.end(run)[1] == CANCELLED
    assert core.end(core.bash("exit 0")) == (0, 0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"run": "../x"},
        {"run": ""},
        {"run": "a" * 65},
        {"run": 5},
        {"argv": []},
        {"argv": "x"},
        {"argv": ["a\0b"]},
        {"env": {"A": 1}},
        {"env": {"A": "\0"}},
        {"env": {"A=B": "1"}},
        {"env": {"": "1"}},
        {"env": []},
        {"cwd": None},
        {"cap": "1"},
        {"cap": -1},
        {"cap": True},
        {"timeout": -1},
        {"timeout": "1"},
        {"tty": 1},
        {"cols": 1.5, "tty": True},
    ],
    ids=str,
)
def test_a_wrong_field_is_refused_and_nothing_started(core: Core, wrong: dict[str, object]) -> None:
    request = {"run": "refused", "argv": ["/bin/true"], "env": {}, "cwd": "/", "cap": CAP, **wrong}
    answer = core.ask("start", **request)
    assert answer["error"]
    assert list((core.data / "runs").iterdir()) == []


def test_one_id_is_one_run(runner: Runner, core: Core) -> None:
    core.start("/bin/echo", "first", run="same")
    core.end("same")
    request = {"run": "same", "argv": ["/bin/echo", "second"], "env": {}, "cwd": "/", "cap": CAP}
    assert core.ask("start", **request)["errno"] == errno.EEXIST
    assert core.ask("forget", run="same")["ok"]
    assert core.ask("start", **request)["errno"] == errno.EEXIST
    assert core.output("same") == b"first\n"
    assert runner.descriptors() < 15
