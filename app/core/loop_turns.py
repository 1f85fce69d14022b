"""How long the turns of the event loop take: while one goes on, everything else waits.

The loop asks its selector what happened at the end of each turn. So the time between two such calls is the length of a
turn, whoever made it long; there is no probe that wakes up to look, and an idle loop costs nothing.
"""

import asyncio
import selectors
import time
from dataclasses import dataclass

from app.core.histogram import Distribution, Histogram

BOUNDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
WINDOW_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class TurnsSeen:
    """The turns since the loop is watched.

    Attributes:
        longest: seconds of the longest one of the last one to two minutes.
    """

    turns: Distribution
    longest: float


class LoopTurns:
    """Measures the turns of one loop, from `begin` on: the start, which imports everything, says nothing."""

    def __init__(self) -> None:
        self._turns = Histogram(BOUNDS)
        self._watching = False
        self._longest = self._longest_before = 0.0
        self._window_ends = 0.0

    def begin(self) -> None:
        """Watches from the next turn on."""
        self._watching = True

    def new_loop(self) -> asyncio.AbstractEventLoop:
        """The loop to watch; what `asyncio.Runner` takes as its factory."""
        return asyncio.SelectorEventLoop(_WatchedSelector(self))

    def took(self, seconds: float, now: float) -> None:
        """Counts one turn that ended at `now`, a monotonic time."""
        if self._watching:
            self._turns.observe(seconds)
            if now >= self._window_ends:
                self._move_window(now)
            self._longest = max(self._longest, seconds)

    def seen(self) -> TurnsSeen | None:
        """The turns so far; None for a loop that nobody watches."""
        if not self._watching:
            return None
        self._move_window(time.monotonic())
        return TurnsSeen(self._turns.seen(), max(self._longest, self._longest_before))

    def _move_window(self, now: float) -> None:
        if now >= self._window_ends:
            is_next = now < self._window_ends + WINDOW_SECONDS
            self._longest_before = self._longest if is_next else 0.0
            self._longest = 0.0
            self._window_ends = now + WINDOW_SECONDS


class _WatchedSelector(selectors.DefaultSelector):
    def __init__(self, turns: LoopTurns) -> None:
        super().__init__()
        self._turns = turns
        self._began = time.monotonic()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        now = time.monotonic()
        self._turns.took(now - self._began, now)
        found = super().select(timeout)
        self._began = time.monotonic()
        return found
