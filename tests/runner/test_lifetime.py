"""The runner itself: it outlives its core, keeps every byte meanwhile, and ends when nobody needs it."""

import contextlib
import hashlib
import os
import signal
import stat
import subprocess
import time
from pathlib import Path

import pytest

from app.core.framing import encode
from app.runner import protocol
from app.runner.__main__ import ALREADY_SERVED
from app.runner.journal import CANCELLED
from tests.runner.conftest import StartRunner
from tests.runner.support import NOBODY, PYTHON, Core, Runner, alive, eventually

MIB = 1 << 20


def numbers(core: Core, count: int, pause: float) -> str:
    """A run that writes a number a line."""
    return core.bash(f"for ((i = 0; i < {count}; i++)); do echo $i; sleep {pause}; done; exit 6")


def test_a_run_goes_on_without_a_core_and_every_byte_is_there(runner: Runner) -> None:
    core = runner.connect()
    run = numbers(core, 60, 0.01)
    core.wait_output(run, b"3\n")
    core.close()  # as a kill -9 of the core does it

    eventually(lambda: core.output(run).count(b"\n") > 10)
    back = runner.connect()
    assert back.runs[run][3] is None, "it still runs"
    assert back.runs[run][1] > 10, "and went on meanwhile"
    status, flags = back.end(run)
    assert (os.waitstatus_to_exitcode(status), flags) == (6, 0)
    assert back.output(run) == b"".join(b"%d\n" % i for i in range(60))


def test_a_flood_through_ten_changes_of_core_is_exact(runner: Runner) -> None:
    core = runner.connect()
    code = "import os\nfor i in range(1600): os.write(1, bytes([i % 251]) * 65536)"
    run = core.start(PYTHON, "-I", "-c", code, cap=200 * MIB)
    for _ in range(10):
        core.close()
        core = runner.connect()
    row = core.runs[run]
    if row[3] is None:
        core.end(run, 60)
    expected = hashlib.sha256()
    for i in range(1600):
        expected.update(bytes([i % 251]) * 65536)
    assert hashlib.sha256(core.output(run)).hexdigest() == expected.hexdigest()


def test_an_end_that_nobody_heard_is_told_to_the_next_core(runner: Runner) -> None:
    core = runner.connect()
    run = core.bash("sleep 0.2; echo done; exit 9")
    core.close()
    eventually(lambda: core.journal(run).end() is not None)
    back = runner.connect()
    name, size, _, status, flags, pid = back.runs[run]
    assert (name, size, os.waitstatus_to_exitcode(status), flags) == (run, 5, 9, 0)
    assert pid > 0
    assert back.ask("list")["runs"] == [back.runs[run]]
    assert back.ask("forget", run=run)["ok"]
    assert back.ask("list")["runs"] == []


def test_a_run_that_goes_on_cannot_be_forgotten(core: Core) -> None:
    run = core.bash("sleep 100")
    assert "error" in core.ask("forget", run=run)
    core.cancel(run)
    core.end(run)
    assert core.ask("forget", run=run)["ok"]


def test_the_newest_core_wins(runner: Runner) -> None:
    old = runner.connect()
    run = old.bash("sleep 100")
    new = runner.connect()
    assert list(new.runs) == [run]
    with pytest.raises(ConnectionError):
        old.ask("list")
    new.cancel(run)
    new.end(run)


def test_who_has_not_said_hello_is_not_obeyed_and_drops_nobody(runner: Runner, core: Core) -> None:
    run = core.bash("sleep 100")
    stranger = runner.connect(hello=False)
    assert "error" in stranger.ask("cancel", run=run)
    assert "error" in stranger.ask("list")
    stranger.close()
    assert core.ask("list")["ok"]
    core.cancel(run)
    core.end(run)


