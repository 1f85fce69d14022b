"""Signs of life for the service manager: from the event loop, and only while the database answers."""

import asyncio

from app.core.database import Database
from app.core.service_manager import ServiceManager
from app.core.tasks import TaskKeeper

SHARE = 0.25
"""Of the time within which a sign is due: one that is late, or goes lost, does not yet end us."""

ANSWERS = "Serving; the database answers again"
NO_ANSWER = "The database does not answer: it is locked, or its disk hangs"


class Heartbeat:
    """Tells the manager that we live, for as long as it is true. Whoever is hung is silent, and started anew.

    Args:
        manager: who wants to know.
        database: is asked before each sign.
    """

    def __init__(self, manager: ServiceManager, database: Database) -> None:
        self._manager = manager
        self._database = database
        self._tasks = TaskKeeper("heartbeat")

    async def open(self) -> None:
        """Begins, where the manager asked for it."""
        if self._manager.watchdog_seconds > 0:
            self._tasks.spawn(self._beat(self._manager.watchdog_seconds * SHARE), "beat")

    async def close(self) -> None:
        """Ends."""
        await self._tasks.close()

    async def _beat(self, pause: float) -> None:
        is_well = True
        while True:
            # Without a limit: a database that never answers is what the manager must notice.
            was_well, is_well = is_well, await self._database.answers()
            if is_well:
                self._manager.alive()
            if is_well != was_well:
                self._manager.status(ANSWERS if is_well else NO_ANSWER)
            await asyncio.sleep(pause)
