"""What became of runs: by the runner's word while it lives, by the journal when nobody told.

At a (re)connection the runner's list comes first and the journals second: the other way round, an end between the two
looks would be taken for a loss. A run without a journal never began.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from pathlib import Path

from app.core.clock import Clock
from app.core.tasks import TaskKeeper
from app.runner.journal import CANCELLED
from app.runner.protocol import GRACE, RUNNER_VERSION
from app.runner.sweep import sweep
from app.runs import journal
from app.runs.endings import INTERRUPTED, NEVER_BEGAN, REBOOTED, ending, moment, times
from app.runs.link import Progress, RunnerGone, RunnerLink, RunnerRefused
from app.runs.live import LiveRun
from app.runs.roster import Roster
from app.runs.schemas import RunState

log = logging.getLogger(__name__)

UNANSWERED = (RunnerGone, RunnerRefused, TimeoutError)


class Outcomes:
    """Hears from the runners and records how runs end.

    Args:
        roster: the runs.
        folder: where the journals lie.
        tasks: keeps the work that this sets off.
        again: called with a run that never began, to let it wait once more.
    """

    def __init__(
        self, roster: Roster, folder: Path, tasks: TaskKeeper, clock: Clock, again: Callable[[LiveRun], None]
    ) -> None:
        self._roster = roster
        self._folder = folder
        self._tasks = tasks
        self._clock = clock
        self._again = again

    async def finish_unstarted(self, run: LiveRun, state: RunState, reason: str | None) -> None:
        """Records the end of a run that no runner ever had."""
        ended = times(run.view, self._clock.now(), None)
        await self._roster.finish(run, state=state.value, reason=reason, **{**ended, "duration": None})

    # -- from the runners

    def connected(self, link: RunnerLink, runs: list[Progress], before: RunnerLink | None) -> None:
        """A runner told its runs; those of its earlier connection that it does not know are looked for on the disk."""
        for told in runs:
            run = self._roster.runs.get(told.run_id)
            if run is None:
                self._tasks.spawn(self._dismiss(link, told), f"dismiss {told.run_id}")
                continue
            run.link = link
            run.handed_over.set()
            self.progressed(link, told)
            if run.cancel_wanted and told.status is None:
                self._tasks.spawn(self._cancel(link, run.id), f"cancel {run.id}")
        known = {told.run_id for told in runs}
        for run in list(self._roster.runs.values()):
            if before is not None and run.link is before and run.id not in known:
                self.settle(run)
        self._leave_idle(link)

    def progressed(self, link: RunnerLink, told: Progress) -> None:
        """A run moved, or ended."""
        run = self._roster.runs.get(told.run_id)
        if run is None or run.ending:
            return
        run.size, run.flags = told.size, told.flags
        self._roster.counts.printed(run, told.size)
        if told.flags & CANCELLED:
            run.cancelling = True
        if told.status is not None:
            run.ending = True
            self._tasks.spawn(self._end(run, told, link), f"end {run.id}")
        run.wake()

    def died(self, link: RunnerLink) -> None:
        """A runner is gone, and with it the processes' parent."""
        for run in list(self._roster.runs.values()):
            if run.link is link:
                self.settle(run)

    # -- ends

    def settle(self, run: LiveRun) -> None:
        """Finds out from the disk what became of a run that no runner has."""
        if not run.ending:
            run.ending = True
            run.link = None
            self._tasks.spawn(self._settled(run), f"settle {run.id}")

    async def _settled(self, run: LiveRun) -> None:
        found = await asyncio.to_thread(journal.state, self._folder / run.id)
        same_boot = run.boot_id == self._roster.boot_id
        if found is not None and found.end is not None:
            end = found.end
            await self._end(run, Progress(run.id, found.size, 0, end.length, end.flags), None)
        elif found is not None:
            if same_boot:  # its processes may live, but nobody reads what they write
                await asyncio.to_thread(sweep, run.id)
            await self._interrupted(run, INTERRUPTED if same_boot else REBOOTED, found.size)
        elif same_boot:
            run.ending = False
            await self._roster.change(run, state=RunState.QUEUED.value, started_at=None, boot_id="")
            self._roster.vacate(run)
            self._again(run)
        else:
            await self._interrupted(run, NEVER_BEGAN, 0)

    async def _end(self, run: LiveRun, told: Progress, link: RunnerLink | None) -> None:
        measured = None if run.started is None else self._clock.monotonic() - run.started
        state = await asyncio.to_thread(self._put_on_disk, run.id)
        ended = moment(state.end.time_ns) if state is not None and state.end is not None else self._clock.now()
        columns = ending(told.status or 0, told.flags, run.view.time_limit)
        kept = await asyncio.to_thread(journal.kept, self._folder / run.id)
        await self._roster.finish(run, size=told.size, kept_bytes=kept, **times(run.view, ended, measured), **columns)
        if link is not None:
            await self._forget(link, run.id)
            self._leave_idle(link)

    async def _interrupted(self, run: LiveRun, reason: str, size: int) -> None:
        state = RunState.CANCELLED if run.cancelling else RunState.INTERRUPTED
        columns = times(run.view, self._clock.now(), None)
        kept = await asyncio.to_thread(journal.kept, self._folder / run.id)
        await self._roster.finish(run, state=state.value, reason=reason, size=size, kept_bytes=kept, **columns)

    def _put_on_disk(self, run_id: str) -> journal.JournalState | None:
        # The page cache outlives every process, but not a power cut: first the output is safe, then its end is told.
        folder = self._folder / run_id
        try:
            journal.sync(folder)
            return journal.state(folder)
        except OSError as error:
            log.warning("the output of run %s is not safe on the disk: %s", run_id, error)
            return None

    # -- to the runners

    async def _dismiss(self, link: RunnerLink, told: Progress) -> None:
        """A run that the database does not know, or knows to have ended: it ended before a core could say so."""
        if told.status is None:
            log.warning("run %s goes on but has no record; it is ended", told.run_id)
            await self._cancel(link, told.run_id)
        else:
            await self._forget(link, told.run_id)
            self._leave_idle(link)

    async def _forget(self, link: RunnerLink, run_id: str) -> None:
        with contextlib.suppress(*UNANSWERED):
            await link.ask("forget", run=run_id)

    async def _cancel(self, link: RunnerLink, run_id: str) -> None:
        with contextlib.suppress(*UNANSWERED):
            await link.ask("cancel", run=run_id, grace=GRACE)

    def _leave_idle(self, link: RunnerLink) -> None:
        """A runner of another version ends when nobody needs it: neither its runs nor we."""
        if link.version != RUNNER_VERSION and not any(run.link is link for run in self._roster.runs.values()):
            link.close()