def test_a_core_that_does_not_read_keeps_neither_a_run_nor_the_next_core_waiting(runner: Runner) -> None:
    frozen = runner.connect()
    run = numbers(frozen, 100, 0.005)
    list_command = encode({"id": 1, "cmd": "list"})
    frozen.socket.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            frozen.socket.send(list_command * 100)
    before = runner.pss()
    began = time.monotonic()
    core = runner.connect()
    assert time.monotonic() - began < 5
    if core.runs[run][3] is None:
        core.end(run)
    assert core.output(run).endswith(b"99\n")
    assert runner.pss() - before < 2 * MIB


@pytest.mark.parametrize(
    "garbage", [b"\xff\xff\xff\xff", b"\0\0\0\x03{{{", b"GET / HTTP/1.1\r\n\r\n", encode({"cmd": 5})]
)
def test_garbage_harms_nobody(runner: Runner, core: Core, garbage: bytes) -> None:
    stranger = runner.connect(hello=False)
    stranger.socket.sendall(garbage)
    stranger.close()
    assert core.ask("list")["ok"]


@pytest.mark.skipif(os.getuid() != 0, reason="takes root to be another user")
def test_another_user_is_refused(start_runner: StartRunner) -> None:
    runner = start_runner()
    core = runner.connect()
    for folder in (runner.data, runner.data / "runner"):
        folder.chmod(0o755)
    (runner.data / "runner" / "1.sock").chmod(0o777)
    path = runner.data / "runner" / "1.sock"
    code = (
        f"import socket; s = socket.socket(socket.AF_UNIX); s.connect({str(path)!r})\n"
        f"s.sendall({encode({'id': 1, 'cmd': 'hello'})!r}); print(s.recv(99))"
    )
    answer = subprocess.run([*NOBODY, PYTHON, "-I", "-c", code], capture_output=True, check=False)
    assert answer.stdout == b"b''\n" or b"BrokenPipe" in answer.stderr or b"ConnectionReset" in answer.stderr
    assert "Refused a connection of user 54321" in runner.log.read_text()
    assert core.ask("list")["ok"]


# -- its own end


def test_it_ends_when_it_has_neither_a_core_nor_a_run(start_runner: StartRunner) -> None:
    runner = start_runner(idle_exit=0.3)
    core = runner.connect()
    time.sleep(0.6)
    assert runner.process.poll() is None, "it has a core"
    run = core.bash("sleep 0.8")
    core.close()
    time.sleep(0.5)
    assert runner.process.poll() is None, "it has a run"
    assert runner.process.wait(15) == 0
    assert core.journal(run).end() is not None
    assert not (runner.data / "runner" / "1.sock").exists()


def test_it_ends_when_no_core_ever_comes(start_runner: StartRunner) -> None:
    runner = start_runner(idle_exit=0.1)
    assert runner.process.wait(15) == 0


def test_it_stays_for_a_daemon_that_writes_to_its_pipe(start_runner: StartRunner) -> None:
    runner = start_runner(idle_exit=0.2)
    core = runner.connect()
    run = core.bash("sleep 100 & echo pid $!")
    core.end(run)
    core.ask("forget", run=run)
    core.close()
    daemon = int(core.output(run).split()[1])
    time.sleep(0.6)
    assert runner.process.poll() is None
    assert alive(daemon)
    os.kill(daemon, signal.SIGKILL)
    assert runner.process.wait(15) == 0


def test_sigterm_cancels_everything_and_ends(start_runner: StartRunner) -> None:
    runner = start_runner()
    core = runner.connect()
    runs = [core.bash("sleep 100") for _ in range(5)]
    runs.append(core.bash("trap 'sleep 0.2; echo bye; exit 3' TERM; echo ready; while :; do sleep 0.05; done"))
    escaped = core.bash("setsid sleep 100 & echo pid $!; sleep 100")
    core.wait_output(escaped, b"pid ")
    core.wait_output(runs[-1], b"ready")
    runner.process.send_signal(signal.SIGTERM)
    for run in (*runs, escaped):
        assert core.end(run)[1] == CANCELLED
    assert runner.process.wait(15) == 0
    assert b"bye" in core.output(runs[-1])
    assert not alive(int(core.output(escaped).split()[1]))


