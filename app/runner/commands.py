"""The commands of the core, and the runs they are about."""

import binascii
import errno
import logging
import os
from collections.abc import Awaitable, Callable

from app.core.framing import Message
from app.runner import protocol
from app.runner.child import start_child
from app.runner.inherited import FileLimit
from app.runner.journal import Journal
from app.runner.protocol import BadRequest, StartRequest
from app.runner.run import Row, Run, Watcher
from app.runner.sweep import Sweeper

MAX_SENTENCE = 1000
BUFFER = 256 << 10  # bytes, for all reading in the loop

log = logging.getLogger(__name__)


class Commands:
    """All runs by id; what they say goes on to `watcher`."""

    def __init__(self, runs_folder: str, watcher: Watcher) -> None:
        self.runs: dict[str, Run] = {}
        self.closed = False  # no more starts
        self._folder = runs_folder
        self._files = FileLimit()
        self._watcher = watcher
        self._forgotten: set[Run] = set()  # what the core has done with, but still has to be read or killed
        self._sweeper = Sweeper()
        self._buffer = memoryview(bytearray(BUFFER))
        self._table: dict[str, Callable[[Message], Awaitable[Message]]] = {
            "start": self._start,
            "input": self._input,
            "resize": self._resize,
            "cancel": self._cancel,
            "list": self._list,
            "forget": self._forget,
            "sweep": self._sweep,
        }

    async def answer(self, message: Message) -> Message:
        """Does what a message asks for; answers the fields of the reply, an error among them."""
        try:
            command = self._table.get(protocol.text(message, "cmd"), _unknown)
            return {"ok": True, **await command(message)}
        except BadRequest as error:
            return {"error": str(error), "errno": errno.EINVAL}
        except OSError as error:
            return {"error": _sentence(error), "errno": error.errno}
        except Exception as error:
            log.exception("A command failed")
            return {"error": f"{type(error).__name__}: {error}"[:MAX_SENTENCE], "errno": None}

    def rows(self) -> list[Row]:
        """All runs for the core's list: id, size, records, wait status or None, flags, pid."""
        return [[*run.row(), run.child.pid] for run in self.runs.values()]

    def moved(self, run: Run) -> None:
        """Passes on that there is something new about a run."""
        if run.id in self.runs:
            self._watcher.moved(run)

    def settled(self, run: Run) -> None:
        """Passes on that a run needs less than before."""
        if not run.living and not run.child.open:
            self._forgotten.discard(run)
        self._watcher.settled(run)

    @property
    def living(self) -> bool:
        """Whether a run goes on, or is being killed."""
        return any(run.living for run in self._all())

    @property
    def needed(self) -> bool:
        """Whether somebody would miss us: a run, or a program that a run left behind and that writes to our pipe."""
        return any(run.living or run.child.open for run in self._all())

    def stop_all(self, grace: float) -> None:
        """Cancels everything that runs, and takes no new runs."""
        self.closed = True
        for run in self.runs.values():
            run.stop(grace)

    def _all(self) -> list[Run]:
        return [*self.runs.values(), *self._forgotten]

    async def _start(self, message: Message) -> Message:
        request = StartRequest.of(message)
        if self.closed:
            raise OSError(errno.ESHUTDOWN, "The runner is ending")
        if len(self.runs) >= protocol.MAX_RUNS:
            raise OSError(errno.EAGAIN, "Too many runs")
        limits = self._files.make_room()
        journal = Journal(os.path.join(self._folder, request.run), request.cap, "\r\n" if request.tty else "\n")
        try:
            child = await start_child(request, limits)
        except BaseException:
            journal.discard()
            raise
        run = self.runs[request.run] = Run(request.run, child, journal, self._sweeper, self)
        run.begin(self._buffer, request.timeout)
        self._stop_late(run)
        return {"pid": child.pid}

    def _stop_late(self, run: Run) -> None:
        if self.closed:  # asked to end while it started
            run.stop(protocol.GRACE)

    async def _input(self, message: Message) -> Message:
        try:
            data = binascii.a2b_base64(protocol.text(message, "data"), strict_mode=True)
        except ValueError as error:
            raise BadRequest("data is not base64") from error
        self._run(message).child.type(data)
        return {}

    async def _resize(self, message: Message) -> Message:
        cols, rows = protocol.number(message, "cols"), protocol.number(message, "rows")
        self._run(message).child.resize(cols, rows)
        return {}

    async def _cancel(self, message: Message) -> Message:
        return {"already": self._run(message).stop(protocol.seconds(message, "grace", protocol.GRACE))}

    async def _list(self, _message: Message) -> Message:
        return {"runs": self.rows()}

    async def _forget(self, message: Message) -> Message:
        run = self._run(message)
        if not run.ended:
            raise OSError(errno.EBUSY, "The run has not ended")
        del self.runs[run.id]
        if run.living or run.child.open:
            self._forgotten.add(run)
        return {}

    async def _sweep(self, message: Message) -> Message:
        return {"killed": await self._sweeper.sweep(protocol.run_id(message))}

    def _run(self, message: Message) -> Run:
        run = self.runs.get(protocol.run_id(message))
        if run is None:
            raise OSError(errno.ESRCH, "No such run")
        return run


async def _unknown(_message: Message) -> Message:
    raise BadRequest("Unknown command")


def _sentence(error: OSError) -> str:
    reason = error.strerror or str(error)
    if isinstance(error.filename, str | bytes):
        reason = f"{reason}: {os.fsdecode(error.filename)}"
    return reason[:MAX_SENTENCE]
