"""The runner processes of the data folder: found again, started when there is none, connected to anew when lost.

Runners of other versions serve their runs to the end; new runs go to the one of our own version.
"""

import asyncio
import logging
import os
from pathlib import Path
from typing import Protocol

from app.core.errors import Unavailable
from app.core.tasks import TaskKeeper
from app.runner.__main__ import ALREADY_SERVED
from app.runner.protocol import RUNNER_VERSION, socket_folder, socket_name
from app.runs.link import HELLO_SECONDS, Progress, RunnerLink, RunnerRefused, connect
from app.runs.runner_process import RunnerStarter

log = logging.getLogger(__name__)

START_SECONDS = 15.0
LOOK_SECONDS = 0.01
LOOKS = 1000
RETRY_SECONDS = 1.0
ACTIVATION_SECONDS = 20.0
"""For a greeting where systemd may have to start the runner first."""

NO_SERVICE = "systemd starts no runner of this version behind %s, so we start one; `toru service install` mends that"
CANNOT_START = "The runner, which executes scripts, cannot be started. See runner/runner.log in the data folder."


class Followed(Protocol):
    """Who hears from the runners."""

    def connected(self, link: RunnerLink, runs: list[Progress], before: RunnerLink | None) -> None:
        """A runner told its runs; `before` is the connection that this one takes the place of."""

    def progressed(self, link: RunnerLink, run: Progress) -> None:
        """A run moved."""

    def died(self, link: RunnerLink) -> None:
        """A runner is gone for good."""


class Runners:
    """Keeps one connection to each runner.

    Args:
        data_dir: whose runners they are.
        starter: starts one of our own version.
        followed: hears of runs.
        service: the socket behind which systemd starts a runner of our own version, where it does.
    """

    def __init__(self, data_dir: Path, starter: RunnerStarter, followed: Followed, service: Path | None = None) -> None:
        self._folder = Path(socket_folder(data_dir))
        self._service = service
        self._starter = starter
        self._followed = followed
        self._links: dict[str, RunnerLink] = {}
        self._own_ready = asyncio.Event()
        self._problem: str | None = None
        self._tasks = TaskKeeper("runners")

    @property
    def problem(self) -> str | None:
        """A sentence about what limits running scripts now, None when nothing does."""
        return self._problem or self._starter.problem

    @property
    def pids(self) -> tuple[int, ...]:
        """The processes that are connected."""
        return tuple(sorted(link.pid for link in self._links.values()))

    async def open(self) -> None:
        """Connects to every runner that lives, telling its runs; starts one of our version in the background."""
        names = await asyncio.to_thread(_socket_names, self._folder)
        for name in sorted(names):
            await self._connect(name, None)
        if socket_name() not in self._links:
            await self._connect_service(None)  # now, for it may have runs, which would be taken for lost
        if socket_name() not in self._links:
            self._tasks.spawn(self._start_own(None), "start")

    async def close(self) -> None:
        """Leaves the runners to themselves."""
        await self._tasks.close()
        for link in self._links.values():
            link.close()
        self._links.clear()

    async def own(self) -> RunnerLink:
        """The connection to the runner that takes new runs, waiting while one is being started.

        Raises:
            Unavailable: none could be started.
        """
        try:
            async with asyncio.timeout(START_SECONDS):
                while True:
                    await self._own_ready.wait()
                    link = self._links.get(socket_name())
                    if link is not None and link.alive:
                        return link
                    await asyncio.sleep(LOOK_SECONDS)  # its loss is about to be noticed
        except TimeoutError:
            raise Unavailable(CANNOT_START) from None

    async def _connect_service(self, before: RunnerLink | None) -> bool:
        """Whether the runner of the service answered, having been started for it where need be."""
        if self._service is None:
            return False
        path, name = self._service, socket_name()
        link = await self._greeted(path.parent, path.name, ACTIVATION_SECONDS, of_systemd=True)
        if link is not None and link[0].version != RUNNER_VERSION:
            # Of an older installation of the service, with runs to serve to their end.
            self._took(f"{link[0].version}.sock", *link, before)
            return False
        return link is not None and self._took(name, *link, before)

    async def _connect(self, name: str, before: RunnerLink | None) -> bool:
        """Whether a runner answered behind the socket of our folder."""
        link = await self._greeted(self._folder, name, HELLO_SECONDS)
        return link is not None and self._took(name, *link, before)

    async def _greeted(
        self, folder: Path, name: str, seconds: float, *, of_systemd: bool = False
    ) -> tuple[RunnerLink, list[Progress]] | None:
        link: RunnerLink | None = None
        try:
            link = await connect(folder, name, self._followed.progressed, self._lost, of_systemd=of_systemd)
            return link, await link.hello(RUNNER_VERSION, seconds)
        except asyncio.CancelledError:  # the core ends: the runner must not wait for it
            if link is not None:
                link.close()
            raise
        except (OSError, RunnerRefused, TimeoutError) as error:
            if link is not None:
                link.close()
                log.warning("a runner does not speak with us: %s", error)
            return None

    def _took(self, name: str, link: RunnerLink, runs: list[Progress], before: RunnerLink | None) -> bool:
        if before is not None and before.pid != link.pid:
            self._tell_loss(before)
        self._links[name] = link
        self._followed.connected(link, runs, before)
        if name == socket_name():
            self._problem = None
            self._own_ready.set()
        log.info("connected to runner %s", link.pid, extra={"event": "runner_connected", "pid": link.pid})
        return True

    def _lost(self, link: RunnerLink) -> None:
        for name, known in list(self._links.items()):
            if known is link:
                del self._links[name]
                if name == socket_name():
                    self._own_ready.clear()
                self._tasks.spawn(self._find_again(name, link), f"find {name}")

    async def _find_again(self, name: str, before: RunnerLink) -> None:
        if await self._connect(name, before) or (name == socket_name() and await self._connect_service(before)):
            return
        self._tell_loss(before)
        self._starter.reap()
        self._followed.died(before)
        if name == socket_name():
            await self._start_own(before)

    def _tell_loss(self, link: RunnerLink) -> None:
        log.error("runner %s is gone", link.pid, extra={"event": "runner_lost", "pid": link.pid})

    async def _start_own(self, before: RunnerLink | None) -> None:
        while not await self._started():
            self._problem = CANNOT_START
            log.error(CANNOT_START, extra={"event": "runner_failed"})
            await asyncio.sleep(RETRY_SECONDS)
            if await self._connect_service(None):
                return

    async def _started(self) -> bool:
        if self._service is not None:  # it was tried before
            log.warning(NO_SERVICE, self._service, extra={"event": "runner_service_missing"})
        try:
            pid = await asyncio.to_thread(self._starter.start)
        except OSError:
            log.exception("no runner could be started")
            return False
        # Looks are counted, not seconds: a loop that is busy with its own start must not blame the runner.
        for _ in range(LOOKS):
            if await self._connect(socket_name(), None):
                return True
            code = self._starter.exit_code(pid)
            if code == 0:  # it served, but we came too late
                return await self._started()
            if code not in (None, ALREADY_SERVED):
                return await asyncio.to_thread(self._starter.another_way) and await self._started()
            await asyncio.sleep(LOOK_SECONDS)
        return False


def _socket_names(folder: Path) -> list[str]:
    try:
        return [name for name in os.listdir(folder) if name.endswith(".sock")]
    except FileNotFoundError:
        return []
