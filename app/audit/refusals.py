"""What was refused to somebody who is signed in: a row each, and past so many a minute one row that counts the rest."""

from dataclasses import dataclass

from app.audit.trail import AuditTrail, Outcome
from app.core.clock import Clock
from app.core.permissions import Actor

REFUSED = "refused"
MOST = 60
"""Rows of one user in a minute."""

MINUTE = 60.0


@dataclass(slots=True)
class Minute:
    """What was refused to one user since `began`.

    Attributes:
        actor: whoever it was refused to last.
        more: how many have no row.
    """

    began: float
    actor: Actor
    count: int = 0
    more: int = 0


class Refusals:
    """Writes them down."""

    def __init__(self, trail: AuditTrail, clock: Clock) -> None:
        self._trail = trail
        self._clock = clock
        self._minutes: dict[str | None, Minute] = {}

    async def add(self, actor: Actor, asked: str, reason: str) -> None:
        """Records one, or counts it; what cannot be recorded now is in the log."""
        await self.tell_of_the_rest()
        minute = self._minutes.setdefault(actor.user_id, Minute(self._clock.monotonic(), actor))
        minute.actor, minute.count = actor, minute.count + 1
        if minute.count > MOST:
            minute.more += 1
        else:
            await self._trail.try_record(actor, REFUSED, asked, Outcome.REFUSED, {"reason": reason})

    async def tell_of_the_rest(self, *, at_once: bool = False) -> None:
        """Records how many had no row, of each minute that is over (or of all)."""
        now = self._clock.monotonic()
        for user_id, minute in list(self._minutes.items()):
            if at_once or now - minute.began >= MINUTE:
                del self._minutes[user_id]
                if minute.more:
                    await self._trail.try_record(minute.actor, REFUSED, "", Outcome.REFUSED, {"more": minute.more})
