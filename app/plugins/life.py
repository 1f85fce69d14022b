"""One process of a plugin from its start to its end: readiness, health, the orderly way out, what it left behind."""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from app.core.clock import Clock
from app.plugins.leftovers import SOCKET, sweep_plugin
from app.plugins.logs import PluginLogs
from app.plugins.process import PluginProcess, Starter
from app.plugins.schemas import PluginState
from app.plugins.socket_folder import make_private
from app.plugins.wire import PluginAnswer, PluginLate, PluginRequest

START_SECONDS = 10.0
"""From the start of the process to its readiness."""

LOOK_SECONDS = 5.0
"""Between two looks at a process that runs."""

HALTED_SECONDS = 30.0
"""After which a process that somebody halted is started anew."""

EXIT_SECONDS = 1.0
"""Between the end of a connection and that of the process behind it."""

TERM_SECONDS, KILL_SECONDS = 2.0, 5.0
"""After the word that it should end."""

NO_RESTART = 78
"""The exit code of a plugin that must not run, with the reason as its last line on stderr."""


class Connection(Protocol):
    """What both protocols can."""

    broken: asyncio.Event
    """Set when requests can reach the process no more."""

    problem: str
    """What it did or left undone for that, empty when it only closed its connection."""

    is_hopeless: bool
    """Whether another start would end the same way."""

    async def open(self) -> None:
        """Returns when requests may be sent; the caller sets the limit. Raises OSError."""

    async def request(self, request: PluginRequest) -> PluginAnswer:
        """One request. Raises the errors of app.plugins.wire."""

    async def shutdown(self) -> bool:
        """Asks the process to end; what is under way fails with PluginDown. Whether there was a way to ask."""

    def close(self) -> None:
        """Ends the connection, and what is under way with PluginDown."""

    def look(self) -> bool:
        """Called every LOOK_SECONDS: whether it answers."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a process ended that nobody had asked to.

    Attributes:
        reason: a sentence.
        must_not_run: it said so itself.
        ready_for: seconds.
    """

    reason: str
    must_not_run: bool = False
    ready_for: float = 0.0


