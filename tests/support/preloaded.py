"""Cores that start in a third of the time: one process imports what a core imports, and forks for each of them.

Such a core runs `toru serve` from its first line on, in a session of its own, and is our child. It cannot show what
belongs to a process from its beginning (command line, first environment, memory): see `Server(fresh=True)`.
"""

import gc
import importlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

import psutil

LONGEST_MESSAGE = 1 << 16
PYTHON_OPTIONS = ("-X", "no_debug_ranges")
"""As ./toru starts it."""


PRELOADED = (
    *("app.main", "app.bootstrap", "app.api", "ui.register", "ui.login", "ui.plugin_frame", "app.cli.commands"),
    *("app.cli.serve", "nicegui.ui_run_with", "uvicorn.lifespan.on"),
)
"""What a core imports until it serves, and when it makes its application."""


class Adopted:
    """A process that others started and that became our child, as `subprocess.Popen` shows one."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._process = psutil.Process(pid)

    def poll(self) -> int | None:
        """The exit code, None while it lives."""
        try:
            return self.wait(0)
        except subprocess.TimeoutExpired:
            return None

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, negative for a signal.

        Raises:
            subprocess.TimeoutExpired: it lives on.
        """
        if self.returncode is None:
            try:
                self.returncode = int(self._process.wait(timeout))
            except psutil.TimeoutExpired:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0) from None
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Sends a signal, unless it has ended."""
        if self.poll() is None:
            self._process.send_signal(number)

    def kill(self) -> None:
        """kill -9."""
        if self.poll() is None:
            self._process.kill()


class CoreStarter:
    """Starts cores; its process is there from the first of them to `close`.

    Args:
        root: the folder of `toru`.
        started: called with the id of the process that forks.
    """

    def __init__(self, root: Path, started: Callable[[int], None]) -> None:
        self._root = root
        self._started = started
        self._process: subprocess.Popen[bytes] | None = None
        self._channel, self._theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)

    def start(
        self, arguments: Sequence[str], environment: Mapping[str, str], output: IO[bytes], secrets: int
    ) -> Adopted:
        """`toru ARGUMENTS` with this environment, where TORU_SECRETS_FD is added; it keeps the pipe `secrets`."""
        if self._process is None:
            self._process = self._launch()
            self._started(self._process.pid)
        message = json.dumps([list(arguments), dict(environment)]).encode()
        socket.send_fds(self._channel, [message], [output.fileno(), secrets])
        return Adopted(int(self._channel.recv(LONGEST_MESSAGE)))

    def _launch(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, *PYTHON_OPTIONS, "-m", "tests.support.preloaded", str(self._theirs.fileno())],
            cwd=self._root,
            env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            pass_fds=[self._theirs.fileno()],
            start_new_session=True,
        )
        self._theirs.close()
        return process

    def close(self) -> None:
        """Ends the process that forks; cores live on."""
        self._channel.close()
        self._theirs.close()
        if self._process is not None:
            self._process.wait()


def preload() -> None:
    """Imports PRELOADED as a core does, without what it leaves out."""
    from app.light_imports import leave_out_docstrings, leave_out_pydantic_v1

    leave_out_docstrings()
    leave_out_pydantic_v1()
    from app.core.config import load_config
    from app.light_imports import leave_out_aiohttp

    leave_out_aiohttp(load_config({}))
    for module in PRELOADED:
        importlib.import_module(module)
    gc.freeze()


def _asked_for(channel: socket.socket) -> tuple[list[str], int] | None:
    """Forks for each core that is asked for: its arguments and its pipe, in its own process; None at the end of all."""
    while True:
        message, files, _, _ = socket.recv_fds(channel, LONGEST_MESSAGE, 2)
        if not message:
            return None
        told, tell = os.pipe()
        if (between := os.fork()) == 0:
            if pid := os.fork():
                os.write(tell, str(pid).encode())
                os._exit(0)
            os.close(told)
            os.close(tell)
            return _become(*json.loads(message), *files)
        os.waitpid(between, 0)  # from now on the core's parent is who adopts orphans: the tests' process
        channel.send(os.read(told, 64))
        for file in (told, tell, *files):
            os.close(file)


def _become(arguments: list[str], environment: dict[str, str], output: int, secrets: int) -> tuple[list[str], int]:
    os.setsid()
    os.environ.clear()
    os.environ.update(environment)
    for stream in (1, 2):
        os.dup2(output, stream)
    os.close(output)
    return arguments, secrets


def _main() -> int:
    with socket.socket(fileno=int(sys.argv[1])) as channel:
        preload()
        asked = _asked_for(channel)
    if asked is None:
        return 0
    from app.cli.__main__ import main

    arguments, secrets = asked
    os.environ["TORU_SECRETS_FD"] = str(secrets)
    return main(arguments)


if __name__ == "__main__":
    sys.exit(_main())
