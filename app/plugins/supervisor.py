"""Keeps one plugin running: starts it, starts it again after a crash, and gives up when the rules say so."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from app.core.clock import Clock
from app.core.tasks import TaskKeeper
from app.plugins.backoff import Backoff
from app.plugins.calls import Calls
from app.plugins.life import Connection, Ending, Life
from app.plugins.logs import PluginLogs
from app.plugins.metadata import TREE, Metadata
from app.plugins.pages.link import PageLink
from app.plugins.pages.page import PluginPage
from app.plugins.process import Starter
from app.plugins.protocol1 import Connection1
from app.plugins.protocol2 import Connection2
from app.plugins.schemas import PluginState
from app.plugins.socket_folder import socket_path
from app.plugins.wire import PluginAnswer, PluginDown, PluginRequest

log = logging.getLogger(__name__)

EVENTS = {
    PluginState.READY: ("It is ready.", "plugin_ready"),
    PluginState.UNHEALTHY: ("It does not answer.", "plugin_unhealthy"),
    PluginState.STOPPING: ("It is told to end.", "plugin_stopping"),
}


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the supervisors of all plugins share.

    Attributes:
        sockets: the folder of the sockets.
        instance_id: of this installation.
        key_of: the licence key of a plugin.
        license_problem_of: why that key is no good, as a sentence; None where nothing speaks against it.
        handle: does a key-value call of a plugin (id, action, key, value).
        happened: takes an event of a plugin (id, name, data).
        page_of: the page of a plugin that has one of ours.
        pause: waits for seconds.
    """

    starter: Starter
    sockets: Path
    logs: PluginLogs
    clock: Clock
    tasks: TaskKeeper
    instance_id: str
    key_of: Callable[[str], str | None]
    license_problem_of: Callable[[str], str | None]
    handle: Callable[[str, object, object, object], Awaitable[str | None]]
    happened: Callable[[str, str, object], None]
    page_of: Callable[[str], PluginPage]
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep


