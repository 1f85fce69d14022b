"""One run: a child and its journal, from the start to the one end it has."""

import asyncio
import logging
import signal
from typing import Protocol

from app.runner.child import Child
from app.runner.journal import CANCELLED, TIMED_OUT, Journal
from app.runner.protocol import GRACE
from app.runner.sweep import Session, Sweeper, ticks

EOF_GRACE = 1.0  # seconds after the exit in which output of what the script left behind still counts
POLL = 0.05  # seconds between looks whether a cancelled group is gone
RETRY = 1.0  # seconds until an end that could not be recorded is tried again

log = logging.getLogger(__name__)

Row = list[object]


class Watcher(Protocol):
    """Who hears of a run."""

    def moved(self, run: "Run") -> None:
        """There is something new for the core: more output, or the end (once, and nothing after it)."""

    def settled(self, run: "Run") -> None:
        """It needs less than before: it ended, or nothing that it left behind is being read or killed any more."""


class Run:
    """What the runner knows of a run."""

    def __init__(self, name: str, child: Child, journal: Journal, sweeper: Sweeper, watcher: Watcher) -> None:
        self.id = name
        self.child = child
        self.ended = False
        self._journal = journal
        self._sweeper = sweeper
        self._watcher = watcher
        self._status: int | None = None
        self._reaped_at = 0.0
        self._deadline = 0.0  # when a cancelled run is killed
        self._stopping: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()
        self._timers: list[asyncio.TimerHandle] = []

    def begin(self, buffer: memoryview, timeout: float) -> None:
        """Listens to the child; `timeout` in seconds, 0 for none."""
        self._buffer = buffer
        self.child.listen(buffer, self)
        self._watching = asyncio.create_task(self._watch(), name=f"run {self.id}")
        if timeout:
            self._timers.append(self._loop.call_later(timeout, self.stop, GRACE, TIMED_OUT))

    @property
    def living(self) -> bool:
        """Whether it has not ended yet, or what it left is still being killed."""
        return not self.ended or (self._stopping is not None and not self._stopping.done())

    def row(self) -> Row:
        """Run, size, records, wait status or None, flags: what the core is told."""
        journal = self._journal
        return [self.id, journal.size, journal.records, self._status if self.ended else None, journal.flags]

    # -- output

    def output(self, stream: int, data: memoryview) -> None:
        """Keeps it; after the end it goes nowhere, but it is read: closing the pipe would kill what writes there."""
        if self.ended:
            return
        self._journal.append(stream, data)
        self._watcher.moved(self)

    def closed(self) -> None:
        """All output is there."""
        if self.ended:
            self._watcher.settled(self)
        elif self._status is not None:
            self._finish()

    # -- the end

    async def _watch(self) -> None:
        self._status = await self.child.wait()
        self._reaped_at = ticks()
        if not self.child.open:
            self._finish()
        else:
            self._timers.append(self._loop.call_later(EOF_GRACE, self._finish_without_eof))

    def _finish_without_eof(self) -> None:
        if self._stopping is None or self._stopping.done():  # else when all that could write is dead
            self._finish()

    def _finish(self) -> None:
        if self.ended or self._status is None:
            return
        self.child.drain(self._buffer, self)
        try:
            self._journal.end(self._status)
        except OSError as error:
            log.warning("The end of run %s could not be recorded: %s", self.id, error)
            self._timers.append(self._loop.call_later(RETRY, self._finish))
            return
        self.ended = True
        self._journal.close()
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        self._watcher.moved(self)
        self._watcher.settled(self)

    # -- cancelling

    def stop(self, grace: float, flag: int = CANCELLED) -> bool:
        """SIGTERM now, SIGKILL after `grace` seconds or when the group is gone, then a sweep of what is left.

        Answers whether the run had ended before. Called again it can only bring the kill forward.
        """
        if self.ended:
            return True
        deadline = self._loop.time() + grace
        if self._stopping is not None:
            self._deadline = min(self._deadline, deadline)
            return False
        self._journal.flags |= flag
        self._deadline = deadline
        self.child.signal_group(signal.SIGTERM)
        self.child.signal_group(signal.SIGCONT)  # what is stopped would not hear of it
        self._stopping = asyncio.create_task(self._kill(), name=f"stop {self.id}")
        self._stopping.add_done_callback(lambda _: self._watcher.settled(self))
        return False

    def _group_lives(self) -> bool:
        return self.child.group_may_live() and (self._status is None or self._sweeper.group_lives(self.child.pid))

    async def _kill(self) -> None:
        try:
            while self._loop.time() < self._deadline and self._group_lives():  # noqa: ASYNC110 - no event tells of it
                await asyncio.sleep(POLL)
            self.child.signal_group(signal.SIGKILL)
            until = self._reaped_at if self._status is not None else ticks()
            await self._sweeper.sweep(self.id, Session(self.child.pid, until))
        finally:  # whatever /proc had to say: a run that is over ends
            self._finish()
