"""Work in batches that no writer notices: each takes a moment of the one writer, then it is the others' turn."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from sqlmodel import Session

from app.core.database import Database

T = TypeVar("T")

MOST_SECONDS = 0.05
"""What a transaction may take; batches are sized to take half of it."""

FIRST, LEAST, MOST = 100, 10, 1000
PAUSE_SECONDS = 0.005


@dataclass(frozen=True, slots=True)
class Batch:
    """What became of one.

    Attributes:
        removed: how many things went.
        freed: bytes of files.
        seconds: what its transaction took, 0 without one.
        is_last: whether nothing is left to look at.
    """

    removed: int
    freed: int
    seconds: float
    is_last: bool


@dataclass(frozen=True, slots=True)
class Total:
    """What all batches of one kind came to."""

    removed: int = 0
    freed: int = 0
    batches: int = 0
    longest: float = 0.0

    def plus(self, batch: Batch) -> "Total":
        """With one more."""
        return Total(
            self.removed + batch.removed,
            self.freed + batch.freed,
            self.batches + bool(batch.removed),
            max(self.longest, batch.seconds),
        )


async def in_batches(step: Callable[[int], Awaitable[Batch]]) -> Total:
    """Calls `step` with the size of a batch until it says that it was the last; between two it leaves as much time as
    one took."""
    total, size = Total(), FIRST
    while True:
        batch = await step(size)
        total = total.plus(batch)
        if batch.is_last:
            return total
        size = next_size(size, batch.seconds)
        await asyncio.sleep(max(PAUSE_SECONDS, batch.seconds))


async def timed_write(database: Database, work: Callable[[Session], T]) -> tuple[T, float]:
    """As `database.write`; and how long the transaction took, without the wait for its turn. Raises Unavailable."""
    begun = 0.0

    def timed(session: Session) -> T:
        nonlocal begun
        begun = time.monotonic()
        return work(session)

    return await database.write(timed), time.monotonic() - begun


def next_size(size: int, seconds: float) -> int:
    """The size of a batch after one of `size` took so long."""
    if seconds > MOST_SECONDS / 2:
        return max(LEAST, size // 2)
    return min(MOST, size * 2) if seconds < MOST_SECONDS / 5 else size