class Supervisor:
    """One plugin, from `start` to `stop`.

    Args:
        file: what is run.
        changed: called after each change of the state.
        gave_up: called when the plugin will not be started again, with the reason.
    """

    def __init__(
        self,
        metadata: Metadata,
        file: Path,
        surroundings: Surroundings,
        changed: Callable[[], None],
        gave_up: Callable[["Supervisor", str], None],
    ) -> None:
        self.metadata = metadata
        self.file = file
        self.socket_path = socket_path(surroundings.sockets, metadata.id)
        self.state = PluginState.DISABLED
        self.reason: str | None = None
        self.restarts = 0
        self.warning: str | None = None
        """About the file, which runs all the same."""

        self.deciding = asyncio.Lock()
        """Held by whoever decides whether it is to run, until that is done."""

        self._around = surroundings
        self._changed = changed
        self._gave_up = gave_up
        self._shown: tuple[PluginState, str | None, int | None] = (self.state, None, None)
        self._life: Life | None = None
        self._task: asyncio.Task[None] | None = None
        self._stop = asyncio.Event()
        self._one_change = asyncio.Lock()

    @property
    def pid(self) -> int | None:
        """Of the process, None without one."""
        return self._life.pid if self._life is not None else None

    @property
    def uptime(self) -> float | None:
        """Seconds since the process was started, None without one."""
        if self._life is None or self._life.started_at is None:
            return None
        return self._around.clock.monotonic() - self._life.started_at

    @property
    def is_kept(self) -> bool:
        """Whether it runs, or will again by itself."""
        return self._task is not None and not self._task.done()

    async def start(self) -> None:
        """Begins to keep it running; nothing when that is so already."""
        async with self._one_change:
            self._start()

    async def stop(self) -> None:
        """Ends the process in an orderly way; returns when it and all that it started are gone."""
        async with self._one_change:
            await self._end()
            self._set(PluginState.DISABLED, None)

    async def restart(self) -> None:
        """Ends the process and starts another one, whose crashes are counted anew."""
        async with self._one_change:
            await self._end()
            self._start()

    async def replace(self, metadata: Metadata, file: Path) -> None:
        """Goes on with another version, with one restart when the plugin runs."""
        async with self._one_change:
            was_kept = self.is_kept
            await self._end()
            self.metadata, self.file = metadata, file
            if was_kept:
                self._start()
        self._changed()

    def give_up(self, reason: str) -> None:
        """Shows why the plugin was disabled before this core was started."""
        self._set(PluginState.GIVEN_UP, reason)

    def _start(self) -> None:
        if not self.is_kept:
            self._stop = asyncio.Event()
            self._set(PluginState.STARTING, None)
            self._task = self._around.tasks.start(self._work(self._stop), self.metadata.id)

    async def _end(self) -> None:
        self._stop.set()
        if self._task is not None:
            await asyncio.wait({self._task})

    async def request(self, request: PluginRequest) -> PluginAnswer:
        """Hands over one request. Raises the errors of app.plugins.wire."""
        if self._life is None or not self.state.takes_requests:
            raise PluginDown(f"The plugin {self.metadata.name} is not running now.")
        return await self._life.request(request)

    async def _work(self, stop: asyncio.Event) -> None:
        backoff = Backoff()
        try:
            while True:
                ending = await self._live(stop)
                if ending is None or (delay := self._after(ending, backoff)) is None:
                    return
                await self._wait(delay, stop)
                if stop.is_set():
                    return
                self.restarts += 1
        except Exception as error:
            log.exception("plugin %s is kept no longer", self.metadata.id)
            self._give_up(f"Something went wrong in Toru itself: {error!r}. The log says what.")
        finally:
            self._life = None

    async def _live(self, stop: asyncio.Event) -> Ending | None:
        # It would say so itself, except where only we know: that the clock was set back.
        problem = self._around.license_problem_of(self.metadata.id) if self.metadata.needs_license else None
        if problem is not None:
            return Ending(problem, must_not_run=True)
        environment = {
            "TORU_PLUGIN_ID": self.metadata.id,
            "TORU_INSTANCE_ID": self._around.instance_id,
        }
        if (key := self._around.key_of(self.metadata.id)) is not None:
            environment["TORU_LICENSE_KEY"] = key
        self._life = Life(
            self.metadata.id,
            self.file,
            self.socket_path,
            environment,
            self._connection(),
            self._around.starter,
            self._around.logs,
            self._around.clock,
            self._told,
        )
        return await self._life.run(stop)

    def _connection(self) -> Connection:
        plugin_id = self.metadata.id
        log_path = str(self._around.logs.path(plugin_id))
        init: dict[str, str | None] = {
            "instance_id": self._around.instance_id,
            "plugin_socket": self.socket_path,
            "log_path": log_path,
        }
        if self.metadata.protocol == "1":
            return Connection1(self.socket_path, init)
        init["license_key"] = self._around.key_of(plugin_id)
        calls = Calls(partial(self._around.handle, plugin_id), partial(self._around.happened, plugin_id))
        page = PageLink(self._around.page_of(plugin_id), self._warn) if self.metadata.page == TREE else None
        return Connection2(self.socket_path, init, calls, page)

    def _warn(self, message: str, event: str) -> None:
        """About the page of the process that lives."""
        self._around.logs.writer(self.metadata.id).event("warn", message, event=event, pid=self.pid)

    def _after(self, ending: Ending, backoff: Backoff) -> float | None:
        """Seconds until the next start, None when there is none."""
        if ending.must_not_run:
            self._give_up(ending.reason)
            return None
        delay = backoff.crashed(self._around.clock.monotonic(), ending.ready_for)
        self._note("warn", ending.reason, "plugin_crashed")
        if delay is None:
            self._give_up(f"It crashed too often. The last time: {ending.reason}")
            return None
        self._set(PluginState.WAITING, ending.reason)
        return delay

    def _give_up(self, reason: str) -> None:
        self._note("error", reason, "plugin_failed")
        self._set(PluginState.GIVEN_UP, reason)
        self._gave_up(self, reason)

    def _note(self, level: str, message: str, event: str) -> None:
        """In the plugin's own log, where whoever looks for the reason looks first, and in the supervisor's."""
        self._around.logs.writer(self.metadata.id).event(level, message, event=event, pid=self.pid)
        self._around.logs.supervisor_event(level, message, event=event, plugin=self.metadata.id, pid=self.pid)

    def _told(self, state: PluginState) -> None:
        """By the process that lives."""
        if state is not self.state and state in EVENTS:
            self._note("info" if state is not PluginState.UNHEALTHY else "warn", *EVENTS[state])
        self._set(state, None if state is PluginState.READY else self.reason)

    async def _wait(self, seconds: float, stop: asyncio.Event) -> None:
        waits = {asyncio.ensure_future(self._around.pause(seconds)), asyncio.ensure_future(stop.wait())}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    def _set(self, state: PluginState, reason: str | None) -> None:
        shown = (state, reason, self.pid)
        if shown != self._shown:
            self.state, self.reason, _ = self._shown = shown
            self._changed()
