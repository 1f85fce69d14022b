"""Cancelling: SIGTERM at once, SIGKILL after the grace, nothing of the run survives, and there is one end."""

import contextlib
import functools
import itertools
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from app.runner.journal import CANCELLED, TIMED_OUT
from tests.runner.conftest import StartRunner
from tests.runner.support import NOBODY, PYTHON, Core, Runner, alive, eventually

BOTH = pytest.mark.parametrize("tty", [False, True], ids=["pipes", "terminal"])


def pids(core: Core, run: str, count: int) -> list[int]:
    """The processes that a script has told of, one `pid N` a line."""
    core.wait(lambda: run in core.progress and core.output(run).count(b"pid ") >= count)
    words = core.output(run).split()
    return [int(number) for word, number in itertools.pairwise(words) if word == b"pid"]


@BOTH
def test_a_script_that_obeys_ends_at_once(core: Core, tty: bool) -> None:
    run = core.bash("echo pid $$; sleep 100", tty=tty)
    pids(core, run, 1)
    began = time.monotonic()
    assert core.cancel(run) is False
    status, flags = core.end(run)
    assert time.monotonic() - began < 3, "long before the grace is over"
    assert os.WTERMSIG(status) == signal.SIGTERM
    assert flags == CANCELLED


@BOTH
def test_a_script_may_clean_up_within_its_grace(core: Core, tty: bool) -> None:
    run = core.bash("trap 'sleep 0.3; echo cleaned; exit 3' TERM; echo pid $$; while :; do sleep 0.05; done", tty=tty)
    pids(core, run, 1)
    core.cancel(run)
    status, flags = core.end(run)
    assert os.waitstatus_to_exitcode(status) == 3
    assert flags == CANCELLED
    assert b"cleaned" in core.output(run)


@pytest.mark.fault("X23")
@BOTH
def test_a_script_that_ignores_sigterm_is_killed_after_the_grace(core: Core, tty: bool) -> None:
    run = core.bash("trap '' TERM; echo pid $$; while :; do sleep 1; done", tty=tty)
    pids(core, run, 1)
    began = time.monotonic()
    core.cancel(run, grace=1)
    status, flags = core.end(run)
    assert 0.9 < time.monotonic() - began < 4
    assert os.WTERMSIG(status) == signal.SIGKILL
    assert flags == CANCELLED


def test_the_grace_is_five_seconds_where_the_core_does_not_say(core: Core) -> None:
    run = core.bash("trap '' TERM; echo pid $$; while :; do sleep 1; done")
    pids(core, run, 1)
    began = time.monotonic()
    assert core.ask("cancel", run=run)["already"] is False
    core.end(run)
    assert 4.9 < time.monotonic() - began < 8


ESCAPES = {
    "three levels": "bash -c 'echo pid $$; bash -c \"echo pid \\$\\$; sleep 100; :\"; :'; :",
    "pipeline": "yes | (echo pid $BASHPID >&2; cat > /dev/null) | (echo pid $BASHPID >&2; sleep 100)",
    "setsid": "setsid bash -c 'echo pid $$; sleep 100; :' & echo pid $!; sleep 100",
    "nohup": "nohup sleep 100 > /dev/null 2>&1 & echo pid $!; echo pid $$; sleep 100",
    "double fork": "(setsid bash -c 'echo pid $$; (trap \"\" TERM; echo pid $BASHPID; exec sleep 100) &' &); sleep 100",
    "ignores": "trap '' TERM; bash -c 'echo pid $$; sleep 100; :' & echo pid $!; wait",
    "closed output": "setsid bash -c 'echo pid $$; exec >&- 2>&-; sleep 100; :' & echo pid $!; sleep 100",
    "stopped": "bash -c 'echo pid $$; kill -STOP $$; sleep 100'; echo pid $$",
    "scrubbed": "env -i bash -c 'trap \"\" TERM; echo pid $$; while :; do sleep 1; done' & echo pid $!; sleep 100",
}


@pytest.mark.fault("X20")
@BOTH
@pytest.mark.parametrize("script", ESCAPES.values(), ids=ESCAPES)
def test_nothing_of_a_run_survives(core: Core, script: str, tty: bool) -> None:
    run = core.bash(script, tty=tty)
    told = 1 if "STOP" in script else 2
    found = pids(core, run, told)
    core.cancel(run, grace=1)
    _, flags = core.end(run)
    eventually(lambda: not any(alive(pid) for pid in found), 6)
    assert flags == CANCELLED
    assert core.ends.count(run) == 1


@pytest.mark.fault("X20")
def test_a_daemon_that_scrubbed_everything_but_its_session_dies_too(core: Core) -> None:
    """The leader is gone, the group ignores SIGTERM and has no marker: found by the session, not by a reused number."""
    run = core.bash("env -i bash -c 'trap \"\" TERM; echo pid $$; while :; do sleep 1; done' & sleep 100")
    (daemon,) = pids(core, run, 1)
    assert alive(daemon)
    core.cancel(run, grace=0.5)
    core.end(run)
    eventually(lambda: not alive(daemon))


HYDRA = """
import os, signal, time
signal.alarm(20)  # whatever happens
for _ in range(3):
    os.fork()
while True:
    if os.fork():
        os._exit(0)
    signal.alarm(20)
    time.sleep(0.01)
"""


def marked(run: str) -> int:
    """How many processes carry a run's marker."""
    count = 0
    for name in sorted(os.listdir("/proc"), reverse=True):
        with contextlib.suppress(OSError), open(f"/proc/{name}/environ", "rb") as file:
            count += f"TORU_RUN_ID={run}".encode() in file.read()
    return count