def test_a_second_sigterm_kills_at_once(start_runner: StartRunner) -> None:
    runner = start_runner()
    core = runner.connect()
    run = core.bash("trap 'echo told' TERM; echo ready; while :; do sleep 1; done")
    core.wait_output(run, b"ready")
    runner.process.send_signal(signal.SIGTERM)
    core.wait_output(run, b"told")
    assert runner.process.poll() is None
    answer = core.ask("start", run="late", argv=["/bin/true"], env={}, cwd="/", cap=MIB)
    assert answer["error"] == "The runner is ending"
    runner.process.send_signal(signal.SIGTERM)
    assert runner.process.wait(15) == 0
    end = core.journal(run).end()
    assert end is not None
    assert os.WTERMSIG(end[1]) == signal.SIGKILL


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT, signal.SIGPIPE], ids=str)
def test_signals_of_a_terminal_do_not_concern_it(runner: Runner, core: Core, number: signal.Signals) -> None:
    os.kill(runner.pid, number)
    run = core.bash("exit 2")
    assert os.waitstatus_to_exitcode(core.end(run)[0]) == 2


def test_a_runner_that_is_killed_leaves_journals_that_can_be_read(start_runner: StartRunner) -> None:
    runner = start_runner()
    core = runner.connect()
    run = core.bash("echo pid $$; yes 2>/dev/null")
    core.wait(lambda: run in core.progress and core.progress[run][1] > MIB)
    runner.process.kill()
    runner.process.wait()
    core.close()
    journal = core.journal(run)
    text = journal.bytes()
    assert text.startswith(b"pid ")
    assert set(text.split(b"\n", 1)[1]) <= set(b"y\n")
    assert journal.end() is None
    again = start_runner()
    assert again.connect().runs == {}, "a new one knows nothing of it"


# -- its place


def test_one_runner_serves_a_folder(runner: Runner, core: Core) -> None:
    second = Runner(runner.data)
    assert second.process.wait(10) == ALREADY_SERVED
    assert core.ask("list")["ok"]


def test_a_socket_left_behind_is_replaced(start_runner: StartRunner) -> None:
    first = start_runner()
    first.connect().close()
    first.process.kill()
    first.process.wait()
    assert (first.data / "runner" / "1.sock").exists()
    core = start_runner().connect()
    assert core.end(core.bash("exit 0")) == (0, 0)


def test_nobody_else_can_look_into_its_folders(runner: Runner, core: Core) -> None:
    modes = {
        name: stat.S_IMODE((runner.data / name).stat().st_mode)
        for name in ("runner", "runs", "runner/1.sock", "runner/1.lock")
    }
    assert modes == {"runner": 0o700, "runs": 0o700, "runner/1.sock": 0o600, "runner/1.lock": 0o600}


def test_a_deep_data_folder(start_runner: StartRunner, tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["a rather long name of a folder"] * 10)
    deep.mkdir(parents=True)
    core = start_runner(deep).connect()
    run = core.bash("echo deep")
    core.end(run)
    assert core.output(run) == b"deep\n"
    assert len(str(deep)) > 300


@pytest.mark.fault("X12")
def test_it_has_no_secrets_and_no_core_to_read_them_from(runner: Runner, core: Core) -> None:
    run = core.bash("tr '\\0' '\\n' < /proc/$PPID/environ")
    core.end(run)
    assert {line.split(b"=")[0] for line in core.output(run).splitlines()} <= {b"PATH"}


def test_the_version_is_told(runner: Runner) -> None:
    core = runner.connect(hello=False)
    answer = core.ask("hello", version=999)
    assert answer["version"] == protocol.RUNNER_VERSION
    assert answer["pid"] == runner.pid


def test_silence_is_not_waited_for_for_ever(runner: Runner) -> None:
    silent = runner.connect(hello=False)
    silent.socket.settimeout(15)
    assert silent.socket.recv(1) == b""
