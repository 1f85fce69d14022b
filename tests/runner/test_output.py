"""Every byte a script writes is in its journal, in order, and its end comes when it is over and not before."""

import hashlib
import os
import signal
import time
from pathlib import Path

import pytest

from app.runner.journal import LOST, STDOUT
from tests.runner.support import PYTHON, Core, Runner, alive, eventually

BOTH = pytest.mark.parametrize("tty", [False, True], ids=["pipes", "terminal"])
MIB = 1 << 20


def pid_in(core: Core, run: str, word: bytes = b"pid") -> int:
    """A process id that a script printed after a word."""
    text = core.wait_output(run, word + b" ")
    return int(text.split(word + b" ")[1].split()[0])


@pytest.mark.fault("X28")
@BOTH
@pytest.mark.parametrize("code", [0, 1, 127, 255])
def test_an_exit_code_comes_through(core: Core, code: int, tty: bool) -> None:
    run = core.bash(f"exit {code}", tty=tty)
    status, flags = core.end(run)
    assert os.waitstatus_to_exitcode(status) == code
    assert flags == 0
    assert core.journal(run).end() == (0, status, 0)


@pytest.mark.fault("X28")
@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL, signal.SIGABRT, signal.SIGPIPE], ids=str)
def test_a_signal_comes_through(core: Core, number: signal.Signals) -> None:
    status, _ = core.end(core.bash(f"ulimit -c 0; kill -{number} $$"))
    assert os.WIFSIGNALED(status)
    assert os.WTERMSIG(status) == number


@BOTH
def test_the_last_words_are_kept(core: Core, tty: bool) -> None:
    for _ in range(20):
        run = core.bash("head -c 100000 /dev/zero | tr '\\0' x; echo; echo last", tty=tty)
        core.end(run)
        assert core.output(run).replace(b"\r", b"") == b"x" * 100000 + b"\nlast\n"


def test_the_journal_is_right_when_the_core_hears_of_the_end(core: Core) -> None:
    run = core.bash("echo out; echo err >&2; exit 7")
    status, flags = core.end(run)
    _, size, records, _, _ = core.progress[run]
    journal = core.journal(run)
    assert journal.end() == (size, status, flags)
    assert len(journal.records()) == records
    assert size == len(journal.bytes()) == 8


def test_progress_never_runs_ahead_of_the_journal(core: Core) -> None:
    run = core.bash("for i in {1..300}; do echo line $i; [ $((i % 30)) = 0 ] && sleep 0.01; done")
    seen = []

    def over() -> bool:
        row = core.progress.get(run)
        if row:
            seen.append(row[1])
            assert len(core.output(run)) >= row[1]
        return row is not None and row[3] is not None

    core.wait(over)
    assert seen == sorted(seen)
    assert len(set(seen)) > 3, "word comes while it runs"


@pytest.mark.fault("X16")
def test_binary_output_is_kept_as_it_is(core: Core) -> None:
    code = "import os; os.write(1, bytes(range(256)) * 4096)"
    run = core.start(PYTHON, "-I", "-c", code)
    core.end(run)
    assert core.output(run) == bytes(range(256)) * 4096


@pytest.mark.fault("X15")
def test_an_emoji_cut_in_two_is_whole_in_the_journal(core: Core) -> None:
    run = core.bash(r"printf '\xf0\x9f'; sleep 0.1; printf '\x9a\x80\n'")
    core.end(run)
    assert core.output(run).decode() == "🚀\n"
    assert len(core.journal(run).pieces()) == 2, "a record for each time it wrote"


@pytest.mark.fault("X19")
def test_a_line_of_70_kb(core: Core) -> None:
    run = core.bash("head -c 70000 /dev/zero | tr '\\0' a; echo")
    core.end(run)
    assert core.output(run) == b"a" * 70000 + b"\n"


@pytest.mark.fault("X19")
def test_a_flood_without_any_newline_is_kept_to_the_last_byte(core: Core, runner: Runner) -> None:
    before = runner.pss()
    code = "import os\nfor i in range(640): os.write(1, bytes([65 + i % 26]) * 65536)"
    run = core.start(PYTHON, "-I", "-c", code, cap=100 * MIB)
    core.end(run, 60)
    expected = hashlib.sha256()
    for i in range(640):
        expected.update(bytes([65 + i % 26]) * 65536)
    assert hashlib.sha256(core.output(run)).hexdigest() == expected.hexdigest()
    assert len(core.journal(run).bases) == 6, "40 MiB in parts of 8, with their records"
    assert runner.pss() - before < 2 * MIB


