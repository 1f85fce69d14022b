"""Removing sign-ins that are older than they shall be kept; far older than what the lock-out looks at."""

from sqlmodel import Session, col, delete, select

from app.audit.trail import AuditTrail
from app.auth.lockout import LOOK_BACK
from app.auth.models import SignInRow
from app.core.batches import Batch, Total, in_batches, timed_write
from app.core.clock import Clock, iso
from app.core.database import Database
from app.core.permissions import Actor


class OldSignIns:
    """Removes them, the oldest first, in batches.

    Args:
        trail: where each batch is recorded.
    """

    def __init__(self, database: Database, trail: AuditTrail, clock: Clock) -> None:
        self._database = database
        self._trail = trail
        self._clock = clock

    async def remove_before(self, before: str) -> Total:
        """Removes what was tried before a moment (ISO 8601, UTC). Raises Unavailable."""
        old = col(SignInRow.attempted_at) < min(before, iso(self._clock.now() - LOOK_BACK))

        async def step(most: int) -> Batch:
            query = select(SignInRow.id).where(old).order_by(col(SignInRow.id)).limit(most)
            numbers = await self._database.read(lambda session: session.exec(query).all())
            if not numbers:
                return Batch(0, 0, 0, is_last=True)

            def write(session: Session) -> None:
                session.exec(delete(SignInRow).where(col(SignInRow.id).in_(numbers)))
                facts = {"sign_ins": len(numbers)}
                self._trail.append(session, Actor.system(), "retention.sign_ins", detail=facts)

            _, seconds = await timed_write(self._database, write)
            return Batch(len(numbers), 0, seconds, is_last=len(numbers) < most)

        return await in_batches(step)