class Life:
    """One process.

    Args:
        file: what is run.
        socket_path: where it listens.
        environment: its own part.
        connection: to its socket.
        tell: takes the state, whenever it may have changed.
    """

    def __init__(
        self,
        plugin_id: str,
        file: Path,
        socket_path: str,
        environment: Mapping[str, str],
        connection: Connection,
        starter: Starter,
        logs: PluginLogs,
        clock: Clock,
        tell: Callable[[PluginState], None],
    ) -> None:
        self.pid: int | None = None
        self.started_at: float | None = None
        self._plugin_id = plugin_id
        self._file = file
        self._socket_path = socket_path
        self._environment = {**environment, SOCKET: socket_path}
        self._connection = connection
        self._starter = starter
        self._logs = logs
        self._clock = clock
        self._tell = tell
        self._ready_at: float | None = None
        self._is_late = False
        self._halted_at: float | None = None

    async def run(self, stop: asyncio.Event) -> Ending | None:
        """Starts the process and stays until it and all that it started are gone; None when `stop` asked for it."""
        out, err = self._logs.writer(self._plugin_id), self._logs.writer(self._plugin_id)
        try:
            await asyncio.to_thread(_make_way, Path(self._socket_path))
            process = await self._starter.start(
                self._file, (), self._environment, lambda data, is_error: (err if is_error else out).feed(data)
            )
        except OSError as error:
            return Ending(f"It cannot be started: {error.strerror}.")
        self.pid, self.started_at = process.pid, self._clock.monotonic()
        self._tell(PluginState.STARTING)
        try:
            return await self._follow(process, stop)
        finally:
            self._connection.close()
            await process.end()
            self.pid = self.started_at = None
            await asyncio.to_thread(_clean_up, self._socket_path)
            out.close()
            err.close()

    async def request(self, request: PluginRequest) -> PluginAnswer:
        """One request. Raises the errors of app.plugins.wire."""
        try:
            answer = await self._connection.request(request)
        except PluginLate:
            self._note_late(True)
            raise
        self._note_late(False)
        return answer

    async def _follow(self, process: PluginProcess, stop: asyncio.Event) -> Ending | None:
        opening = asyncio.ensure_future(self._connection.open())
        waits = [
            asyncio.ensure_future(event) for event in (process.wait(), stop.wait(), self._connection.broken.wait())
        ]
        try:
            await asyncio.wait({opening, *waits}, timeout=START_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            if not any(wait.done() for wait in waits):
                if not opening.done():
                    return Ending(f"It was not ready within {START_SECONDS:.0f} seconds.")
                opening.result()
                self._ready_at = self._clock.monotonic()
                self._look(process)
                while not any(wait.done() for wait in waits):
                    await asyncio.wait(waits, timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                    self._look(process)
        except OSError as error:
            return Ending(f"Its socket cannot be used: {error.strerror}.")
        finally:
            for wait in (opening, *waits):
                wait.cancel()
        if stop.is_set():
            await self._end_orderly(process)
            return None
        if not self._connection.problem:
            # An exit, whose code may forbid another start, is noticed a moment after the connection that it broke.
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), EXIT_SECONDS)
        return self._ending(process)

    def _ending(self, process: PluginProcess) -> Ending:
        ready_for = 0.0 if self._ready_at is None else self._clock.monotonic() - self._ready_at
        code, words = process.code, process.last_words
        if code is None or self._connection.problem:
            problem = self._connection.problem or "It closed its connection."
            return Ending(problem, self._connection.is_hopeless, ready_for)
        if code == NO_RESTART:
            return Ending(words or "It ended and said that it must not be started again.", must_not_run=True)
        how = f"ended with exit code {code}" if code >= 0 else f"was ended by signal {_signal_name(-code)}"
        return Ending(f"It {how}{f': {words}' if words else '.'}", ready_for=ready_for)

    async def _end_orderly(self, process: PluginProcess) -> None:
        self._tell(PluginState.STOPPING)
        asked_at = asyncio.get_running_loop().time()
        ended = asyncio.ensure_future(process.wait())
        try:
            was_told = process.code is None and await self._connection.shutdown()
            term_seconds = TERM_SECONDS if was_told else 0.0
            for seconds, number in ((term_seconds, signal.SIGTERM), (KILL_SECONDS, signal.SIGKILL)):
                left = asked_at + seconds - asyncio.get_running_loop().time()
                await asyncio.wait({ended}, timeout=max(0.0, left))
                if ended.done():
                    return
                process.send(number)
        finally:
            ended.cancel()

    def _note_late(self, is_late: bool) -> None:
        if is_late != self._is_late:
            self._is_late = is_late
            self._tell_health(True)

    def _look(self, process: PluginProcess) -> None:
        answers, now = self._connection.look(), self._clock.monotonic()
        if not process.is_stopped:
            self._halted_at = None
        elif self._halted_at is None:
            self._halted_at = now
        elif now - self._halted_at >= HALTED_SECONDS:
            self._connection.problem = f"It was halted for {HALTED_SECONDS:.0f} seconds."
            self._connection.broken.set()
        self._tell_health(answers)

    def _tell_health(self, answers: bool) -> None:
        if self._ready_at is not None:
            well = answers and not self._is_late and self._halted_at is None
            self._tell(PluginState.READY if well else PluginState.UNHEALTHY)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)


def _make_way(socket: Path) -> None:
    """Somebody may have removed the folder; a socket of an earlier process would be taken for the new one's."""
    make_private(socket.parent)
    socket.unlink(missing_ok=True)


def _clean_up(socket_path: str) -> None:
    sweep_plugin(socket_path)
    with contextlib.suppress(OSError):
        Path(socket_path).unlink()
