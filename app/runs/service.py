"""Runs: who may start, see, cancel and type into which, and how their output is read."""

import asyncio
import json
import logging
import re
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import replace

from app.actions.service import ActionsService
from app.audit.trail import AuditTrail
from app.core.clock import Clock
from app.core.config import Config
from app.core.database import Database
from app.core.errors import BadValue, NotFound
from app.core.ids import new_id
from app.core.permissions import Actor
from app.runs.arguments import checked_args, checked_key, checked_size
from app.runs.catalog import CannotStart, ScriptCatalog
from app.runs.dispatcher import Dispatcher
from app.runs.environment import ScriptEnvironment
from app.runs.figures import RunsSeen
from app.runs.follow import Turn, follow_bytes, follow_lines
from app.runs.keyboard import resize, type_into
from app.runs.live import LiveRun
from app.runs.models import RunRow
from app.runs.rights import Rights
from app.runs.runner_process import RunnerStarter
from app.runs.schemas import Chunk, Ended, LineEvent, RunPage, RunState, RunView, ScriptView, Skipped
from app.runs.store import RunFilter, RunStore
from app.runs.tail import tail_of
from app.runs.window import Window
from app.settings.service import SettingsService

log = logging.getLogger(__name__)

MAX_PAGE = 200
RUN_ID = re.compile(r"[0-9a-f]{32}")

Watcher = Callable[[RunView], None]


