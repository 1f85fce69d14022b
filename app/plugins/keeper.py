"""Keeps what runs in step with the plugins folder and with what was decided, from the core's start to its end."""

import asyncio
import contextlib
import logging
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import aclosing
from pathlib import Path

from app.core.clock import Clock
from app.core.config import Config
from app.core.permissions import Actor
from app.core.tasks import TaskKeeper
from app.plugins.catalog import Catalog
from app.plugins.decisions import Decisions
from app.plugins.folder import PluginFolder, printable
from app.plugins.leftovers import sweep_all
from app.plugins.process import Starter, plugin_environment
from app.plugins.roster import Roster
from app.plugins.schemas import PluginProblem, PluginState
from app.plugins.socket_folder import make_socket_folder
from app.plugins.supervisor import Supervisor, Surroundings
from app.plugins.watch import LOOK_SECONDS, changes

log = logging.getLogger(__name__)

UNSETTLED_SECONDS = 0.5
"""Between two looks while a file is being written."""

ANSWER_SECONDS = 15.0
"""For which whoever has the folder read waits for the answers of files."""

Surround = Callable[[Starter, Path, TaskKeeper], Surroundings]


class Keeper:
    """The supervisors of all plugins that are there.

    Args:
        decisions: which of them are to run.
        enables_new: whether a plugin that nobody decided about is to run.
        surround: gives supervisors what they need, from the starter of processes and the folder of sockets on.
        changed: called with the id of a plugin after each change, and with "" when the folder was looked at.
    """

    def __init__(
        self,
        config: Config,
        clock: Clock,
        decisions: Decisions,
        enables_new: Callable[[], bool],
        surround: Surround,
        changed: Callable[[str], None],
    ) -> None:
        self._config = config
        self._clock = clock
        self._decisions = decisions
        self._enables_new = enables_new
        self._surround = surround
        self._changed = changed
        self._tasks = TaskKeeper("plugins")
        self._looking = asyncio.Lock()
        self._sockets: Path | None = None
        self._catalog: Catalog | None = None
        self._roster: Roster | None = None
        self._problem: PluginProblem | None = None

    def __iter__(self) -> Iterator[Supervisor]:
        return iter(self._roster or ())

    @property
    def problems(self) -> Sequence[PluginProblem]:
        """Files that are not run, and what keeps all of them from running."""
        problems = self._roster.problems if self._roster is not None else []
        return [self._problem, *problems] if self._problem is not None else problems

    def get(self, plugin_id: str) -> Supervisor | None:
        """A plugin that is there."""
        return self._roster.get(plugin_id) if self._roster is not None else None

    def at_route(self, route: str) -> Supervisor | None:
        """The plugin with this route, which begins with a slash."""
        return self._roster.at_route(route) if self._roster is not None else None

    def is_enabled(self, supervisor: Supervisor) -> bool:
        """Whether it is to run."""
        decided = self._decisions.is_enabled(supervisor.metadata.id)
        return bool(decided) and supervisor.state is not PluginState.GIVEN_UP

    async def open(self) -> None:
        """Begins to watch the folder, and before that to end what a core that was killed left behind."""
        setpriv = await asyncio.to_thread(shutil.which, "setpriv")
        if setpriv is None:
            self._cannot_run("setpriv is not installed. It is part of util-linux.")
            return
        try:
            sockets = self._sockets = await asyncio.to_thread(make_socket_folder, self._config.data_dir)
        except OSError as error:
            self._cannot_run(str(error))
            return
        starter = Starter(setpriv, self._config.root, plugin_environment())
        around = self._surround(starter, sockets, self._tasks)
        self._catalog = Catalog(PluginFolder(self._config.plugins_dir, self._clock.monotonic), starter, self._tasks)
        self._roster = Roster(around, self._tasks, self._start_if_enabled, self._changed, self._gave_up)
        self._tasks.spawn(self._watch(sockets), "watch")
        self._tasks.spawn(self._take_answers(self._catalog), "answers")

    async def close(self) -> None:
        """Ends every plugin, in an orderly way; nothing of theirs is left when it returns."""
        roster, self._roster = self._roster, None
        if roster is not None:
            await asyncio.gather(*(supervisor.stop() for supervisor in roster.everybody()))
        await self._tasks.close()
        if self._sockets is not None:
            with contextlib.suppress(OSError):  # somebody else's file in it is theirs to remove
                await asyncio.to_thread(self._sockets.rmdir)

    async def look_again(self) -> None:
        """Reads the folder now, and asks files again that gave no good answer."""
        if self._catalog is not None:
            self._catalog.forget_problems()
            await self._look()
            await self._catalog.quiet(ANSWER_SECONDS)
            await self._take()

    async def _watch(self, sockets: Path) -> None:
        try:
            await asyncio.to_thread(sweep_all, sockets, self._config.plugins_dir)
        except Exception:
            log.exception("what an earlier core left of plugins could not be swept")
        await self._decisions.load()
        while True:
            try:
                await self._follow_folder()
            except Exception:
                log.exception("the plugins folder is watched anew")
            await asyncio.sleep(LOOK_SECONDS)

    async def _follow_folder(self) -> None:
        async with aclosing(changes(self._config.plugins_dir)) as moments:
            async for _ in moments:
                try:
                    await self._look()
                except Exception:
                    log.exception("the plugins folder could not be looked at")

    async def _look(self) -> None:
        """Reads the folder, again while a file is being written; what files have to answer comes later."""
        while self._catalog is not None:
            async with self._looking:
                is_settled = await self._catalog.look(self._decisions.choice)
            await self._take()
            if is_settled:
                return
            await asyncio.sleep(UNSETTLED_SECONDS)

    async def _take_answers(self, catalog: Catalog) -> None:
        while True:
            await catalog.news()
            try:
                await self._take()
            except Exception:
                log.exception("what files said of themselves could not be used")

    async def _take(self) -> None:
        """Brings the roster up to date."""
        async with self._looking:
            await self._decisions.load()
            if self._roster is None or self._catalog is None:
                return
            self._roster.take(self._catalog.offer(self._decisions.choice))
            self._follow_decisions()
        self._changed("")

    def _follow_decisions(self) -> None:
        """What somebody wrote into the file while we run counts, too."""
        for supervisor in self:
            plugin_id = supervisor.metadata.id
            decided = self._decisions.is_enabled(plugin_id)
            if decided and supervisor.state is PluginState.DISABLED:
                self._tasks.spawn(self._start(supervisor), f"{plugin_id} enabled")
            elif decided is False and supervisor.is_kept:
                self._tasks.spawn(supervisor.stop(), f"{plugin_id} disabled")

    async def _start_if_enabled(self, supervisor: Supervisor) -> None:
        plugin_id = supervisor.metadata.id
        wanted = self._decisions.is_enabled(plugin_id)
        if wanted is None and self._enables_new():
            await self._decisions.enable(Actor.system(), plugin_id, supervisor.file.name)
            wanted = True
        if wanted:
            await self._start(supervisor)
        elif (reason := self._decisions.reason(plugin_id)) is not None:
            supervisor.give_up(reason)

    async def _start(self, supervisor: Supervisor) -> None:
        await self._decisions.remember(supervisor.metadata.id, supervisor.file.name)
        await supervisor.start()

    def _gave_up(self, supervisor: Supervisor, reason: str) -> None:
        self._tasks.spawn(self._give_up(supervisor, reason), f"{supervisor.metadata.id} failed")

    async def _give_up(self, supervisor: Supervisor, reason: str) -> None:
        async with supervisor.deciding:
            if supervisor.state is PluginState.GIVEN_UP:  # nobody tried again meanwhile
                await self._decisions.give_up(supervisor.metadata.id, reason)

    def _cannot_run(self, reason: str) -> None:
        self._problem = PluginProblem(printable(self._config.plugins_dir.name), f"Plugins cannot be run: {reason}")
        log.warning("plugins cannot be run: %s", reason, extra={"event": "plugins_cannot_run"})