def test_many_small_writes_share_records(core: Core) -> None:
    run = core.bash("for ((i = 0; i < 20000; i++)); do echo $i; done")
    core.end(run)
    assert core.output(run) == b"".join(b"%d\n" % i for i in range(20000))
    assert len(core.journal(run).records()) < 500


@pytest.mark.fault("X17")
def test_two_streams_that_alternate_lose_nothing_of_either(core: Core) -> None:
    code = "import os\nfor i in range(10000): os.write(1 + i % 2, b'%d\\n' % i)"
    run = core.start(PYTHON, "-I", "-c", code)
    core.end(run)
    journal = core.journal(run)
    assert journal.bytes(STDOUT) == b"".join(b"%d\n" % i for i in range(0, 10000, 2))
    assert journal.bytes(1) == b"".join(b"%d\n" % i for i in range(1, 10000, 2))


# -- when a run is over


@pytest.mark.fault("X21")
@BOTH
def test_a_script_that_closes_its_output_and_sleeps_still_runs(core: Core, tty: bool) -> None:
    run = core.bash("echo pid $$; exec <&- >&- 2>&-; sleep 1.5; exit 3", tty=tty)
    began = time.monotonic()
    pid_in(core, run)
    status, _ = core.end(run)
    assert os.waitstatus_to_exitcode(status) == 3
    assert time.monotonic() - began > 1.4


def test_a_terminal_that_was_closed_can_be_opened_again(core: Core) -> None:
    run = core.bash("exec <&- >&- 2>&-; sleep 0.3; echo back > /dev/tty", tty=True)
    core.end(run)
    assert core.output(run) == b"back\r\n"


def test_a_background_child_that_keeps_the_pipe_delays_the_end_by_a_second(core: Core) -> None:
    run = core.bash("sleep 60 & echo pid $!")
    began = time.monotonic()
    status, flags = core.end(run)
    assert (status, flags) == (0, 0)
    assert 0.9 < time.monotonic() - began < 6
    daemon = pid_in(core, run)
    assert alive(daemon), "it was not asked to end"
    os.kill(daemon, signal.SIGKILL)


def test_what_a_background_child_writes_within_that_second_counts(core: Core) -> None:
    run = core.bash("(sleep 0.4; echo late) & echo early")
    core.end(run)
    assert core.output(run) == b"early\nlate\n"
    late, end = core.journal(run).records()[-2:]
    assert end[1] - late[1] < 300_000_000, "its end of the pipe was closed: no need to wait"


@BOTH
def test_a_daemon_left_behind_goes_on_and_gets_no_broken_pipe(
    core: Core, runner: Runner, tmp_path: Path, tty: bool
) -> None:
    log = tmp_path / "log"
    loop = f"for i in {{1..1000}}; do echo noise noise noise || exit; echo $i >> {log}; sleep 0.01; done"
    run = core.bash(f"setsid bash -c '{loop}' & echo pid $!; until [ -s {log} ]; do sleep 0.01; done", tty=tty)
    core.end(run)
    size = core.progress[run][1]
    assert core.ask("forget", run=run)["ok"]
    daemon = pid_in(core, run)
    at_end = int(log.read_text().split()[-1])
    eventually(lambda: int(log.read_text().split()[-1]) > at_end + 50)
    assert alive(daemon)
    assert len(core.output(run)) == size, "what comes after the end is not kept"
    quiet = core.bash("sleep 0.3")
    core.end(quiet)
    assert core.output(quiet) == b"", "and lands nowhere else"
    open_with_it = runner.descriptors()
    os.kill(daemon, signal.SIGKILL)
    eventually(lambda: runner.descriptors() < open_with_it)


def test_the_end_is_told_once(core: Core, runner: Runner) -> None:
    run = core.bash("sleep 0.3 & sleep 0.1")
    core.end(run)
    other = core.bash("sleep 1.3")
    core.end(other)
    assert core.ends == [run, other]
    assert core.journal(run).end() == (0, 0, 0)


@pytest.mark.fault("X41")
def test_a_time_limit_is_kept_and_told(core: Core) -> None:
    began = time.monotonic()
    run = core.bash("sleep 60", timeout=0.5)
    status, flags = core.end(run)
    assert flags == 8
    assert os.WTERMSIG(status) == signal.SIGTERM
    assert 0.4 < time.monotonic() - began < 4


def test_a_run_within_its_limit_is_not_touched(core: Core) -> None:
    run = core.bash("exit 0", timeout=0.2)
    assert core.end(run) == (0, 0)
    later = core.bash("sleep 0.4")
    assert core.end(later) == (0, 0)
    end = core.journal(run).end()
    assert end is not None
    assert not end[2] & LOST