class RunsService:
    """The one way to start anything. Everybody who is signed in sees every run, a token may be made for less.

    Args:
        trail: where starts, ends and cancels are recorded.
        runner_options: further words of the runner's command line.
    """

    def __init__(
        self,
        database: Database,
        settings: SettingsService,
        actions: ActionsService,
        config: Config,
        clock: Clock,
        trail: AuditTrail,
        runner_options: tuple[str, ...] = (),
    ) -> None:
        self._settings = settings
        self._actions = actions
        self._rights = Rights(actions, settings, clock)
        self._clock = clock
        self._folder = config.data_dir / "runs"
        self._trail = trail
        self._store = RunStore(database, trail)
        self._watchers: dict[object, Watcher] = {}
        self._turn = Turn()
        self._dispatcher = Dispatcher(
            self._store,
            settings,
            config.data_dir,
            RunnerStarter(config.root, config.data_dir, runner_options),
            config.runner_socket,
            ScriptEnvironment(config.script_env),
            config.root,
            clock,
            self._tell,
        )

    async def open(self) -> None:
        """Finds the runs that went on without us, or ended, and goes on with the queue."""
        await self._dispatcher.open()

    async def close(self) -> None:
        """Lets go; what runs goes on."""
        await self._dispatcher.close()

    @property
    def problem(self) -> str | None:
        """A sentence about what limits running scripts on this machine, None when nothing does."""
        return self._dispatcher.problem

    # -- scripts

    async def script_names(self, actor: Actor) -> list[str]:
        """The names of the scripts that may be run, sorted. Admin only. Raises Unavailable without the folder."""
        actor.require_admin()
        return await asyncio.to_thread(self._catalog().names)

    async def scripts(self, actor: Actor) -> list[ScriptView]:
        """The scripts that the actor may start, by name: a client those of quick actions. Raises Unavailable."""
        found = await asyncio.to_thread(self._catalog().scripts)
        if actor.is_admin:
            return found
        allowed = {action.script_path for action in await self._actions.list(actor)}
        return [script for script in found if script.name in allowed]

    # -- starting and ending

    async def may_start(self, actor: Actor, script: str, args: Sequence[str] = ()) -> bool:
        """Whether the actor may start this: an admin everything, others their quick actions, without arguments."""
        return await self._rights.may_start(actor, script, args)

    def may_steer(self, actor: Actor, run: RunView) -> bool:
        """Whether a person may cancel the run and type into it: an admin every run, a client its own."""
        return self._rights.may_steer(actor, run)

    async def start(
        self,
        actor: Actor,
        script: str,
        args: Sequence[str] = (),
        *,
        tty: bool = False,
        cols: int = 80,
        rows: int = 24,
        timeout: int | None = None,  # noqa: ASYNC109  # the script's, not this call's
        idempotency_key: str | None = None,
    ) -> RunView:
        """Starts a script, or lets it wait for a place; the same key of the same user starts it only once.

        A script that cannot be executed gives a run in the state `spawn_failed` whose reason says why.

        Args:
            args: what the script gets as arguments; admin only.
            tty: whether it gets a terminal, of `cols` and `rows`, instead of pipes.
            timeout: seconds it may run, 0 for no limit, None for the setting; a client may only ask for less.

        Raises:
            Forbidden: a client asks for what is no quick action, gives arguments, or wants a looser time limit.
            StepUpNeeded: a dangerous quick action runs this script, and the second factor was proved too long ago.
            NotFound: there is no such script.
            BadValue: an argument, size, time limit or key is not acceptable.
            Conflict: the key was used for something else.
            Limited: too many runs wait already.
            Unavailable: the scripts folder or the database cannot be used.
        """
        self._catalog().require_name(script)
        await self._rights.require_start(actor, script, args)
        limit = self._rights.time_limit(actor, timeout)
        row = RunRow(
            id=new_id(),
            script=script,
            args=json.dumps(checked_args(args)),
            tty=tty,
            cols=checked_size(cols),
            rows=checked_size(rows),
            time_limit=limit,
            state=RunState.QUEUED.value,
            user_id=actor.user_id,
            username=actor.username,
            requester=actor.requester,
            idempotency_key=checked_key(idempotency_key),
            boot_id="",
            created_at=self._clock.now_iso(),
        )
        known = await self._store.of_key(row)
        if known is not None:  # asked before the script is looked up: it may be gone since
            return await self.get(actor, known)
        await self._rights.require_proof(actor, script)
        try:
            argv = await asyncio.to_thread(self._catalog().argv, script, tuple(args))
        except CannotStart as error:
            return await self._failed(actor, row, str(error))
        return self._view(await self._dispatcher.submit(actor, row, argv))

    async def cancel(self, actor: Actor, run_id: str) -> RunView:
        """Has a run ended, as `request_cancel`, and returns it as it is then. One that has ended stays as it is."""
        await self.request_cancel(actor, run_id)
        return await self.get(actor, run_id)

    async def request_cancel(self, actor: Actor, run_id: str) -> bool:
        """SIGTERM to a run at once, SIGKILL after five seconds, whoever started it from wherever.

        Returns:
            False when it had ended before, by itself.

        Raises:
            NotFound: there is no such run.
            Forbidden: a client asks for a run that is not its own.
        """
        run = await self._own_run(actor, run_id)
        if run.state.ended:
            return False
        if run.cancel_recorded:
            return await self._dispatcher.cancel(run)
        run.cancel_recorded = True
        # Side by side: a database that does not answer holds no cancel up.
        record = self._trail.try_record(actor, "run.cancelled", run.view.script, detail={"run": run_id})
        _, cancelled = await asyncio.gather(record, self._dispatcher.cancel(run))
        return cancelled

    # -- keyboard

    async def send_input(self, actor: Actor, run_id: str, data: bytes) -> None:
        """Types into a run's terminal.

        Raises:
            NotFound: there is no such run.
            Forbidden: a client asks for a run that is not its own.
            Conflict: it has no terminal, has ended, or does not read what it got.
        """
        await type_into(await self._own_run(actor, run_id), data)

    async def resize(self, actor: Actor, run_id: str, cols: int, rows: int) -> None:
        """Gives a run's terminal another size. Raises as `send_input`, and BadValue for an impossible size."""
        await resize(await self._own_run(actor, run_id), checked_size(cols), checked_size(rows))

    # -- looking

    async def get(self, actor: Actor, run_id: str) -> RunView:
        """One run. Raises NotFound, and Forbidden for a token that may see only what it started itself."""
        return self._view(await self._seen_run(actor, run_id))

    async def list(
        self,
        actor: Actor,
        *,
        script: str | None = None,
        state: RunState | None = None,
        user: str | None = None,
        search: str | None = None,
        limit: int = 50,
        before: str | None = None,
    ) -> RunPage:
        """Runs, newest first, at most `limit` (1 to 200).

        Args:
            user: the user name of who started them.
            search: part of the script's name, an argument or the user's name.
            before: the `next_before` of the page before.

        Raises:
            BadValue: the limit is out of range or `before` names no run.
            Forbidden: a token without the scope read asks.
        """
        actor.require_read()
        if not 1 <= limit <= MAX_PAGE:
            raise BadValue(f"A page has 1 to {MAX_PAGE} runs.")
        page = await self._store.page(RunFilter(script, state, user, search), limit, before)
        places = self._dispatcher.positions()
        return replace(page, items=tuple(self._current(run, places) for run in page.items))

    def figures(self, actor: Actor) -> RunsSeen:
        """What is counted of all runs. Raises Forbidden for a token without the scope read."""
        actor.require_read()
        return self._dispatcher.figures()

    async def tail_text(self, actor: Actor, run_id: str, limit: int) -> str:
        """The last `limit` bytes of a run's output as plain text; why it did not start where there is none."""
        return await self.tail_of(await self.get(actor, run_id), limit)

    async def tail_of(self, run: RunView, limit: int) -> str:
        """As `tail_text`, for a run at hand."""
        if run.output_removed_at is not None and run.size:
            return f"[{run.size} bytes of output are not kept]"
        text = await asyncio.to_thread(tail_of, self._folder / run.id, limit)
        return text or (run.reason or "" if run.state is RunState.SPAWN_FAILED else "")

    async def wait_end(self, actor: Actor, run_id: str) -> RunView:
        """The run, once it has ended. Raises as `get`."""
        run = await self._seen_run(actor, run_id)
        while not run.state.ended:
            await run.moved()
        return run.view

    async def follow(
        self, actor: Actor, run_id: str, offset: int = 0, window: Window | None = None
    ) -> AsyncGenerator[Chunk | Skipped | Ended, None]:
        """A run's output as it was written, from `offset` on and while it comes; last the end. Raises as `get`.

        Args:
            window: for a terminal: what it may be sent; without one nothing is left out.
        """
        run = await self._seen_run(actor, run_id)
        async for event in follow_bytes(run, self._folder / run_id, max(0, min(offset, run.size)), window):
            yield event

    async def follow_lines(self, actor: Actor, run_id: str, offset: int = 0) -> AsyncGenerator[LineEvent, None]:
        """The lines of a run that end after `offset`, in batches; a cancel; last the end. Raises as `get`."""
        run = await self._seen_run(actor, run_id)
        async for event in follow_lines(run, self._folder / run_id, max(0, offset), self._turn):
            yield event

    def subscribe(self, callback: Watcher) -> Callable[[], None]:
        """Has `callback(run)` called in the loop at each change of a run's state; returns what ends that."""
        key = object()
        self._watchers[key] = callback
        return lambda: self._watchers.pop(key, None) and None

    # -- inside

    def _catalog(self) -> ScriptCatalog:
        return ScriptCatalog(self._settings.scripts_dir)

    async def _failed(self, actor: Actor, row: RunRow, sentence: str) -> RunView:
        """Records a run that cannot even be tried."""
        row.state, row.reason, row.finished_at = RunState.SPAWN_FAILED.value, sentence, row.created_at
        stored, is_new = await self._store.insert(actor, row)
        run = LiveRun(stored)
        if is_new:
            self._tell(run)
        return run.view

    async def _run(self, run_id: str) -> LiveRun:
        if (run := await self._dispatcher.find(run_id)) is not None:
            return run
        if RUN_ID.fullmatch(run_id) is None:
            raise NotFound("There is no such run.")
        return LiveRun(await self._store.get(run_id))

    async def _seen_run(self, actor: Actor, run_id: str) -> LiveRun:
        run = await self._run(run_id)
        self._rights.require_sight(actor, run)
        return run

    async def _own_run(self, actor: Actor, run_id: str) -> LiveRun:
        run = await self._run(run_id)
        self._rights.require_steer(actor, run)
        return run

    def _view(self, run: LiveRun) -> RunView:
        view = run.view
        is_waiting = view.state is RunState.QUEUED
        return replace(view, queue_position=self._dispatcher.positions().get(view.id)) if is_waiting else view

    def _current(self, stored: RunView, places: dict[str, int]) -> RunView:
        view = stored if (run := self._dispatcher.get(stored.id)) is None else run.view
        return replace(view, queue_position=places.get(view.id)) if view.state is RunState.QUEUED else view

    def _tell(self, run: LiveRun) -> None:
        self._dispatcher.count(run)
        view = self._view(run)
        for watcher in list(self._watchers.values()):
            try:
                watcher(view)
            except Exception:
                log.exception("a follower of runs failed")
