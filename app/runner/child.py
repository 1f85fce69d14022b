"""A script as a child process: how it starts, its terminal or pipes, its keystrokes, signals to its group."""

import asyncio
import contextlib
import errno
import fcntl
import os
import resource
import signal
import struct
import subprocess
import termios
from collections.abc import Callable
from typing import Protocol

from app.runner.inherited import Limits
from app.runner.journal import STDERR, STDOUT
from app.runner.protocol import MAX_INPUT, StartRequest

PIPE_SIZE = 256 << 10
GATHER = 64 << 10  # bytes taken from a terminal at a time; it gives 4 KiB a read
MAX_WINDOW = 1000  # columns or rows
AT_END = 4 << 20  # bytes at most that are taken from a full pipe when the run is over


class Listener(Protocol):
    """Who hears what a child writes."""

    def output(self, stream: int, data: memoryview) -> None:
        """Bytes arrived; the view is of no use after the call."""

    def closed(self) -> None:
        """Nobody holds the other end of any output any more."""


class Child:
    """A started script and the reading ends of its output, which stay open as long as anybody writes there."""

    def __init__(self, process: asyncio.subprocess.Process, outputs: dict[int, int], slave: int | None) -> None:
        self.pid = process.pid
        self._process = process
        self._outputs = outputs  # descriptor: stream
        # Held while the script lives: a terminal that it closed is no end of output, it can open /dev/tty again.
        self._slave = slave
        self._master = next(iter(outputs)) if slave is not None else None
        self._keys = bytearray()
        self._loop = asyncio.get_running_loop()

    @property
    def open(self) -> bool:
        """Whether output can still come."""
        return bool(self._outputs)

    async def wait(self) -> int:
        """Waits for the script's own process; answers its wait status as os.waitpid gives it."""
        code = await self._process.wait()
        if self._slave is not None:
            os.close(self._slave)
            self._slave = None
        return code << 8 if code >= 0 else -code

    # -- output

    def listen(self, buffer: memoryview, listener: Listener) -> None:
        """Hands over all output from now on; `buffer` is shared by everybody in the loop."""
        for fd, stream in self._outputs.items():
            read = self._read_terminal if fd == self._master else _read_pipe
            self._loop.add_reader(fd, self._readable, fd, stream, read, buffer, listener)

    def drain(self, buffer: memoryview, listener: Listener) -> None:
        """Hands over what lies in the pipes at this moment."""
        for fd, stream in list(self._outputs.items()):
            left = AT_END
            with contextlib.suppress(OSError):
                while left > 0 and (taken := os.readv(fd, [buffer])):
                    listener.output(stream, buffer[:taken])
                    left -= taken

    def _readable(
        self, fd: int, stream: int, read: Callable[[int, memoryview], int], buffer: memoryview, listener: Listener
    ) -> None:
        try:
            taken = read(fd, buffer)
        except BlockingIOError:
            return
        except OSError:  # EIO: nobody holds the terminal any more
            taken = 0
        if taken:
            listener.output(stream, buffer[:taken])
            return
        self._close(fd)
        if not self._outputs:
            listener.closed()

    @staticmethod
    def _read_terminal(fd: int, buffer: memoryview) -> int:
        taken = os.readv(fd, [buffer])
        with contextlib.suppress(OSError):
            while taken < GATHER and (more := os.readv(fd, [buffer[taken:]])):
                taken += more
        return taken

    def _close(self, fd: int) -> None:
        self._loop.remove_reader(fd)
        self._loop.remove_writer(fd)
        del self._outputs[fd]
        os.close(fd)
        if fd == self._master:
            self._master = None

    # -- terminal

    def type(self, data: bytes) -> None:
        """Queues keystrokes. Raises OSError: ENOTTY without a terminal, ENOBUFS when too many wait already."""
        if self._master is None:
            raise OSError(errno.ENOTTY, "The run has no terminal")
        if len(self._keys) + len(data) > MAX_INPUT:
            raise OSError(errno.ENOBUFS, "The program does not read its input")
        self._keys += data
        self._write_keys()

    def resize(self, cols: int, rows: int) -> None:
        """Tells the terminal its size. Raises OSError."""
        if self._master is None:
            raise OSError(errno.ENOTTY, "The run has no terminal")
        _set_window(self._master, cols, rows)

    def _write_keys(self) -> None:
        master = self._master
        if master is None:
            return
        try:
            while self._keys:
                del self._keys[: os.write(master, self._keys)]
        except BlockingIOError:
            self._loop.add_writer(master, self._write_keys)
            return
        except OSError:
            self._keys.clear()
        self._loop.remove_writer(master)

    # -- signals

    def signal_group(self, number: signal.Signals) -> bool:
        """Signals the script's process group. Answers False when that is too late: a process group whose leader was
        reaped can be somebody else's."""
        if self._reaped():
            return False
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)
        return True

    def group_may_live(self) -> bool:
        """False when the process group has no members any more."""
        if not self._reaped():
            return True
        try:
            os.killpg(self.pid, 0)
        except (ProcessLookupError, PermissionError):
            return False
        return True

    def _reaped(self) -> bool:
        if self._process.returncode is not None:
            return True
        try:  # asyncio tells of an exit a turn of the loop after it has reaped the process
            os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return True
        return False


