"""How often something may be done in a minute, counted in memory; what is over is forgotten."""

import time

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from app.core.errors import Limited


class Limiter(FixedWindowRateLimiter):
    """Counts by key; every owner has one of its own."""

    def __init__(self) -> None:
        super().__init__(MemoryStorage())

    def count(self, item: RateLimitItemPerMinute, key: str, sentence: str) -> None:
        """Counts once. Raises Limited with the sentence when it was too often."""
        if not self.hit(item, key):
            seconds = max(1, round(self.get_window_stats(item, key).reset_time - time.time()))
            raise Limited(sentence, seconds)
