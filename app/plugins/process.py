"""One process of a plugin: how it is started, what it prints, and how it and all that it started is ended."""

import asyncio
import contextlib
import fcntl
import os
import pwd
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from app.plugins.pace import Allowance

ALLOWED = ("PATH", "HOME", "LANG", "TZ")
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
CHUNK = 256 << 10
"""Bytes of a pipe, and of one read."""

SHARE, BURST = 0.08, 0.01
"""Of a second that taking what one process prints may cost: it can print hundreds of megabytes in one, but a flood of
lines that are dear to look at is taken more slowly."""

AT_END = 4 << 20
"""Bytes at most that are taken from a full pipe when the process has ended."""

MOST_REMEMBERED = 8 << 10

Heard = Callable[[bytes, bool], None]
"""Takes what was printed, as it was read; True for stderr."""


def plugin_environment(source: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What every plugin sees of our environment, whatever else is in it."""
    given = {name: source[name] for name in ALLOWED if name in source}
    try:
        home = pwd.getpwuid(os.geteuid()).pw_dir
    except KeyError:  # a container's made-up user id
        home = "/"
    return {"PATH": DEFAULT_PATH, "HOME": home, "LANG": "C.UTF-8", **given}


class Starter:
    """Starts processes that end with us, however we end. Used from the main thread only: the kernel's promise to end
    a child is tied to the thread that started it.

    Args:
        setpriv: the program of util-linux that asks the kernel for it.
        folder: the working directory of plugins.
        base: the environment that all of them get.
    """

    def __init__(self, setpriv: str, folder: Path, base: Mapping[str, str]) -> None:
        self._base = dict(base)
        self._command = (setpriv, "--pdeathsig", "KILL", "--")
        self._folder = folder

    async def start(
        self, path: Path, arguments: tuple[str, ...], environment: Mapping[str, str], heard: Heard
    ) -> "PluginProcess":
        """Starts a plugin's file in a session of its own; `environment` adds to the base. Raises OSError."""
        pipes = [os.pipe(), os.pipe()]
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                str(path),
                *arguments,
                stdin=subprocess.DEVNULL,
                stdout=pipes[0][1],
                stderr=pipes[1][1],
                env={**self._base, **environment},
                cwd=self._folder,
                start_new_session=True,
            )
        except BaseException:
            for reading, _ in pipes:
                os.close(reading)
            raise
        finally:
            for _, writing in pipes:
                os.close(writing)
        return PluginProcess(process, pipes[0][0], pipes[1][0], heard)


class PluginProcess:
    """A started process; `end` must be called in the end."""

    def __init__(self, process: asyncio.subprocess.Process, stdout: int, stderr: int, heard: Heard) -> None:
        self.pid = process.pid
        self._process = process
        allowance = Allowance(SHARE, BURST)
        self._stdout = _Output(stdout, lambda data: heard(data, False), allowance)
        self._stderr = _Output(stderr, lambda data: heard(data, True), allowance)

    @property
    def code(self) -> int | None:
        """The exit code, a signal's number below zero, None while it lives."""
        return self._process.returncode

    @property
    def last_words(self) -> str:
        """The last line on stderr that is not empty, without what cannot be shown."""
        lines = self._stderr.remembered.decode("utf-8", "replace").splitlines()
        last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        return "".join(c for c in last if c.isprintable())[:1000]

    @property
    def is_stopped(self) -> bool:
        """Whether somebody halted it (SIGSTOP)."""
        try:
            found = os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return False
        return found is not None

    async def wait(self) -> int:
        """Waits for the end of the process, but not of what it started; answers `code`."""
        return await self._process.wait()

    def send(self, number: signal.Signals) -> None:
        """Signals the whole group, while the process lives."""
        if self.code is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, number)

    async def end(self) -> None:
        """Kills the group, waits, and takes what still lies in the pipes."""
        self.send(signal.SIGKILL)
        await self._process.wait()
        # The number of the group stays its own as long as it has members.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self._stdout.close()
        self._stderr.close()


class _Output:
    """The reading end of a pipe: what comes is handed on, and the end of it remembered."""

    def __init__(self, fd: int, heard: Callable[[bytes], None], allowance: Allowance) -> None:
        self.remembered = bytearray()
        self._fd = fd
        self._heard = heard
        self._allowance = allowance
        self._open = True
        self._loop = asyncio.get_running_loop()
        self._later: asyncio.TimerHandle | None = None
        os.set_blocking(fd, False)
        with contextlib.suppress(OSError):  # all pipes of a user share a budget, after which they get tiny
            fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, CHUNK)
        self._listen()

    def close(self) -> None:
        """Takes what is there, and whoever else holds the pipe writes into nothing."""
        if not self._open:
            return
        left = AT_END
        with contextlib.suppress(OSError):
            while left > 0 and (data := os.read(self._fd, CHUNK)):
                self._take(data)
                left -= len(data)
        self._finish()

    def _listen(self) -> None:
        self._later = None
        self._loop.add_reader(self._fd, self._readable)

    def _readable(self) -> None:
        began = time.perf_counter()
        try:
            data = os.read(self._fd, CHUNK)
        except BlockingIOError:
            return
        if not data:
            self._finish()
            return
        self._take(data)
        if pause := self._allowance.take(time.perf_counter() - began):
            self._loop.remove_reader(self._fd)
            self._later = self._loop.call_later(pause, self._listen)

    def _take(self, data: bytes) -> None:
        self.remembered += data[-MOST_REMEMBERED:]
        del self.remembered[:-MOST_REMEMBERED]
        self._heard(data)

    def _finish(self) -> None:
        self._open = False
        if self._later is not None:
            self._later.cancel()
        self._loop.remove_reader(self._fd)
        os.close(self._fd)
