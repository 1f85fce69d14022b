"""Following a run through whatever breaks: it goes on at the byte after the last one that came."""

import asyncio
import sys
import time
from contextlib import aclosing
from typing import Any

from app.cli.doors import Broken, Door, End, Gap, Output
from app.cli.endings import say

PAUSES = (0.1, 0.3, 1.0, 2.0)
"""Seconds before each new try; the last one goes on."""

NOT_EXECUTED, LOST, TIMED_OUT, BY_SIGNAL, TERM = 126, 125, 124, 128, 15


async def follow(door: Door, run_id: str, offset: int, patience: float) -> dict[str, Any]:
    """Writes a run's output to standard output as it comes; returns how the run ended.

    Args:
        offset: the byte to begin with.
        patience: seconds for which a broken connection is tried again.

    Raises:
        Broken: the machine could not be reached at all, or not again.
        Refused: it says no.
    """
    position = offset
    tries, silent_since, has_heard = 0, time.monotonic(), False
    while True:
        try:
            async with aclosing(door.follow(run_id, position)) as events:
                async for event in events:
                    if tries:
                        say(f"It is back, and goes on at byte {position}.")
                    tries, has_heard = 0, True
                    if isinstance(event, End):
                        return event.outcome
                    if isinstance(event, Output):
                        sys.stdout.buffer.write(event.data)
                        sys.stdout.buffer.flush()
                        position += len(event.data)
                    else:
                        position = _skipped(event)
                    silent_since = time.monotonic()
        except Broken as error:
            if not has_heard and not tries and position == offset and not await _is_there(door):
                raise
            if tries == 0:
                silent_since = time.monotonic()
                say(f"{error} The run goes on; this is tried again.")
            elif time.monotonic() - silent_since > patience:
                raise
            await asyncio.sleep(PAUSES[min(tries, len(PAUSES) - 1)])
            tries += 1


async def _is_there(door: Door) -> bool:
    """Whether the machine answers at all: where it does not answer the first time, nobody waits for it."""
    try:
        await door.page({"limit": 1})
    except Broken:
        return False
    return True


def _skipped(gap: Gap) -> int:
    say(f"{gap.count} bytes of output are not kept: the run's output is larger than its limit.")
    return gap.offset


def exit_code(outcome: dict[str, Any]) -> int:
    """The run's end as the code of a program that ended like that."""
    state, code, signal = outcome["state"], outcome.get("code"), outcome.get("signal")
    if state in ("succeeded", "failed") and isinstance(code, int) and code >= 0:
        return code
    if state == "timed_out":
        return TIMED_OUT
    if state == "spawn_failed":
        return NOT_EXECUTED
    if state == "interrupted":
        return LOST
    return BY_SIGNAL + (signal if isinstance(signal, int) else TERM)


def tell_end(outcome: dict[str, Any]) -> None:
    """Says how a run ended that did not end by itself."""
    words = {
        "cancelled": "The run was cancelled.",
        "timed_out": "The run took longer than its time limit, and was ended.",
        "killed": f"The run was ended by signal {outcome.get('signal')}.",
        "interrupted": "The run was lost: its runner ended.",
        "spawn_failed": "The script could not be started.",
    }
    if outcome["state"] in words:
        say(outcome.get("reason") or words[outcome["state"]])
