"""Attempts to sign in: let through or refused by the lock-out, recorded before anything is checked, and listed."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement
from sqlmodel import Session, and_, col, delete, func, select

from app.audit.trail import AuditTrail, Outcome, Stranger
from app.auth.addresses import bucket
from app.auth.lockout import (
    LOCKS_OF_ALL_DEVICES,
    LOOK_BACK,
    devices_beside,
    failures_of_many,
    failures_of_name,
    locked_until,
)
from app.auth.models import SignInRow
from app.auth.schemas import SignInView
from app.core.clock import Clock, iso, parse_iso
from app.core.database import Database
from app.core.errors import Limited
from app.core.permissions import Actor
from app.users.names import name_key

log = logging.getLogger(__name__)

MAX_NAME_KEPT = 100
KEPT_ROWS = 20_000
"""What is older and past the lock-out's memory goes: tries during a lock are recorded too, and cost nothing to make."""

SIGN_IN = "sign_in"
LOCKED = "Locked"
CODE_WANTED = "Second factor asked for"
OUTCOMES = ("accepted", "code_asked", "refused", "locked")


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt that is being checked.

    Attributes:
        who: what the audit tells of whoever tries.
        what: what the audit calls it.
    """

    number: int
    who: Actor | Stranger
    what: str


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock that holds: whose attempts it refuses, the failure that is the newest of them, and when it ends."""

    whose: ColumnElement[bool]
    since: datetime
    until: datetime


class Attempts:
    """Keeps the attempts; the lock-out has no other memory, so it survives a restart.

    Args:
        trail: where what was refused is recorded: each wrong attempt, and of those that met a lock the first one only.

    Attributes:
        sign_ins: how many tries to sign in ended how, since the core was started.
    """

    def __init__(self, database: Database, clock: Clock, trail: AuditTrail) -> None:
        self._database = database
        self._clock = clock
        self._trail = trail
        self.sign_ins = dict.fromkeys(OUTCOMES, 0)

    async def begin(self, who: Actor | Stranger, apart: str | None, what: str = SIGN_IN) -> Attempt:
        """Records an attempt as a failure, which it is until `end` says otherwise.

        Because the lock is looked up and the failure written in one transaction, any number of guesses at once
        are counted exactly.

        Args:
            who: whoever tries.
            apart: what failures count under instead of the name and the address: a browser that is known, a session.
            what: what the audit calls it.

        Raises:
            Limited: locked; the attempt is recorded, but will never count.
        """
        row = SignInRow(
            username=who.username[:MAX_NAME_KEPT],
            ip_address=who.address,
            name_bucket=apart or f"name:{name_key(who.username)[:MAX_NAME_KEPT]}",
            address_bucket=None if apart else bucket(who.address),
            success=False,
            counted=True,
            failure_reason="Not finished",
            attempted_at="",
        )

        def write(session: Session) -> tuple[int, int]:
            now = self._clock.now()  # in the order of the transactions
            row.attempted_at = iso(now)
            locks = _locks(session, row, now)
            seconds = _seconds_left(locks, now)
            if locks:
                row.counted, row.failure_reason = False, LOCKED
                if not all(_is_told(session, lock) for lock in locks):
                    facts = {"reason": LOCKED, "seconds_left": seconds}
                    self._trail.append(session, who, what, outcome=Outcome.REFUSED, detail=facts)
            session.add(row)
            session.flush()
            number = row.id or 0
            session.exec(
                delete(SignInRow).where(
                    col(SignInRow.id) <= number - KEPT_ROWS, col(SignInRow.attempted_at) < iso(now - LOOK_BACK)
                )
            )
            return number, seconds

        number, seconds = await self._database.write(write)
        if seconds:
            self._count(what, "locked")
            log.warning("sign-in refused: Locked", extra={"event": "sign_in_refused", "address": who.address})
            raise Limited(f"Too many failed attempts. Try again in {_spoken(seconds)}.", seconds)
        return Attempt(number, who, what)

    async def end(self, attempt: Attempt, failure: str | None) -> None:
        """Records how an attempt ended.

        Args:
            failure: the reason, None for a success. CODE_WANTED is neither for the lock-out: as a success it would
                wipe out the wrong codes before it, as a failure it would lock out who signs in often.
        """

        def write(session: Session) -> None:
            row = session.get(SignInRow, attempt.number)
            if row is not None:
                row.success, row.failure_reason, row.counted = failure is None, failure, failure != CODE_WANTED
                self._record(session, attempt, row)

        await self._database.write(write)
        refused = "code_asked" if failure == CODE_WANTED else "refused"
        self._count(attempt.what, "accepted" if failure is None else refused)
        if failure is not None:
            log.warning(
                "sign-in refused: %s", failure, extra={"event": "sign_in_refused", "address": attempt.who.address}
            )

    def _count(self, what: str, outcome: str) -> None:
        if what == SIGN_IN:  # a proof asked for inside a session is none
            self.sign_ins[outcome] += 1

    def _record(self, session: Session, attempt: Attempt, row: SignInRow) -> None:
        """What did not succeed; a success is told with what it leads to."""
        if row.success:
            return
        if not row.counted:  # the password was right: whoever has it may not have the second factor
            self._trail.append(session, attempt.who, f"{attempt.what}.code_asked")
            return
        facts: dict[str, object] = {"reason": row.failure_reason}
        moment = parse_iso(row.attempted_at)
        if seconds := _seconds_left(_locks(session, row, moment), moment):
            facts["locked_seconds"] = seconds  # it began just then, for nothing was locked before
        self._trail.append(session, attempt.who, attempt.what, outcome=Outcome.REFUSED, detail=facts)

    async def newest(self, limit: int) -> list[SignInView]:
        """The newest attempts, newest first."""
        query = select(SignInRow).order_by(col(SignInRow.id).desc()).limit(limit)
        return await self._database.read(lambda session: [_view(row) for row in session.exec(query)])

    async def failures_24h(self) -> int:
        """How many attempts of the last 24 hours failed, those during a lock included, half a success not."""
        since = iso(self._clock.now() - timedelta(days=1))
        failed = and_(~col(SignInRow.success), col(SignInRow.failure_reason) != CODE_WANTED)
        query = select(func.count()).where(col(SignInRow.attempted_at) > since, failed)
        return await self._database.read(lambda session: session.exec(query).one())


