"""Many runs: all start, all end, and nothing of them is left in the process."""

import os
import time
from typing import Any

import pytest

from tests.runner.support import CAP, Core, Runner, eventually

MIB = 1 << 20


def start_many(core: Core, names: list[str], script: str, **fields: Any) -> None:
    request = {"argv": ["/bin/sh", "-c", script], "env": {}, "cwd": "/", "cap": CAP, **fields}
    asked = [core.tell("start", run=name, **request) for name in names]
    for serial in asked:
        answer = core.answer(serial)
        assert "error" not in answer, answer


def test_two_hundred_at_once_start_write_and_end(core: Core, runner: Runner) -> None:
    names = [f"run{i}" for i in range(200)]
    start_many(core, names, "echo $TORU_RUN_ID; sleep 0.2; exit 4")
    for name in names:
        assert os.waitstatus_to_exitcode(core.end(name)[0]) == 4
        assert core.output(name) == name.encode() + b"\n"
    assert sorted(core.ends) == sorted(names)


def test_two_hundred_terminals_are_cancelled_at_once(core: Core, runner: Runner) -> None:
    before = runner.descriptors()
    names = [f"run{i}" for i in range(200)]
    start_many(core, names, "trap '' TERM; echo; while :; do sleep 1; done", tty=True)
    core.wait(lambda: len(core.progress) == len(names))
    began = time.monotonic()
    for name in names:
        core.tell("cancel", run=name, grace=0.5)
    for name in names:
        assert os.WIFSIGNALED(core.end(name)[0])
    assert time.monotonic() - began < 20
    eventually(lambda: runner.descriptors() == before)


@pytest.mark.fault("X29")
def test_a_thousand_short_runs_leave_nothing_behind(core: Core, runner: Runner) -> None:
    core.end(core.bash("exit"))
    before = (runner.descriptors(), runner.threads(), runner.children())
    memory = 0
    for batch in range(20):
        names = [f"run{batch}x{i}" for i in range(50)]
        start_many(core, names, "echo out; echo err >&2", tty=batch % 2 == 1)
        for name in names:
            assert core.end(name)[0] == 0
            assert core.ask("forget", run=name)["ok"]
        memory = memory or runner.pss()
    assert (runner.descriptors(), runner.threads(), runner.children()) == before
    assert runner.pss() - memory < MIB


def test_it_is_small(core: Core, runner: Runner) -> None:
    core.end(core.bash("exit"))
    assert runner.pss() < 14 * MIB


def test_a_flood_past_the_cap_costs_neither_memory_nor_disk(core: Core, runner: Runner) -> None:
    core.end(core.bash("exit"))
    before = runner.pss()
    run = core.bash("head -c 300000000 /dev/zero", cap=20 * MIB)
    status, _ = core.end(run, 60)
    assert status == 0
    assert core.journal(run).disk() <= 20 * MIB
    assert core.progress[run][1] == 300_000_000
    assert runner.pss() - before < MIB
