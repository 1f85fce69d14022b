"""When a name or an address has failed too often, computed from the attempts that are kept anyway."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from app.auth.models import SignInRow
from app.core.clock import iso, parse_iso

WINDOW = timedelta(hours=1)
TIERS = ((12, 1800), (9, 600), (6, 180), (3, 60))
"""Failures, seconds of lock: most failures first."""


def locked_until(failures: Sequence[datetime]) -> datetime | None:
    """When the lock that `failures` (moments in order) brought ends, None when they brought none.

    A lock begins with the failure that reaches a tier; past the last tier every further failure begins one.
    """
    count = len(failures)
    for threshold, seconds in TIERS:
        if count >= threshold:
            begun = failures[-1] if threshold == TIERS[0][0] else failures[threshold - 1]
            return begun + timedelta(seconds=seconds)
    return None


class ChecksInFlight:
    """Password checks that have begun and are not recorded yet; each counts as a failure until it is."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def begin(self, key: str) -> int:
        """Counts one more and returns how many were there before it."""
        before = self._counts[key]
        self._counts[key] += 1
        return before

    def end(self, key: str) -> None:
        """Counts one less."""
        self._counts[key] -= 1
        if self._counts[key] <= 0:
            del self._counts[key]


def failures_of_username(session: Session, username_key: str, now: datetime) -> list[datetime]:
    """Counted failures of the last hour under this name since its last success, oldest first."""
    return _since_success(session, SignInRow.username_key == username_key, now, own_success=True)


def failures_of_address(session: Session, address_bucket: str, now: datetime) -> list[datetime]:
    """Counted failures of the last hour from this address, oldest first.

    A success clears only the failures under the same name: who has one account cannot guess at others for ever.
    """
    return _since_success(session, SignInRow.address_bucket == address_bucket, now, own_success=False)


def _since_success(session: Session, condition: object, now: datetime, *, own_success: bool) -> list[datetime]:
    query = (
        select(SignInRow.username_key, SignInRow.success, SignInRow.attempted_at)
        .where(condition, SignInRow.counted, col(SignInRow.attempted_at) > iso(now - WINDOW))  # type: ignore[arg-type]
        .order_by(col(SignInRow.id))
    )
    failures: list[tuple[str, datetime]] = []
    for name, success, attempted_at in session.exec(query):
        if success:
            failures = [] if own_success else [failure for failure in failures if failure[0] != name]
        else:
            failures.append((name, parse_iso(attempted_at)))
    return [moment for _, moment in failures]
