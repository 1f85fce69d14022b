"""Files that are asked for their metadata: those that matter first, and none held up for long by one that hangs."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Collection, Mapping

from app.core.tasks import TaskKeeper
from app.plugins.folder import PluginFile, printable
from app.plugins.metadata import BadMetadata, Metadata, read_metadata
from app.plugins.process import Starter

log = logging.getLogger(__name__)

AT_ONCE = 4
"""Files that are asked at the same time, besides those that had PATIENCE and are still silent."""

PATIENCE = 1.0
"""Seconds for which a file keeps others waiting."""


class Questions:
    """Asks; the newest first.

    Args:
        answered: called with a file and what it says of itself, or the sentence about why that cannot be used.
    """

    def __init__(
        self, starter: Starter, tasks: TaskKeeper, answered: Callable[[PluginFile, Metadata | str], None]
    ) -> None:
        self._starter = starter
        self._tasks = tasks
        self._answered = answered
        self._waiting: dict[str, PluginFile] = {}
        self._asked: dict[str, tuple[PluginFile, asyncio.Task[None]]] = {}
        self._busy = 0
        self._news = asyncio.Event()
        self._quiet = asyncio.Event()
        self._quiet.set()

    def put(self, files: Mapping[str, PluginFile], urgent: Collection[str]) -> None:
        """Has exactly these files asked, by name; what was asked or waited for and is not among them is given up."""
        for name, (file, task) in list(self._asked.items()):
            if name not in files or files[name].mark != file.mark:
                task.cancel()
                del self._asked[name]
        wanted = {name: file for name, file in files.items() if name not in self._asked}
        # The sorts are stable: urgent ones, then those that came with this look, then those that waited already.
        names = sorted(wanted, key=lambda name: (name not in urgent, name in self._waiting))
        self._waiting = {name: wanted[name] for name in names}
        self._quiet.clear()
        self._go_on()

    async def news(self) -> None:
        """Waits for answers: for all that are under way, or, after the first one, PATIENCE."""
        await self._news.wait()
        await self.quiet(PATIENCE)
        self._news.clear()

    async def quiet(self, seconds: float) -> None:
        """Waits until nobody is asked any more, or so long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._quiet.wait()

    def _go_on(self) -> None:
        while self._waiting and self._busy < AT_ONCE:
            name = next(iter(self._waiting))
            file = self._waiting.pop(name)
            task = self._tasks.start(self._ask(file), f"{printable(name)} asked")
            self._asked[name] = (file, task)
            self._busy += 1
            self._tasks.spawn(self._be_patient(task), f"{printable(name)} awaited")
        if not self._asked and not self._waiting:
            self._quiet.set()

    async def _be_patient(self, task: asyncio.Task[None]) -> None:
        await asyncio.wait({task}, timeout=PATIENCE)
        self._busy -= 1
        self._go_on()

    async def _ask(self, file: PluginFile) -> None:
        said: Metadata | str
        try:
            said = await read_metadata(file.path, self._starter)
        except BadMetadata as error:
            said = str(error)
        except Exception:
            log.exception("a plugin's file could not be asked")
            said = "Something went wrong in Toru itself. The log says what."
        del self._asked[file.name]
        self._answered(file, said)
        self._news.set()
        self._go_on()
