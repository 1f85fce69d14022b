"""What happens to a run from being asked for until a runner has it: it is recorded, waits for a place, is handed over.

The row is on the disk before the script starts. How runs end is the business of app/runs/outcomes.py.
"""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from app.core.clock import Clock
from app.core.errors import Limited, ToruError
from app.core.permissions import Actor
from app.core.tasks import TaskKeeper
from app.runs.boot import boot_id
from app.runs.cancelling import Cancelling
from app.runs.catalog import ScriptCatalog
from app.runs.environment import ScriptEnvironment
from app.runs.figures import RunsSeen
from app.runs.link import RunnerGone, RunnerRefused
from app.runs.live import LiveRun
from app.runs.models import RunRow
from app.runs.outcomes import Outcomes
from app.runs.roster import Roster
from app.runs.runner_process import RunnerStarter
from app.runs.runners import Runners
from app.runs.schemas import RunState
from app.runs.start_errors import RUNNER_IS_ENDING, sentence_for
from app.runs.store import RunStore
from app.settings.service import SettingsService

log = logging.getLogger(__name__)

RETRY_AFTER = 30
"""Seconds after which it makes sense to ask again when the queue is full."""


class Dispatcher:
    """Owns the runs that have not ended.

    Args:
        data_dir: where journals and runners are.
        starter: starts runners.
        runner_service: the socket behind which systemd starts one, where it does.
        cwd: the folder that scripts run in.
        told: called at every change of a run's state.
    """

    def __init__(
        self,
        store: RunStore,
        settings: SettingsService,
        data_dir: Path,
        starter: RunnerStarter,
        runner_service: Path | None,
        environment: ScriptEnvironment,
        cwd: Path,
        clock: Clock,
        told: Callable[[LiveRun], None],
    ) -> None:
        self._settings = settings
        self._environment = environment
        self._cwd = cwd
        self._clock = clock
        self._arriving = 0
        self._recording: dict[str, asyncio.Event] = {}
        self._tasks = TaskKeeper("runs")
        self._roster = Roster(store, told, self._pump)
        outcomes = Outcomes(self._roster, data_dir / "runs", self._tasks, clock, self._again)
        self._runners = Runners(data_dir, starter, outcomes, runner_service)
        self._outcomes = outcomes
        self._cancelling = Cancelling(self._roster, outcomes)
        self._unsubscribe = settings.subscribe(lambda key: self._pump())

    @property
    def problem(self) -> str | None:
        """A sentence about what limits running scripts now, None when nothing does."""
        return self._runners.problem

    def get(self, run_id: str) -> LiveRun | None:
        """A run that has not ended."""
        return self._roster.runs.get(run_id)

    async def find(self, run_id: str) -> LiveRun | None:
        """As `get`, but waits for one that is being recorded: the database has it a moment before it is here."""
        if (recorded := self._recording.get(run_id)) is not None:
            await recorded.wait()
        return self.get(run_id)

    def count(self, run: LiveRun) -> None:
        """Has the figures know of a run that is in another state."""
        self._roster.counts.changed(run)

    def figures(self) -> RunsSeen:
        """What is counted of runs."""
        counts, waiting = self._roster.counts, self._roster.waiting
        return RunsSeen(
            waiting.running,
            len(waiting),
            counts.started,
            dict(counts.ended),
            counts.durations.seen(),
            counts.output,
            self._runners.pids,
        )

    def positions(self) -> dict[str, int]:
        """The places of the runs that wait: 1 is next."""
        return self._roster.waiting.positions()

    async def open(self) -> None:
        """Finds the runners again, settles what ended without us, and goes on with the queue."""
        self._roster.boot_id = await asyncio.to_thread(boot_id)
        runs = [LiveRun(stored) for stored in await self._roster.store.unfinished()]
        for run in runs:
            self._roster.runs[run.id] = run
            if run.state is RunState.RUNNING:
                run.counted = None
                self._roster.occupy(run)
        await self._runners.open()
        for run in runs:
            if run.state is RunState.QUEUED:
                self._roster.wait(run)
            elif run.link is None:
                self._outcomes.settle(run)
        self._pump()

    async def close(self) -> None:
        """Lets go of the runners; runs go on."""
        self._unsubscribe()
        await self._runners.close()
        await self._tasks.close()

    async def cancel(self, run: LiveRun) -> bool:
        """Has a run ended; False when it had ended before, by itself. Raises Unavailable. See Cancelling."""
        return await self._cancelling.cancel(run)

    # -- asked for

    async def submit(self, actor: Actor, row: RunRow, argv: list[str]) -> LiveRun:
        """Records a run and starts it, or lets it wait for a place. Returns once it is started, or waits.

        Args:
            actor: who asks.
            row: what is asked for; its state is set here.
            argv: how to execute it now. A run that waits is looked at again when its turn comes.

        Raises:
            Limited: too many wait already.
            Conflict: its idempotency key belongs to something else.
            Unavailable: it could not be recorded.
        """
        # Whoever asked may be gone before this is through; the run must not get lost half-way.
        outcome = await asyncio.shield(self._tasks.start(self._submitted(actor, row, argv), f"submit {row.id}"))
        if isinstance(outcome, ToruError):
            raise outcome
        return outcome

    async def _submitted(self, actor: Actor, row: RunRow, argv: list[str]) -> LiveRun | ToruError:
        waiting = self._roster.waiting
        queued = len(waiting) + self._arriving
        if waiting.running < self._settings.max_runs and not queued:
            return await self._submit_direct(actor, row, argv)
        if queued >= self._settings.max_queued:
            return Limited(f"{queued} runs are waiting already. Try again later.", RETRY_AFTER)
        self._arriving += 1
        try:
            run, is_new = await self._record(actor, row)
        except ToruError as error:
            return error
        finally:
            self._arriving -= 1
        if is_new:
            self._roster.told(run)
            self._again(run)
        return run

    async def _submit_direct(self, actor: Actor, row: RunRow, argv: list[str]) -> LiveRun | ToruError:
        row.state, row.started_at, row.boot_id = RunState.RUNNING.value, row.created_at, self._roster.boot_id
        waiting, line = self._roster.waiting, row.user_id or ""
        waiting.occupy(line)  # at once: others ask while this one is being recorded
        try:
            run, is_new = await self._record(actor, row)
        except ToruError as error:
            waiting.release(line)
            self._pump()
            return error
        if not is_new:
            waiting.release(line)
            self._pump()
            return run
        run.holds_place = True
        self._roster.told(run)
        await self._hand_over(run, argv)
        return run

    async def _record(self, actor: Actor, row: RunRow) -> tuple[LiveRun, bool]:
        recorded = self._recording[row.id] = asyncio.Event()
        try:
            stored, is_new = await self._roster.store.insert(actor, row)
            if is_new:
                run = self._roster.runs[stored.view.id] = LiveRun(stored)
                return run, True
            return self._roster.runs.get(stored.view.id) or LiveRun(stored), False
        finally:
            del self._recording[row.id]
            recorded.set()

    # -- waiting

    def _again(self, run: LiveRun) -> None:
        self._roster.wait(run)
        self._pump()

    def _pump(self) -> None:
        waiting = self._roster.waiting
        while waiting.running < self._settings.max_runs and (ticket := waiting.take()) is not None:
            run = self._roster.runs[ticket.run_id]
            run.holds_place = True
            self._tasks.spawn(self._begin(run), f"begin {run.id}")

    async def _begin(self, run: LiveRun) -> None:
        await self._roster.change(
            run, state=RunState.RUNNING.value, started_at=self._clock.now_iso(), boot_id=self._roster.boot_id
        )
        view = run.view
        try:
            catalog = ScriptCatalog(self._settings.scripts_dir)
            argv = await asyncio.to_thread(catalog.argv, view.script, view.args)
        except ToruError as error:
            await self._fail(run, str(error))
        else:
            await self._hand_over(run, argv)

    # -- handed over

    async def _hand_over(self, run: LiveRun, argv: list[str]) -> None:
        """Gives a run to the runner. When that dies meanwhile, the loss of its connection settles the run."""
        view = run.view
        try:
            link = await self._runners.own()
            if run.cancel_wanted:
                await self._outcomes.finish_unstarted(run, RunState.CANCELLED, None)
                return
            run.link, run.started = link, self._clock.monotonic()
            await link.ask(
                "start",
                run=run.id,
                argv=argv,
                env=self._environment.of_run(run.id, tty=view.tty),
                cwd=str(self._cwd),
                tty=view.tty,
                cols=run.cols,
                rows=run.rows,
                cap=self._settings.output_cap,
                timeout=view.time_limit,
            )
        except RunnerRefused as error:
            if error.number != RUNNER_IS_ENDING:
                await self._fail(run, sentence_for(view.script, error.number, str(error)))
        except RunnerGone:
            pass
        except TimeoutError:
            log.warning("the runner did not answer the start of run %s", run.id, extra={"event": "runner_silent"})
            run.handed_over.set()
        except ToruError as error:
            await self._fail(run, str(error))
        else:
            run.handed_over.set()

    async def _fail(self, run: LiveRun, sentence: str) -> None:
        await self._outcomes.finish_unstarted(run, RunState.SPAWN_FAILED, sentence)
