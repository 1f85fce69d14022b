"""The plugin that the conformance kit looks at: started as Toru starts it, with the same environment."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from app.plugins.conformance.findings import Violation
from app.plugins.conformance.talk import Talk
from app.plugins.leftovers import SOCKET, sweep_plugin, wait_for_plugin
from app.plugins.metadata import Metadata
from app.plugins.process import PluginProcess, Starter
from app.plugins.socket_folder import make_private, socket_path

START_SECONDS = 10.0
TERM_SECONDS = 3.0
"""From the word that it should end to the moment at which Toru stops asking: SIGTERM, three seconds before SIGKILL."""

ENDING_SECONDS = 1.0
LOOK_SECONDS = 0.02


class Subject:
    """One plugin's file and, while it runs, its process.

    Args:
        folder: empty, for its socket.
        instance_id: of the installation that is played.
        license_key: what it gets, None for nothing.
    """

    def __init__(
        self,
        file: Path,
        metadata: Metadata,
        starter: Starter,
        folder: Path,
        instance_id: str,
        license_key: str | None,
    ) -> None:
        self.file = file
        self.metadata = metadata
        self.socket_path = socket_path(folder, metadata.id)
        self.instance_id = instance_id
        self.license_key = license_key
        self.left_behind = 0
        """Processes that were found when its own had ended by itself the last time."""

        self._starter = starter
        self._process: PluginProcess | None = None

    @property
    def is_running(self) -> bool:
        """Whether its process lives."""
        return self._process is not None and self._process.code is None

    async def start(self) -> None:
        """Starts a process. Raises Violation when it cannot be started."""
        await asyncio.to_thread(make_way, self.socket_path)
        environment = {
            SOCKET: self.socket_path,
            "TORU_PLUGIN_ID": self.metadata.id,
            "TORU_INSTANCE_ID": self.instance_id,
        }
        if self.license_key is not None:
            environment["TORU_LICENSE_KEY"] = self.license_key
        try:
            self._process = await self._starter.start(self.file, (), environment, _unheard)
        except OSError as error:
            raise Violation(f"It cannot be started: {error.strerror}.") from None

    async def first_talk(self) -> Talk:
        """The first connection, as soon as somebody listens.

        Raises:
            Violation: that takes over START_SECONDS, or the process ends before.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(START_SECONDS):
                while self.is_running:
                    with contextlib.suppress(Violation):
                        return await Talk.open(self.socket_path)
                    await asyncio.sleep(LOOK_SECONDS)
        self.require_running()
        raise Violation(f"It did not listen on the socket that {SOCKET} names within {START_SECONDS:.0f} seconds.")

    def require_running(self) -> None:
        """Raises Violation, with what it said last, when its process has ended."""
        if not self.is_running:
            raise Violation(f"It {self.ending()}.")

    def ending(self) -> str:
        """How its process ended, in words, with its last line on stderr."""
        code = None if self._process is None else self._process.code
        if self._process is None or code is None:
            return "was not started"
        how = f"ended with exit code {code}" if code >= 0 else f"was ended by signal {-code}"
        return f"{how}: {words}" if (words := self._process.last_words) else f"{how} without a word on stderr"

    @property
    def code(self) -> int | None:
        """The exit code, None while it lives."""
        return None if self._process is None else self._process.code

    @property
    def last_words(self) -> str:
        """Its last line on stderr."""
        return "" if self._process is None else self._process.last_words

    async def wait_for_end(self, seconds: float) -> bool:
        """Whether its process ended by itself within the time."""
        if self._process is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._process.wait()
        return not self.is_running

    async def wait_for_leftovers(self, seconds: float) -> None:
        """Gives what its process started that long to end by itself, too."""
        await asyncio.to_thread(wait_for_plugin, self.socket_path, seconds)

    def terminate(self) -> None:
        """SIGTERM to its group."""
        if self._process is not None:
            self._process.send(signal.SIGTERM)

    async def end(self) -> None:
        """Ends its process, if it lives, and whatever that left behind."""
        if self._process is not None:
            ended_itself = not self.is_running
            if not ended_itself:
                await self._process.end()
            found = await asyncio.to_thread(sweep_plugin, self.socket_path)
            if ended_itself:
                self.left_behind = found
                await self._process.end()
            self._process = None

    @asynccontextmanager
    async def talk(self) -> AsyncIterator[Talk]:
        """A connection for the time of the block."""
        try:
            talk = await Talk.open(self.socket_path)
        except Violation:
            await self.wait_for_end(ENDING_SECONDS)  # who ends closes its socket first
            self.require_running()
            raise
        try:
            yield talk
        finally:
            await talk.close()


def make_way(path: str) -> None:
    """Removes the socket of an earlier process. Blocks."""
    make_private(Path(path).parent)
    Path(path).unlink(missing_ok=True)


def _unheard(_: bytes, __: bool) -> None:
    pass