@pytest.mark.fault("X20")
def test_a_program_that_is_always_another_process_dies(core: Core) -> None:
    run = core.start("/bin/bash", "-c", 'setsid "$0" -I -S -c "$1" & sleep 100', PYTHON, HYDRA)
    eventually(lambda: marked(run) > 6)
    core.cancel(run, grace=0)
    core.end(run)
    eventually(lambda: marked(run) == 0)
    time.sleep(0.1)
    assert [marked(run) for _ in range(20)] == [0] * 20


def test_other_runs_are_left_alone(core: Core) -> None:
    keep, end = core.bash("sleep 100"), core.bash("setsid sleep 100 & sleep 100")
    core.cancel(end)
    core.end(end)
    assert core.cancel(keep) is False
    core.end(keep)
    assert core.ends == [end, keep]


def test_cancelling_twice_is_one_end_and_afterwards_it_is_already_over(core: Core) -> None:
    run = core.bash("trap '' TERM; echo pid $$; while :; do sleep 1; done")
    pids(core, run, 1)
    assert core.cancel(run, grace=30) is False
    began = time.monotonic()
    assert core.cancel(run, grace=0.2) is False, "a second one can be more impatient"
    core.end(run)
    assert time.monotonic() - began < 10
    assert core.cancel(run) is True
    assert core.ends == [run]
    assert core.journal(run).end() is not None


def test_cancel_and_exit_at_the_same_moment_is_one_end(core: Core) -> None:
    for pause in range(60):
        run = core.bash(f"sleep 0.0{pause % 10}")
        time.sleep(pause % 10 / 100)
        already = core.cancel(run)
        status, flags = core.end(run)
        assert core.ends.count(run) == 1
        assert flags == (0 if already else CANCELLED)
        assert core.journal(run).end() == (0, status, flags)


def test_a_timeout_ends_like_a_cancel_and_its_flag_stays(core: Core) -> None:
    run = core.bash(
        "trap '' TERM; setsid sleep 100 & echo pid $!; trap 'echo told' TERM; while :; do sleep 1; done", timeout=0.3
    )
    (grandchild,) = pids(core, run, 1)
    core.wait_output(run, b"told")
    assert core.cancel(run, grace=0) is False
    status, flags = core.end(run)
    assert os.WTERMSIG(status) == signal.SIGKILL
    assert flags == TIMED_OUT
    eventually(lambda: not alive(grandchild))


def test_a_run_whose_leader_is_gone_can_be_cancelled(core: Core) -> None:
    run = core.bash("setsid sleep 100 & echo pid $$; echo pid $!")
    leader, daemon = pids(core, run, 2)
    eventually(functools.partial(gone, leader))
    assert core.cancel(run) is False
    began = time.monotonic()
    status, flags = core.end(run)
    assert (status, flags) == (0, CANCELLED)
    assert time.monotonic() - began < 4
    eventually(lambda: not alive(daemon))


def gone(pid: int) -> bool:
    return not alive(pid)


def process_with_number(number: int) -> subprocess.Popen[bytes] | None:
    """A stranger that leads a session under a number that was somebody else's; None when it is not to be had."""
    last_pid = Path("/proc/sys/kernel/ns_last_pid")
    for _ in range(20):
        try:
            last_pid.write_text(str(number - 1))
        except OSError:
            return None
        process = subprocess.Popen(["sleep", "100"], start_new_session=True)
        if process.pid == number:
            return process
        process.kill()
        process.wait()
    return None


def test_a_stranger_that_got_the_number_of_the_group_is_not_touched(core: Core) -> None:
    for _ in range(5):
        run = core.bash("setsid sleep 100 & echo pid $$; echo pid $!")
        leader, daemon = pids(core, run, 2)
        eventually(functools.partial(gone, leader))
        time.sleep(0.05)  # the kernel counts starts in hundredths of a second
        stranger = process_with_number(leader)
        too_late = core.cancel(run, grace=0)
        core.end(run)
        if too_late:
            os.kill(daemon, signal.SIGKILL)
        eventually(functools.partial(gone, daemon))
        if stranger is None:
            continue
        time.sleep(0.2)
        survived = stranger.poll() is None
        stranger.kill()
        stranger.wait()
        assert survived
        if not too_late:
            return
    pytest.skip("process numbers cannot be chosen here")


@pytest.mark.skipif(os.getuid() != 0, reason="takes root to be another user")
def test_as_another_user_than_root(start_runner: StartRunner) -> None:
    core = start_runner(prefix=NOBODY).connect()
    run = core.bash("id -u; setsid bash -c 'echo pid $$; sleep 100; :' & sleep 100")
    (grandchild,) = pids(core, run, 1)
    core.cancel(run)
    core.end(run)
    eventually(lambda: not alive(grandchild))
    assert core.output(run).startswith(b"54321\n")


def test_the_sweep_of_a_run_the_runner_does_not_know(core: Core, runner: Runner) -> None:
    lost = subprocess.Popen(["sleep", "100"], env={"TORU_RUN_ID": "lost"}, start_new_session=True)
    other = subprocess.Popen(["sleep", "100"], env={"TORU_RUN_ID": "lost2"}, start_new_session=True)
    try:
        assert core.ask("sweep", run="lost") == {"re": 2, "ok": True, "killed": 1}
        assert lost.wait(5) == -signal.SIGKILL
        assert other.poll() is None
        assert core.ask("sweep", run="lost")["killed"] == 0
    finally:
        other.kill()
        other.wait()


def test_commands_about_unknown_runs_are_errors(core: Core) -> None:
    for cmd in ("cancel", "forget", "resize", "input"):
        assert core.ask(cmd, run="unknown", cols=80, rows=24, data="")["error"] == "No such run"
    assert core.ask("dance")["error"] == "Unknown command"
