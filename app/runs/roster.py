"""The runs that have not ended: in memory and in the database at the same time, and what a change of one sets off."""

import asyncio
import logging
from collections.abc import Callable

from app.core.errors import Unavailable
from app.runs.figures import RunCounts
from app.runs.live import LiveRun
from app.runs.store import RunStore
from app.runs.waiting import Ticket, WaitingRuns

log = logging.getLogger(__name__)

RETRY_SECONDS = 1.0


class Roster:
    """Keeps them.

    Attributes:
        boot_id: this boot of the machine.
        counts: what figures tell of runs.

    Args:
        told: called after each change of a run's state, when it is durable.
        place_free: called when fewer runs than before are going on.
    """

    def __init__(self, store: RunStore, told: Callable[[LiveRun], None], place_free: Callable[[], None]) -> None:
        self.store = store
        self.runs: dict[str, LiveRun] = {}
        self.waiting = WaitingRuns()
        self.told = told
        self.boot_id = ""
        self.counts = RunCounts()
        self._place_free = place_free

    def wait(self, run: LiveRun) -> None:
        """Puts a run into the queue."""
        self.waiting.add(Ticket(run.id, run.line, run.number))

    def occupy(self, run: LiveRun) -> None:
        """Gives a run a place among those that go on."""
        run.holds_place = True
        self.waiting.occupy(run.line)

    def vacate(self, run: LiveRun) -> None:
        """Takes its place from a run that has one."""
        if run.holds_place:
            run.holds_place = False
            self.waiting.release(run.line)

    async def change(self, run: LiveRun, **values: object) -> None:
        """Sets columns of a run, trying again until the database takes them, then tells."""
        warned = False
        while True:
            try:
                stored = await self.store.change(run.id, **values)
                break
            except Unavailable as error:
                if not warned:
                    warned = True
                    log.warning("run %s cannot be recorded yet: %s", run.id, error, extra={"event": "run_not_recorded"})
                await asyncio.sleep(RETRY_SECONDS)
        run.become(stored)
        self.told(run)

    async def finish(self, run: LiveRun, **values: object) -> None:
        """Records a run's end, then lets it go: its place is free, its followers hear."""
        await self.change(run, **values)
        self.runs.pop(run.id, None)
        self.vacate(run)
        log.info("run of %s ended: %s", run.view.script, run.state.value, extra={"event": "run_ended", "run": run.id})
        self._place_free()
