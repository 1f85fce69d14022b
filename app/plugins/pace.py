"""How much of something a plugin may use in a time: it is slowed down, never refused."""

import time


class Allowance:
    """An account that fills by itself and may be overdrawn.

    Args:
        rate: units that come back in a second.
        burst: units that it holds.
    """

    def __init__(self, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = burst
        self._left = burst
        self._at = time.monotonic()

    def take(self, units: float) -> float:
        """Takes; answers how many seconds to wait until the account is in credit again, 0 when it is."""
        now = time.monotonic()
        self._left = min(self._burst, self._left + (now - self._at) * self._rate) - units
        self._at = now
        return max(0.0, -self._left / self._rate)
