"""How many requests one address may make before anybody is known: sign-ins, and everything without a session."""

from limits import RateLimitItemPerMinute

from app.auth.addresses import bucket
from app.core.limiter import Limiter

SIGN_INS = RateLimitItemPerMinute(60, namespace="sign-in")
STRANGERS = RateLimitItemPerMinute(1200, namespace="stranger")
TOO_MANY = "Too many requests from this address. Try again in a minute."


class RequestLimits:
    """Counts in memory, by address (or /64). Requests with a session are never counted."""

    def __init__(self) -> None:
        self._limiter = Limiter()

    def count_sign_in(self, address: str) -> None:
        """Raises Limited past 60 sign-ins a minute; the lock-out knows nothing of names that change."""
        self._limiter.count(SIGN_INS, bucket(address), TOO_MANY)

    def count_stranger(self, address: str) -> None:
        """Raises Limited past 1,200 requests a minute without a session."""
        self._limiter.count(STRANGERS, bucket(address), TOO_MANY)
