"""Word to the core: at once when it listens, in one frame at a time when it is busy, bounded when it hangs."""

import time

import pytest

from tests.runner.support import Core, alive, eventually


@pytest.mark.fault("X35")
def test_word_comes_within_milliseconds(core: Core) -> None:
    run = core.bash("while read -r _; do echo pong $((++i)); done", tty=True)
    delays = []
    for turn in range(1, 51):
        began = time.monotonic()
        core.type(run, b"\n")
        core.wait_output(run, b"pong %d\r" % turn)
        delays.append(time.monotonic() - began)
    assert sorted(delays)[25] < 0.1
    core.cancel(run, grace=0)
    core.end(run)


def test_one_frame_is_on_its_way_until_it_is_acknowledged(core: Core) -> None:
    core.acknowledge = False
    first = core.bash("for i in {1..200}; do echo $i; sleep 0.001; done")
    second = core.bash("for i in {1..200}; do echo $i; sleep 0.001; done")
    eventually(lambda: core.journal(first).end() and core.journal(second).end())
    assert core.ask("list")["ok"]
    assert core.frames == 1

    core.send(ack=1)
    core.wait(lambda: core.frames == 2)
    assert core.progress[first][1] == core.progress[second][1] == 692, "all that moved meanwhile is in the second"
    assert core.progress[first][3] == core.progress[second][3] == 0


def test_a_flood_is_few_frames(core: Core) -> None:
    core.acknowledge = False
    run = core.bash("head -c 30000000 /dev/zero")
    eventually(lambda: core.journal(run).end())
    core.acknowledge = True
    core.send(ack=1)
    core.end(run)
    assert core.frames <= 3


def test_nothing_is_said_about_a_run_after_its_end(core: Core) -> None:
    run = core.bash("sleep 0.2 & echo $!")
    core.end(run)
    frames = core.frames
    eventually(lambda: not alive(int(core.output(run))))
    assert core.ask("list")["ok"]
    assert core.frames == frames
