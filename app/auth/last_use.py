"""When each credential was used last: in memory at once, on the disk once a minute and at the end."""

import asyncio
import logging

from sqlalchemy import Update
from sqlmodel import Session

from app.core.database import Database
from app.core.errors import Unavailable

log = logging.getLogger(__name__)

FLUSH_SECONDS = 60.0
"""A write for each request would cost a sync of the disk each."""


class LastUse:
    """Moments by the id of a session or token.

    Args:
        statement: stores one of them; its parameters are `credential` and `moment`.
    """

    def __init__(self, database: Database, statement: Update) -> None:
        self._database = database
        self._statement = statement
        self._moments: dict[str, str] = {}
        self._unsaved: set[str] = set()

    def note(self, key: str, moment: str) -> None:
        """It is used now."""
        self._moments[key] = moment
        self._unsaved.add(key)

    def of(self, key: str) -> str | None:
        """When it was used last since the start, None for not since then."""
        return self._moments.get(key)

    def forget(self, key: str) -> None:
        """It is gone."""
        self._moments.pop(key, None)
        self._unsaved.discard(key)

    async def keep_saving(self) -> None:
        """Saves once a minute; the owner's task."""
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            await self.save()

    async def save(self) -> None:
        """Writes what is new; what the database does not take now is written the next time."""
        keys, self._unsaved = self._unsaved, set()
        values = [{"credential": key, "moment": self._moments[key]} for key in keys]
        if not values:
            return

        def write(session: Session) -> None:
            session.connection().execute(self._statement, values)

        is_written = False
        try:
            await self._database.write(write)
            is_written = True
        except Unavailable:
            log.warning("the moments of last use are not stored yet", extra={"event": "last_use_unsaved"})
        finally:  # also when the product stops meanwhile, and its last save comes next
            if not is_written:
                self._unsaved |= keys & self._moments.keys()
