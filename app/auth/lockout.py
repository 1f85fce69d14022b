"""When a name, an address or a known browser has failed too often, computed from the attempts that are kept anyway."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from app.auth.models import SignInRow
from app.core.clock import iso, parse_iso

WINDOW = timedelta(hours=1)
"""How long a failure counts."""

LOCKS = {3: 60, 6: 180, 9: 600, 12: 1800}
"""Seconds of lock by the number of the failure that brings it; each one past the last number brings the longest."""

MOST = max(LOCKS)
LOOK_BACK = WINDOW + timedelta(seconds=LOCKS[MOST])


def locked_until(failures: Sequence[datetime]) -> datetime | None:
    """When the last lock ends that `failures` (moments in order) brought, None when they brought none.

    A lock is brought by the failure that makes it 3, 6, 9 or 12 within an hour, and nothing later moves its end.
    """
    ends = []
    for number, moment in enumerate(failures):
        count = sum(earlier > moment - WINDOW for earlier in failures[: number + 1])
        if (seconds := LOCKS.get(min(count, MOST))) is not None:
            ends.append(moment + timedelta(seconds=seconds))
    return max(ends, default=None)


def failures_of_name(session: Session, name_bucket: str, now: datetime) -> list[datetime]:
    """Counted failures under this name (or known browser) since its last success, oldest first."""
    failures: list[datetime] = []
    for _, success, moment in _attempts(session, SignInRow.name_bucket == name_bucket, now):
        failures = [] if success else [*failures, moment]
    return failures


def failures_of_address(session: Session, address_bucket: str, now: datetime) -> list[datetime]:
    """Counted failures from this address, oldest first.

    A success clears only the failures under the same name: who has one account cannot guess at others for ever.
    """
    failures: list[tuple[str, datetime]] = []
    for name, success, moment in _attempts(session, SignInRow.address_bucket == address_bucket, now):
        failures = [failure for failure in failures if failure[0] != name] if success else [*failures, (name, moment)]
    return [moment for _, moment in failures]


def _attempts(session: Session, whose: object, now: datetime) -> list[tuple[str, bool, datetime]]:
    """Name, outcome and moment of the attempts that may still matter; those of a clock that was set back do not."""
    since, until = iso(now - LOOK_BACK), iso(now)
    query = (
        select(SignInRow.name_bucket, SignInRow.success, SignInRow.attempted_at)
        .where(whose, SignInRow.counted)  # type: ignore[arg-type]
        .where(col(SignInRow.attempted_at) > since, col(SignInRow.attempted_at) <= until)
        .order_by(col(SignInRow.id))
    )
    return [(name, success, parse_iso(moment)) for name, success, moment in session.exec(query)]