def _locks(session: Session, row: SignInRow, now: datetime) -> list[Lock]:
    """Whatever is locked for this attempt."""
    own = failures_of_name(session, row.name_bucket, now)
    found = [(col(SignInRow.name_bucket) == row.name_bucket, own, locked_until(own))]
    if row.address_bucket is not None:
        same = col(SignInRow.address_bucket) == row.address_bucket
        theirs = failures_of_many(session, same, now)
        found.append((same, theirs, locked_until(theirs)))
    if (devices := devices_beside(row.name_bucket)) is not None:
        theirs = failures_of_many(session, devices, now)
        found.append((devices, theirs, locked_until(theirs, LOCKS_OF_ALL_DEVICES)))
    return [Lock(whose, moments[-1], until) for whose, moments, until in found if until is not None and until > now]


def _seconds_left(locks: list[Lock], now: datetime) -> int:
    """Whole seconds until all of them have ended."""
    left = max((lock.until - now for lock in locks), default=timedelta(0))
    return -int(-left.total_seconds() // 1)


def _is_told(session: Session, lock: Lock) -> bool:
    """Whether the lock has refused somebody before, for the audit must not grow with tries that cost nothing."""
    refused = select(SignInRow.id).where(lock.whose, col(SignInRow.attempted_at) > iso(lock.since))
    return session.exec(refused.where(SignInRow.failure_reason == LOCKED).limit(1)).first() is not None


def _spoken(seconds: int) -> str:
    if seconds < 60:
        return f"{seconds} second{'s' if seconds != 1 else ''}"
    minutes = -(-seconds // 60)
    return f"{minutes} minute{'s' if minutes != 1 else ''}"


def _view(row: SignInRow) -> SignInView:
    return SignInView(str(row.id), row.username, row.ip_address, row.success, row.failure_reason, row.attempted_at)
