"""How long to wait after a crash, and when to stop trying: rules without a clock or a process of their own."""

from collections import deque

DELAYS = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Seconds after the first crash in a row, the second …; the last one stays."""

MOST_IN_A_ROW = 10
MOST_IN_WINDOW = 10
WINDOW = 30 * 60.0
CALM = 60.0
"""Seconds of readiness after which a crash is the first in a row again."""


class Backoff:
    """The crashes of one plugin. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._in_a_row = 0
        self._newest: deque[float] = deque(maxlen=MOST_IN_WINDOW)

    def crashed(self, now: float, ready_for: float) -> float | None:
        """Counts a crash.

        Args:
            now: when it happened.
            ready_for: how many seconds the plugin had been ready.

        Returns:
            Seconds to wait before the next start, None when there should be none.
        """
        self._in_a_row = 1 if ready_for >= CALM else self._in_a_row + 1
        self._newest.append(now)
        if self._in_a_row >= MOST_IN_A_ROW or self._is_window_full(now):
            return None
        return DELAYS[min(self._in_a_row, len(DELAYS)) - 1]

    @property
    def in_a_row(self) -> int:
        """Crashes without a calm time between them."""
        return self._in_a_row

    def _is_window_full(self, now: float) -> bool:
        return len(self._newest) == MOST_IN_WINDOW and now - self._newest[0] <= WINDOW
