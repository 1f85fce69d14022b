"""The turns of an event loop, measured without a probe."""

import asyncio
import time

import pytest

from app.core.loop_turns import WINDOW_SECONDS, LoopTurns, TurnsSeen


def look(turns: LoopTurns) -> TurnsSeen:
    seen = turns.seen()
    assert seen is not None
    return seen


@pytest.mark.allows_blocking
def test_whatever_held_the_loop_up_is_seen_and_waiting_is_not() -> None:
    turns = LoopTurns()

    async def work() -> None:
        turns.begin()
        await asyncio.sleep(0.3)  # which is no work
        time.sleep(0.06)
        await asyncio.sleep(0)

    with asyncio.Runner(loop_factory=turns.new_loop) as runner:
        runner.run(work())
    seen = look(turns)
    assert seen.longest >= 0.06
    below_50_ms = seen.turns.counts[seen.turns.bounds.index(0.05)]
    assert 0 < below_50_ms < seen.turns.counts[-1]
    assert seen.turns.total < 0.3 + seen.longest


def test_an_idle_loop_is_not_woken_up_to_be_looked_at() -> None:
    turns = LoopTurns()

    async def work() -> tuple[int, int]:
        turns.begin()
        await asyncio.sleep(0)
        before = look(turns).turns.counts[-1]
        await asyncio.sleep(0.5)
        return before, look(turns).turns.counts[-1]

    with asyncio.Runner(loop_factory=turns.new_loop) as runner:
        before, after = runner.run(work())
    assert after - before <= 2  # the one that slept, and the one that wakes it


def test_the_longest_turn_is_forgotten_after_one_to_two_minutes() -> None:
    turns = LoopTurns()
    turns.begin()
    start = time.monotonic()
    turns.took(3.0, start - WINDOW_SECONDS - 1)
    turns.took(0.1, start)
    assert look(turns).longest == 3.0
    turns.took(0.2, start + WINDOW_SECONDS)
    assert look(turns).longest == 0.2


def test_nothing_is_told_of_a_loop_that_nobody_watches() -> None:
    assert LoopTurns().seen() is None
