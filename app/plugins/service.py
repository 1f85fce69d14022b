"""The plugins: who may see, enable, disable and ask them."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from app.audit.trail import AuditTrail
from app.core.clock import Clock
from app.core.config import Config
from app.core.errors import Conflict, Forbidden, NotFound
from app.core.permissions import Actor
from app.core.tasks import TaskKeeper
from app.plugins.body_room import BodyRoom
from app.plugins.decisions import Decisions
from app.plugins.enabled import EnabledPlugins
from app.plugins.figures import PluginFigures
from app.plugins.keeper import Keeper
from app.plugins.licence_store import LicenceStore
from app.plugins.logs import PluginLogs
from app.plugins.metadata import TREE, Metadata
from app.plugins.pages.page import PluginPage, PluginPages
from app.plugins.process import Starter
from app.plugins.schemas import PluginEvent, PluginProblem, PluginState, PluginView
from app.plugins.supervisor import Supervisor, Surroundings
from app.plugins.values import PluginValues
from app.plugins.views import Views
from app.plugins.wire import PluginAnswer, PluginRequest
from app.settings.service import SettingsService

log = logging.getLogger(__name__)

READING = ("GET", "HEAD", "OPTIONS")
LEAVING_SECONDS = 2.0
"""For requests that are under way when the core is told to end."""

Watcher = Callable[[str], None]
Listener = Callable[[PluginEvent], None]
Pause = Callable[[float], Awaitable[None]]


class PluginsService:
    """Finds, runs and asks plugins.

    Args:
        pause: waits for seconds before a crashed plugin is started again.
    """

    def __init__(
        self,
        config: Config,
        settings: SettingsService,
        logs: PluginLogs,
        values: PluginValues,
        licences: LicenceStore,
        figures: PluginFigures,
        trail: AuditTrail,
        clock: Clock,
        pause: Pause = asyncio.sleep,
    ) -> None:
        self.bodies = BodyRoom()
        """For the bodies of requests, before and while they are handed over."""

        self._figures = figures
        self._clock = clock
        self._views = Views(figures, licences)
        self._decisions = Decisions(EnabledPlugins(config.plugins_dir), trail, logs)
        self._watchers: dict[object, Watcher] = {}
        self._listeners: dict[object, Listener] = {}
        self._pages = PluginPages()
        self._under_way = 0
        self._answered = asyncio.Event()

        def surround(starter: Starter, sockets: Path, tasks: TaskKeeper) -> Surroundings:
            return Surroundings(
                starter,
                sockets,
                logs,
                clock,
                tasks,
                settings.instance_id,
                licences.key_of,
                licences.problem_of,
                values.handle,
                self._happened,
                self._pages.of,
                pause,
            )

        self._keeper = Keeper(
            config, clock, self._decisions, lambda: settings.enable_new_plugins, surround, self._changed
        )

    async def open(self) -> None:
        """Begins: what a core that was killed left behind is ended, what is enabled is started, soon after."""
        await self._keeper.open()

    async def leave(self) -> None:
        """The same as `close`, as soon as no request is under way any more, or LEAVING_SECONDS have passed."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LEAVING_SECONDS):
                while self._under_way:
                    self._answered.clear()
                    await self._answered.wait()
        await self.close()

    async def close(self) -> None:
        """Ends every plugin, in an orderly way; nothing of theirs is left when it returns."""
        await self._keeper.close()

    # -- what is there

    async def list(self, actor: Actor) -> list[PluginView]:
        """All plugins by id, with figures of at most a second ago."""
        actor.require_read()
        await self._views.measure(self._keeper)
        return [self._view(actor, supervisor) for supervisor in self._keeper]

    async def get(self, actor: Actor, plugin_id: str) -> PluginView:
        """One plugin. Raises NotFound."""
        actor.require_read()
        await self._views.measure(self._keeper)
        return self._view(actor, self._find(plugin_id))

    def metadata(self, actor: Actor, plugin_id: str) -> Metadata:
        """What a plugin says of itself. Raises NotFound."""
        actor.require_read()
        return self._find(plugin_id).metadata

    def problems(self, actor: Actor) -> Sequence[PluginProblem]:
        """Files of the plugins folder that are not run, and why. Admin only."""
        actor.require_admin()
        return self._keeper.problems

    def subscribe(self, watcher: Watcher) -> Callable[[], None]:
        """Has `watcher(plugin id)` called in the loop after each change, and with "" when the folder was looked at."""
        key = object()
        self._watchers[key] = watcher
        return lambda: self._watchers.pop(key, None) and None

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Has `listener(event)` called in the loop with each event of a plugin; returns what ends it."""
        key = object()
        self._listeners[key] = listener
        return lambda: self._listeners.pop(key, None) and None

    # -- what an admin decides

    async def enable(self, actor: Actor, plugin_id: str) -> PluginView:
        """Has a plugin run, now and after every start of the core; also one that was given up. Admin only.

        Raises:
            NotFound: there is no such plugin.
            StepUpNeeded: the admin must prove the second factor first.
            Unavailable: the decision cannot be kept.
        """
        supervisor = self._decided(actor, plugin_id)
        async with supervisor.deciding:
            if not self._keeper.is_enabled(supervisor):
                await self._decisions.enable(actor, plugin_id, supervisor.file.name)
            await supervisor.start()
        return self._view(actor, supervisor)

    async def disable(self, actor: Actor, plugin_id: str) -> PluginView:
        """Ends a plugin, for good; returns when its processes are gone. Admin only. Raises as `enable`."""
        supervisor = self._decided(actor, plugin_id)
        async with supervisor.deciding:
            if self._keeper.is_enabled(supervisor) or supervisor.state is PluginState.GIVEN_UP:
                await self._decisions.disable(actor, plugin_id)
            await supervisor.stop()
        return self._view(actor, supervisor)

    async def restart(self, actor: Actor, plugin_id: str) -> PluginView:
        """Ends an enabled plugin's process and starts another one. Admin only.

        Raises:
            Conflict: it is disabled.
            NotFound, StepUpNeeded, Unavailable: as `enable`.
        """
        supervisor = self._decided(actor, plugin_id)
        async with supervisor.deciding:
            if not self._keeper.is_enabled(supervisor):
                raise Conflict("A disabled plugin cannot be restarted. Enable it.")
            await self._decisions.restart(actor, plugin_id)
            await supervisor.restart()
        return self._view(actor, supervisor)

    async def look_again(self, actor: Actor) -> Sequence[PluginProblem]:
        """Reads the folder now, and asks files again that gave no good answer; what remains. Admin only."""
        actor.require_admin()
        await self._keeper.look_again()
        return self._keeper.problems

    # -- requests

    def require_served(self, actor: Actor, route: str, method: str) -> None:
        """Whether a request of this kind is handed over at all, so that no body is read in vain. Raises as `send`."""
        self._served(actor, route, method)

    async def send(self, actor: Actor, route: str, request: PluginRequest) -> PluginAnswer:
        """Hands a request to the plugin with this route (without its slash), and returns its answer.

        Raises:
            NotFound: there is none, or it is disabled.
            Forbidden: a token may only read.
            ToruError: the errors of app.plugins.wire.
        """
        supervisor = self._served(actor, route, request.method)
        began = self._clock.monotonic()
        self._under_way += 1
        try:
            return await supervisor.request(request)
        finally:
            self._under_way -= 1
            self._answered.set()
            self._figures.requests(supervisor.metadata.id).add(self._clock.monotonic() - began)

    def page(self, actor: Actor, plugin_id: str) -> PluginPage:
        """The page that we draw for a plugin, also while it does not run. Raises NotFound."""
        if self.metadata(actor, plugin_id).page != TREE:
            raise NotFound("This plugin has no page of this kind.")
        return self._pages.of(plugin_id)

    # -- behind the doors

    def _served(self, actor: Actor, route: str, method: str) -> Supervisor:
        actor.require_read()
        if method not in READING and actor.token is not None and not actor.is_admin:
            raise Forbidden("This token may only read.")
        supervisor = self._keeper.at_route(f"/{route}")
        if supervisor is None or not self._keeper.is_enabled(supervisor):
            raise NotFound("There is no plugin at this address.")
        return supervisor

    def _decided(self, actor: Actor, plugin_id: str) -> Supervisor:
        actor.require_admin()
        actor.require_fresh_factor(self._clock.now())
        return self._find(plugin_id)

    def _find(self, plugin_id: str) -> Supervisor:
        supervisor = self._keeper.get(plugin_id)
        if supervisor is None:
            raise NotFound("There is no such plugin.")
        return supervisor

    def _view(self, actor: Actor, supervisor: Supervisor) -> PluginView:
        return self._views.of(actor, supervisor, enabled=self._keeper.is_enabled(supervisor))

    def _changed(self, plugin_id: str) -> None:
        for watcher in list(self._watchers.values()):
            try:
                watcher(plugin_id)
            except Exception:
                log.exception("a follower of the plugins failed")

    def _happened(self, plugin_id: str, name: str, data: object) -> None:
        for listener in list(self._listeners.values()):
            try:
                listener(PluginEvent(plugin_id, name, data))
            except Exception:
                log.exception("a listener to the events of plugins failed")
