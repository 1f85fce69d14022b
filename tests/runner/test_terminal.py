"""Runs with a terminal: it is a real one, takes keystrokes, has a size."""

import errno
import hashlib
import os
import signal
import time

from tests.runner.support import PYTHON, Core, Runner


def cpu_seconds(pid: int) -> float:
    """What a process has used."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_all_three_are_the_scripts_controlling_terminal(core: Core) -> None:
    run = core.bash("[ -t 0 ] && [ -t 1 ] && [ -t 2 ] && tty && echo yes > /dev/tty", tty=True)
    status, _ = core.end(run)
    assert status == 0
    terminal, yes = core.output(run).split()
    assert terminal.startswith(b"/dev/pts/")
    assert yes == b"yes"


def test_it_has_the_size_that_was_asked_for_and_follows_the_window(core: Core) -> None:
    script = "trap 'stty size; exit' WINCH; stty size; while :; do sleep 0.05; done"
    run = core.bash(script, tty=True, cols=101, rows=33)
    core.wait_output(run, b"33 101")
    assert core.ask("resize", run=run, cols=222, rows=55)["ok"]
    core.end(run)
    assert core.output(run).split() == [b"33", b"101", b"55", b"222"]


def test_a_size_beyond_reason_is_cut(core: Core) -> None:
    run = core.bash("stty size; read -r x; stty size", tty=True, cols=1_000_000, rows=0)
    core.wait_output(run, b"1 1000")
    core.ask("resize", run=run, cols=0, rows=10**9)
    core.type(run, b"\n")
    core.end(run)
    assert b"1000 2" in core.output(run)


def test_keystrokes_arrive_and_are_echoed(core: Core) -> None:
    run = core.bash("read -r name; echo hello $name", tty=True)
    assert core.type(run, "Zoë\n".encode())["ok"]
    core.end(run)
    assert core.output(run).decode() == "Zoë\r\nhello Zoë\r\n"


def test_ctrl_c_interrupts_what_is_in_the_foreground(core: Core) -> None:
    run = core.bash("trap 'echo interrupted; exit 5' INT; echo ready; while :; do sleep 0.05; done", tty=True)
    core.wait_output(run, b"ready")
    core.type(run, b"\x03")
    status, flags = core.end(run)
    assert os.waitstatus_to_exitcode(status) == 5
    assert flags == 0
    assert b"interrupted" in core.output(run)


def test_an_interactive_shell_with_job_control(core: Core) -> None:
    run = core.start(
        "/bin/bash", "--norc", "-i", tty=True, env={"PATH": os.environ["PATH"], "PS1": "> ", "TERM": "dumb"}
    )
    core.wait_output(run, b"> ")
    core.type(run, b"sleep 100 & echo job $!\n")
    core.type(run, b"kill %1; wait; exit 9\n")
    status, _ = core.end(run)
    assert os.waitstatus_to_exitcode(status) == 9
    assert b"no job control" not in core.output(run)


def test_a_large_paste_arrives_whole(core: Core) -> None:
    code = (
        "import hashlib, os, tty; tty.setraw(0); print('ready', flush=True); got = b''\n"
        "while len(got) < 1000000: got += os.read(0, 65536)\n"
        "print(hashlib.sha256(got).hexdigest())"
    )
    run = core.start(PYTHON, "-I", "-c", code, tty=True)
    core.wait_output(run, b"ready")
    paste = os.urandom(1_000_000)
    for at in range(0, len(paste), 100_000):
        assert core.type(run, paste[at : at + 100_000])["ok"]
    core.end(run)
    assert hashlib.sha256(paste).hexdigest().encode() in core.output(run)


def test_a_program_that_does_not_read_costs_a_mebibyte_and_no_time(core: Core, runner: Runner) -> None:
    run = core.bash("stty raw -echo; echo ready; sleep 100", tty=True)
    core.wait_output(run, b"ready")
    before = runner.pss()
    answers = [core.type(run, b"x" * 65536) for _ in range(40)]
    refused = [answer for answer in answers if "error" in answer]
    assert refused, "2.5 MiB do not wait"
    assert {answer["errno"] for answer in refused} == {errno.ENOBUFS}
    assert len(answers) - len(refused) >= 16, "one MiB does"
    used = cpu_seconds(runner.pid)
    time.sleep(0.5)
    assert cpu_seconds(runner.pid) - used < 0.1, "waiting for the program is no work"
    assert runner.pss() - before < 4 << 20
    core.cancel(run)
    status, _ = core.end(run)
    assert os.WTERMSIG(status) == signal.SIGTERM


def test_without_a_terminal_there_are_no_keystrokes(core: Core) -> None:
    run = core.bash("sleep 100")
    assert core.type(run, b"x")["errno"] == errno.ENOTTY
    assert core.ask("resize", run=run, cols=80, rows=24)["errno"] == errno.ENOTTY
    assert core.ask("input", run=run, data="no base64!")["errno"] == errno.EINVAL
    core.cancel(run)
    core.end(run)
    ended = core.bash("exit", tty=True)
    core.end(ended)
    assert core.type(ended, b"x")["errno"] == errno.ENOTTY


def test_keystrokes_after_the_script_has_left_only_a_daemon_do_no_harm(core: Core, runner: Runner) -> None:
    run = core.bash("trap '' HUP; sleep 100 & echo pid $!", tty=True)
    core.end(run)
    daemon = int(core.output(run).split()[1])
    core.type(run, b"x" * 100_000)
    assert core.ask("list")["ok"]
    os.kill(daemon, signal.SIGKILL)


def test_a_terminals_output_is_exact(core: Core) -> None:
    run = core.bash("stty -opost; for ((i = 0; i < 100000; i++)); do echo line $i; done", tty=True)
    core.end(run)
    assert core.output(run) == b"".join(b"line %d\n" % i for i in range(100000))
