"""What the audit does by itself: hashes to the log, the oldest rows out when there are too many."""

import asyncio
import contextlib
from datetime import datetime, timedelta

from sqlmodel import Session

from app.audit.heads import log_cut, log_head
from app.audit.refusals import Refusals
from app.audit.store import PRUNED, ends, newest_mark, portion_of, remove_oldest
from app.audit.trail import AuditTrail
from app.core.clock import Clock
from app.core.database import Database
from app.core.errors import Unavailable
from app.core.permissions import Actor
from app.core.tasks import TaskKeeper
from app.settings.service import SettingsService

TICK_SECONDS = 1.0
HEAD_EVERY = timedelta(hours=1)
PRUNE_EVERY = timedelta(minutes=1)


class Upkeep:
    """Works in the background.

    Args:
        settings: gives the instance's id, which tells its lines in the log from another's.
        max_rows: how many are kept; past them the oldest tenth goes.
    """

    def __init__(
        self,
        database: Database,
        trail: AuditTrail,
        refusals: Refusals,
        settings: SettingsService,
        clock: Clock,
        max_rows: int,
    ) -> None:
        self._database = database
        self._trail = trail
        self._refusals = refusals
        self._settings = settings
        self._clock = clock
        self._max_rows = max_rows
        self._tasks = TaskKeeper("audit")

    async def open(self) -> None:
        """Begins, with a hash in the log."""
        await self._log_head()
        self._tasks.spawn(self._watch(), "upkeep")

    async def close(self) -> None:
        """Records what is only counted yet, and ends with a hash in the log."""
        await self._tasks.close()
        await self._refusals.tell_of_the_rest(at_once=True)
        await self._log_head()

    async def _watch(self) -> None:
        head_at = prune_at = self._clock.now()
        while True:
            await asyncio.sleep(TICK_SECONDS)
            now = self._clock.now()
            await self._refusals.tell_of_the_rest()
            if _is_due(now, head_at, HEAD_EVERY):
                head_at = now
                await self._log_head()
            if _is_due(now, prune_at, PRUNE_EVERY):
                prune_at = now
                await self.prune()

    async def _log_head(self) -> None:
        try:
            mark = await self._database.read(newest_mark)
        except Unavailable:
            return  # the database says so itself
        if mark is not None:
            log_head(mark, self._settings.instance_id)

    async def prune(self) -> None:
        """Removes the oldest rows when there are too many, and records up to where, in the log, too."""

        def work(session: Session) -> None:
            first, last = ends(session)
            if last - first < self._max_rows:
                return
            portion = portion_of(self._max_rows)
            until = -(-(first - 1 + portion) // portion) * portion
            rows, cut = until - first + 1, remove_oldest(session, until)
            facts = {"last": cut.number, "hash": cut.hash, "rows": rows}
            self._trail.append(session, Actor.system(), PRUNED, detail=facts)
            # Before the commit: the log may tell of a removal that came to nothing, never the other way round.
            log_cut(cut, rows, self._settings.instance_id)

        with contextlib.suppress(Unavailable):  # the next round tries again
            await self._database.write(work)


def _is_due(now: datetime, last: datetime, every: timedelta) -> bool:
    """Also when the clock was set back, so that it never takes longer."""
    return not last <= now < last + every
