"""The runner's host: its socket, whom it listens to, and when it may end."""

import asyncio
import contextlib
import errno
import fcntl
import logging
import os
import signal
import socket
import time
from collections.abc import Coroutine, Iterator

from app.core.framing import Message
from app.runner import protocol
from app.runner.activation import given_listener, turn_away
from app.runner.commands import Commands
from app.runner.inherited import reset_signals, watch_children_by_pidfd
from app.runner.link import Link
from app.runner.run import Run

BACKLOG = 16
HELLO_WITHIN = 3.0  # seconds for a connection to say who it is
ENDING = 3.0  # seconds that runs may take to end after their grace
GOODBYE = 1.0  # seconds for the core to read the last word
LOCK_WAIT = 2.0  # seconds for a runner that is just ending

log = logging.getLogger(__name__)


class AlreadyServed(RuntimeError):
    """Another runner of this version serves the data folder."""


class Host:
    """Serves one data folder until nobody needs it any more."""

    def __init__(self, data_dir: str, idle_exit: float) -> None:
        self._data = os.path.abspath(data_dir)
        self._idle_exit = idle_exit
        self._link: Link | None = None
        self._links: dict[Link, asyncio.Task[None] | None] = {}  # with those that have not said hello
        self._idle: asyncio.TimerHandle | None = None
        self._over = asyncio.Event()
        self._less = asyncio.Event()
        self._turn = asyncio.Lock()  # one command after the other, also when a new core says hello meanwhile
        self._tasks: set[asyncio.Task[None]] = set()
        runs = os.path.join(self._data, "runs")
        for folder in (runs, protocol.socket_folder(self._data)):
            os.makedirs(folder, 0o700, exist_ok=True)
        self._commands = Commands(runs, self)

    async def serve(self) -> None:
        """Serves until it may end. Raises AlreadyServed, OSError."""
        reset_signals()
        watch_children_by_pidfd()
        given = given_listener()
        with _locked(protocol.socket_folder(self._data), given):
            # Behind both: whoever knows nothing of the service finds us in the data folder. Not start_unix_server:
            # from Python 3.13 on it removes the file when it ends, also systemd's.
            listeners = [self._bind(), *([given] if given is not None else [])]
            servers = [await asyncio.start_server(self._connected, sock=listener) for listener in listeners]
            loop = asyncio.get_running_loop()
            for number in (signal.SIGINT, signal.SIGHUP):
                loop.add_signal_handler(number, lambda: None)  # not SIG_IGN: that would reach the scripts
            loop.add_signal_handler(signal.SIGTERM, self._terminate)
            log.info("Serving %s as process %d", self._data, os.getpid())
            self._consider()
            try:
                await self._over.wait()
            finally:
                for server in servers:
                    server.close()
                with contextlib.suppress(OSError):
                    os.unlink(protocol.socket_name())
                await self._close_links()
        log.info("Ended")

    def _bind(self) -> socket.socket:
        # Relative: the path of a deep data folder is longer than an address may be.
        os.chdir(protocol.socket_folder(self._data))
        with contextlib.suppress(FileNotFoundError):
            os.unlink(protocol.socket_name())
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        mask = os.umask(0o177)
        try:
            listener.bind(protocol.socket_name())
        finally:
            os.umask(mask)
        listener.listen(BACKLOG)
        return listener

    # -- connections

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = Link(reader, writer)
        self._links[link] = asyncio.current_task()
        late = asyncio.get_running_loop().call_later(HELLO_WITHIN, self._refuse_silent, link)
        try:
            if link.peer_uid() not in {os.getuid(), 0}:
                log.warning("Refused a connection of user %d", link.peer_uid())
                return
            async for message in link.messages():
                if self._over.is_set():
                    break
                if message.get("cmd") == "sweep":  # takes its time
                    self._spawn(self._reply(link, message, contextlib.nullcontext()))
                else:
                    await self._reply(link, message, self._turn)
        finally:
            late.cancel()
            link.close()
            del self._links[link]
            if link is self._link:
                self._link = None
                log.info("The core is gone")
            self._consider()

    async def _reply(self, link: Link, message: Message, turn: contextlib.AbstractAsyncContextManager[None]) -> None:
        async with turn:
            answer = await self._answer(link, message)
        self._consider()
        # Outside of the turn: a core that does not read must not keep the next one waiting. Nothing comes between.
        await link.answer({"re": message.get("id"), **answer})

    async def _answer(self, link: Link, message: Message) -> Message:
        if message.get("cmd") == "hello":
            self._adopt(link)
            runs = self._commands.rows()
            return {"ok": True, "version": protocol.RUNNER_VERSION, "pid": os.getpid(), "runs": runs}
        if link is not self._link:
            return {"error": "Say hello first", "errno": errno.EPROTO}
        return await self._commands.answer(message)

    def _adopt(self, link: Link) -> None:
        if self._link is not None and self._link is not link:
            log.info("A newer core takes over")
            self._link.close()
        self._link = link

    def _refuse_silent(self, link: Link) -> None:
        if link is not self._link:
            link.close()

    async def _close_links(self) -> None:
        for link in self._links:
            link.finish()
        if self._links:
            await asyncio.wait([task for task in self._links.values() if task], timeout=GOODBYE)

    # -- lifetime

    def moved(self, run: Run) -> None:
        """Tells the core."""
        if self._link is not None:
            self._link.moved(run)

    def settled(self, _run: Run) -> None:
        """Looks whether it may end now."""
        self._less.set()
        self._consider()

    def _consider(self) -> None:
        """Ends in a while when there is neither a core nor anything to do."""
        idle = self._link is None and not self._commands.needed
        if idle and self._idle is None:
            self._idle = asyncio.get_running_loop().call_later(self._idle_exit, self._leave)
        elif not idle and self._idle is not None:
            self._idle.cancel()
            self._idle = None

    def _leave(self) -> None:
        """From here on nobody gets an answer: a core that comes now finds no runner and starts one."""
        self._over.set()
        for link in self._links:
            link.close()

    def _terminate(self) -> None:
        if self._commands.closed:
            self._commands.stop_all(0)  # asked twice
            return
        log.info("Asked to end")
        self._commands.stop_all(protocol.GRACE)
        self._spawn(self._wind_down())

    async def _wind_down(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(protocol.GRACE + ENDING):
                while self._commands.living:
                    self._less.clear()
                    await self._less.wait()
        self._over.set()

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


@contextlib.contextmanager
def _locked(folder: str, given: socket.socket | None) -> Iterator[None]:
    lock = os.open(os.path.join(folder, protocol.lock_name()), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        until = time.monotonic() + LOCK_WAIT
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    turn_away(given)
                    raise AlreadyServed(folder) from None
                time.sleep(0.05)
        yield
    finally:
        os.close(lock)
