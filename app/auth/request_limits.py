"""How many requests one address may make before anybody is known: sign-ins, and everything without a session."""

import time

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from app.auth.addresses import bucket
from app.core.errors import Limited

SIGN_INS = RateLimitItemPerMinute(60, namespace="sign-in")
STRANGERS = RateLimitItemPerMinute(1200, namespace="stranger")


class RequestLimits:
    """Counts in memory, by address (or /64). Requests with a session are never counted."""

    def __init__(self) -> None:
        self._limiter = FixedWindowRateLimiter(MemoryStorage())

    def count_sign_in(self, address: str) -> None:
        """Raises Limited past 60 sign-ins a minute; the lock-out knows nothing of names that change."""
        self._count(SIGN_INS, address)

    def count_stranger(self, address: str) -> None:
        """Raises Limited past 1,200 requests a minute without a session."""
        self._count(STRANGERS, address)

    def _count(self, item: RateLimitItemPerMinute, address: str) -> None:
        key = bucket(address)
        if not self._limiter.hit(item, key):
            seconds = max(1, round(self._limiter.get_window_stats(item, key).reset_time - time.time()))
            raise Limited("Too many requests from this address. Try again in a minute.", seconds)