async def start_child(request: StartRequest, limits: Limits | None) -> Child:
    """Starts a script in its own session; `limits` is the RLIMIT_NOFILE it gets, where that is not ours.

    Raises OSError as exec does.
    """
    ours: dict[int, int] = {}
    theirs: list[int] = []
    try:
        stdin, stdout, stderr = _open_terminal(request, ours, theirs) if request.tty else _open_pipes(ours, theirs)
        process = await asyncio.create_subprocess_exec(
            *request.argv,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            env=request.env,
            cwd=request.cwd,
            start_new_session=True,
            preexec_fn=_entrance(limits, request.tty),
        )
    except BaseException:
        for fd in [*ours, *theirs]:
            os.close(fd)
        raise
    if request.tty:
        return Child(process, ours, theirs[0])
    for fd in theirs:
        os.close(fd)
    return Child(process, ours, None)


def _entrance(limits: Limits | None, tty: bool) -> Callable[[], None] | None:
    """What the child does before it becomes the script.

    A helper program such as setsid could do that too, but then the kernel's reason why a script cannot be executed
    would become a line in the output. Code after fork is safe here, for the runner has one thread.
    """
    if limits is None and not tty:
        return None  # the fast way: vfork

    def enter() -> None:
        if limits is not None:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        if tty:
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    return enter


def _open_terminal(request: StartRequest, ours: dict[int, int], theirs: list[int]) -> tuple[int, int, int]:
    master, slave = os.openpty()
    ours[master] = STDOUT
    theirs.append(slave)
    os.set_blocking(master, False)
    _set_window(master, request.cols, request.rows)
    return slave, slave, slave


def _open_pipes(ours: dict[int, int], theirs: list[int]) -> tuple[int, int, int]:
    for stream in (STDOUT, STDERR):
        reading, writing = os.pipe()
        ours[reading] = stream
        theirs.append(writing)
        os.set_blocking(reading, False)
    with contextlib.suppress(OSError):  # stdout only: all pipes of a user share a budget, after which they get tiny
        fcntl.fcntl(theirs[0], fcntl.F_SETPIPE_SZ, PIPE_SIZE)
    return subprocess.DEVNULL, theirs[0], theirs[1]


def _set_window(master: int, cols: int, rows: int) -> None:
    size = struct.pack("HHHH", min(max(rows, 1), MAX_WINDOW), min(max(cols, 2), MAX_WINDOW), 0, 0)
    fcntl.ioctl(master, termios.TIOCSWINSZ, size)


def _read_pipe(fd: int, buffer: memoryview) -> int:
    return os.readv(fd, [buffer])
