"""Ending a run because somebody asks: at once while it waits, through its runner when it goes on."""

import asyncio

from app.core.errors import Unavailable
from app.runner.protocol import GRACE
from app.runs.link import RunnerGone, RunnerRefused
from app.runs.live import LiveRun
from app.runs.outcomes import Outcomes
from app.runs.roster import Roster
from app.runs.schemas import RunState

RECORD_SECONDS = 10.0


class Cancelling:
    """Cancels runs of the roster."""

    def __init__(self, roster: Roster, outcomes: Outcomes) -> None:
        self._roster = roster
        self._outcomes = outcomes

    async def cancel(self, run: LiveRun) -> bool:
        """Has a run ended: SIGTERM, after some seconds SIGKILL. Returns when that is certain, not when it has ended.

        Returns:
            False when it had ended before, by itself.

        Raises:
            Unavailable: its end cannot be recorded right now.
        """
        if self._roster.waiting.remove(run.id):
            run.cancelling = True
            await self._outcomes.finish_unstarted(run, RunState.CANCELLED, None)
            return True
        run.cancel_wanted = True
        await run.handed_over.wait()
        if not run.state.ended and not run.ending and run.link is not None:
            return await self._cancel_started(run)
        return await self._was_cancelled(run)

    async def _cancel_started(self, run: LiveRun) -> bool:
        try:
            answer = await run.link.ask("cancel", run=run.id, grace=GRACE) if run.link else {}
        except (RunnerGone, RunnerRefused, TimeoutError):
            answer = {}  # the run is lost, and ended with it, or found again, and cancelled then
        if answer.get("already"):
            return await self._was_cancelled(run)
        run.cancelling = True
        run.wake()
        return True

    async def _was_cancelled(self, run: LiveRun) -> bool:
        """Waits for an end that is being recorded."""
        try:
            async with asyncio.timeout(RECORD_SECONDS):
                while not run.state.ended:
                    await run.moved()
        except TimeoutError:
            raise Unavailable("This run has ended, but that cannot be recorded right now.") from None
        return run.state is RunState.CANCELLED
