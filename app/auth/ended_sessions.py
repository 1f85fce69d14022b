"""Sessions that have ended but are still in the database: they go, with the audit's word of it, when it takes that."""

import asyncio
import logging
from collections.abc import Callable, Iterable

from sqlmodel import Session, col, delete

from app.auth.models import SessionRow
from app.core.database import Database
from app.core.errors import Unavailable

log = logging.getLogger(__name__)

Record = Callable[[Session], None]
"""Tells the audit of something, in the transaction that does it."""


class EndedSessions:
    """Deletes them, trying again later when the database does not answer."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._undeleted: set[str] = set()
        self._unrecorded: list[Record] = []
        self._trying = asyncio.Lock()  # two at once, and one would delete what the other, failing, was to record

    async def delete(self, session_ids: Iterable[str], record: Record | None = None) -> None:
        """Deletes these and those that are left from before."""
        self._undeleted.update(session_ids)
        if record is not None:
            self._unrecorded.append(record)
        await self._try()

    async def try_again(self) -> None:
        """Deletes what is left from before, if anything is."""
        if self._undeleted:
            await self._try()

    async def _try(self) -> None:
        async with self._trying:
            if self._undeleted or self._unrecorded:  # else the try before took them along
                await self._delete_all()

    async def _delete_all(self) -> None:
        ended, records = set(self._undeleted), list(self._unrecorded)
        self._unrecorded.clear()  # taken at once: who ends another session meanwhile must not record these, too

        def work(session: Session) -> None:
            session.exec(delete(SessionRow).where(col(SessionRow.id).in_(ended)))
            for record in records:
                record(session)

        try:
            await self._database.write(work)
        except Unavailable:
            # Nobody gets in with them any more while this process lives; the sweep tries again.
            self._unrecorded = records + self._unrecorded
            log.warning("ended sessions are not deleted yet", extra={"event": "sessions_undeleted"})
        else:
            self._undeleted -= ended
