"""Attempts to sign in: let through or refused by the lock-out, recorded before anything is checked, and listed."""

import logging
from datetime import datetime, timedelta

from sqlmodel import Session, col, delete, select

from app.auth.addresses import bucket
from app.auth.lockout import LOOK_BACK, failures_of_address, failures_of_name, locked_until
from app.auth.models import SignInRow
from app.auth.schemas import SignInView
from app.core.clock import Clock, iso
from app.core.database import Database
from app.core.errors import Limited
from app.users.names import name_key

log = logging.getLogger(__name__)

MAX_NAME_KEPT = 100
KEPT_ROWS = 20_000
"""What is older and past the lock-out's memory goes: tries during a lock are recorded too, and cost nothing to make."""


class Attempts:
    """Keeps the attempts; the lock-out has no other memory, so it survives a restart."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def begin(self, username: str, address: str, device: str | None) -> int:
        """Records an attempt as a failure, which it is until `end` says otherwise, and returns its number.

        Because the lock is looked up and the failure written in one transaction, any number of guesses at once
        are counted exactly.

        Args:
            username: as typed.
            address: the client's.
            device: what names a browser that this user is known from; then only its own failures count.

        Raises:
            Limited: locked; the attempt is recorded, but will never count.
        """
        names = f"device:{device}" if device else f"name:{name_key(username)[:MAX_NAME_KEPT]}"
        row = SignInRow(
            username=username[:MAX_NAME_KEPT],
            ip_address=address,
            name_bucket=names,
            address_bucket=None if device else bucket(address),
            success=False,
            counted=True,
            failure_reason="Not finished",
            attempted_at="",
        )

        def write(session: Session) -> tuple[int, int]:
            now = self._clock.now()  # in the order of the transactions
            row.attempted_at = iso(now)
            seconds = _seconds_locked(session, row, now)
            if seconds:
                row.counted, row.failure_reason = False, "Locked"
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
            log.warning("sign-in refused: Locked", extra={"event": "sign_in_refused", "address": address})
            raise Limited(f"Too many failed attempts. Try again in {_spoken(seconds)}.", seconds)
        return number

    async def end(self, number: int, address: str, failure: str | None) -> None:
        """Records how an attempt ended: `failure` is the reason, None for a success."""

        def write(session: Session) -> None:
            row = session.get(SignInRow, number)
            if row is not None:
                row.success, row.failure_reason = failure is None, failure

        await self._database.write(write)
        if failure is not None:
            log.warning("sign-in refused: %s", failure, extra={"event": "sign_in_refused", "address": address})

    async def newest(self, limit: int) -> list[SignInView]:
        """The newest attempts, newest first."""
        query = select(SignInRow).order_by(col(SignInRow.id).desc()).limit(limit)
        return await self._database.read(lambda session: [_view(row) for row in session.exec(query)])


def _seconds_locked(session: Session, row: SignInRow, now: datetime) -> int:
    """Whole seconds until whatever is locked for this attempt is free, 0 when nothing is."""
    ends = [locked_until(failures_of_name(session, row.name_bucket, now))]
    if row.address_bucket is not None:
        ends.append(locked_until(failures_of_address(session, row.address_bucket, now)))
    left = max((end - now for end in ends if end is not None), default=timedelta(0))
    return max(0, -int(-left.total_seconds() // 1))


def _spoken(seconds: int) -> str:
    if seconds < 60:
        return f"{seconds} second{'s' if seconds != 1 else ''}"
    minutes = -(-seconds // 60)
    return f"{minutes} minute{'s' if minutes != 1 else ''}"


def _view(row: SignInRow) -> SignInView:
    return SignInView(str(row.id), row.username, row.ip_address, row.success, row.failure_reason, row.attempted_at)
