"""When a name, an address or a known browser has failed too often, computed from the attempts that are kept anyway."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement
from sqlmodel import Session, and_, col, select

from app.auth.models import SignInRow
from app.core.clock import iso, parse_iso

WINDOW = timedelta(hours=1)
"""How long a failure counts."""

LOCKS = {3: 60, 6: 180, 9: 600, 12: 1800}
"""Seconds of lock by the number of the failure that brings it; each one past the last number brings the longest."""

LOCKS_OF_ALL_DEVICES = {12: 1800}
"""The same for all known browsers of one name together: who holds the cookies of many has no more guesses by that."""

LOOK_BACK = WINDOW + timedelta(seconds=max(LOCKS.values()))


def device_bucket(name: str, device: str) -> str:
    """What the failures of a known browser are counted under."""
    return f"{_devices_of(name)}:{device}"


def session_bucket(what: str, session_id: str | None) -> str | None:
    """What wrong codes or passwords of a session are counted under, None where no session acts."""
    return None if session_id is None else f"{what}:{session_id}"


def devices_beside(bucket: str) -> ColumnElement[bool] | None:
    """Whether attempts are those of a known browser of the same name as this one's, None when it is no such bucket."""
    prefix, _, device = bucket.rpartition(":")
    if not prefix.startswith("device:") or not device:
        return None
    return and_(col(SignInRow.name_bucket) > f"{prefix}:", col(SignInRow.name_bucket) < f"{prefix};")


def _devices_of(name: str) -> str:
    return f"device:{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"


def locked_until(failures: Sequence[datetime], locks: Mapping[int, int] = LOCKS) -> datetime | None:
    """When the last lock ends that `failures` (moments in order) brought, None when they brought none.

    A lock is brought by the failure that makes it 3, 6, 9 or 12 within an hour, and nothing later moves its end.
    """
    ends, most = [], max(locks)
    for number, moment in enumerate(failures):
        count = sum(earlier > moment - WINDOW for earlier in failures[: number + 1])
        if (seconds := locks.get(min(count, most))) is not None:
            ends.append(moment + timedelta(seconds=seconds))
    return max(ends, default=None)


def failures_of_name(session: Session, name_bucket: str, now: datetime) -> list[datetime]:
    """Counted failures under this name (or known browser) since its last success, oldest first."""
    failures: list[datetime] = []
    for _, success, moment in _attempts(session, SignInRow.name_bucket == name_bucket, now):
        failures = [] if success else [*failures, moment]
    return failures


def failures_of_many(session: Session, whose: ColumnElement[bool], now: datetime) -> list[datetime]:
    """Counted failures from one address, or from all known browsers of a name, oldest first.

    A success clears only those of the same name or browser: who has one account cannot guess at others for ever.
    """
    failures: list[tuple[str, datetime]] = []
    for name, success, moment in _attempts(session, whose, now):
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
