"""A stand-in for systemd's socket activation: it listens, and starts a runner whenever somebody connects."""

import asyncio
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

AS_SYSTEMD_DOES = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execv(sys.argv[2], sys.argv[2:])
"""


class Activation:
    """Listens at `path`; `started` counts the processes of `command` that were started."""

    def __init__(self, path: Path, command: Sequence[str]) -> None:
        self.started = 0
        self.process: asyncio.subprocess.Process | None = None
        self._command = command
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.bind(str(path))
        self._socket.listen(8)
        self._task = asyncio.create_task(self._serve())

    async def close(self) -> None:
        """Listens no more, and ends what it started."""
        self._task.cancel()
        await asyncio.wait([self._task])
        self._socket.close()
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            called = asyncio.Event()
            loop.add_reader(self._socket, called.set)
            try:
                await called.wait()
            finally:
                loop.remove_reader(self._socket)
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", "-c", AS_SYSTEMD_DOES, str(self._socket.fileno()), *self._command),
                pass_fds=(self._socket.fileno(),),
                stdin=subprocess.DEVNULL,
            )
            self.started += 1
            await self.process.wait()
