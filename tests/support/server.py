"""A real server in a process of its own: fresh data folder, own scripts, a free port."""

import asyncio
import contextlib
import os
import secrets
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, ClassVar

import httpx
import psutil

from tests.support.logs import LogWatch
from tests.support.preloaded import PYTHON_OPTIONS, Adopted, CoreStarter
from tests.support.unprivileged import AS_NOBODY, NOBODY, open_python

ROOT = Path(__file__).resolve().parents[2]
ADMIN = "admin"
ADMIN_PASSWORD = "Correct-Horse-7"
START_SECONDS = 40
STOP_SECONDS = 15


class Server:
    """`python -m app.cli serve` with everything of its own below `folder`.

    Args:
        folder: an empty folder; `data/` and `scripts/` are made in it.
        env: what the environment holds besides PATH, LANG and the folders. Values win.
        unprivileged: runs as nobody when the tests run as root, for whom file modes mean nothing.
        python: what runs it; our own Python unless told.
        project: the folder of the product's code, where that is a copy.
        within: a command that ends by executing what follows it, as `unshare` does.
        fresh: a process from its beginning, though `starter` would be faster.
    """

    starter: ClassVar[CoreStarter | None] = None
    """What starts cores, where one is there and nothing else is asked for."""

    def __init__(
        self,
        folder: Path,
        *,
        env: Mapping[str, str] | None = None,
        arguments: Sequence[str] = (),
        password: str | None = ADMIN_PASSWORD,
        licence_secret: str | None = None,
        unprivileged: bool = False,
        python: str = sys.executable,
        project: Path = ROOT,
        within: Sequence[str] = (),
        fresh: bool = False,
    ) -> None:
        self.folder = folder
        self.data_dir = folder / "data"
        self.scripts_dir = folder / "scripts"
        self.scripts_dir.mkdir(parents=True, exist_ok=True)
        self.data_dir.mkdir(mode=0o700, exist_ok=True)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.password = password
        self.output_path = folder / "server.output"
        self.log = LogWatch(self.data_dir / "logs" / "toru.log")
        self._licence_secret = licence_secret
        self._env = dict(env or {})
        self._arguments = arguments
        self._python = python
        self._project = project
        self._within = within
        self._unprivileged = unprivileged and os.geteuid() == 0
        self._process: subprocess.Popen[bytes] | Adopted | None = None
        self._fresh = fresh or self._unprivileged or bool(within) or python != sys.executable or project != ROOT
        self.cookies: dict[str, dict[str, str]] = {}  # of shared sessions, by user name

    @property
    def pid(self) -> int:
        """The core's process id."""
        return self.process.pid

    @property
    def process(self) -> subprocess.Popen[bytes] | Adopted:
        """The core's process."""
        if self._process is None:
            raise RuntimeError("The server was not started.")
        return self._process

    @property
    def output(self) -> str:
        """What the core printed so far."""
        return self.output_path.read_text(errors="replace") if self.output_path.exists() else ""

    def environment(self) -> dict[str, str]:
        """What the core is started with; never the password."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            # What a developer's own .env may say otherwise.
            "ADMIN_USERNAME": ADMIN,
            "PRODUCTION": "false",
            "SECURE_COOKIES": "false",
            "TRUST_PROXY": "false",
            "STEERING_HOST": "127.0.0.1",
            "TORU_DATA_DIR": str(self.data_dir),
            "TORU_SCRIPTS_DIR": str(self.scripts_dir),
            "TORU_PLUGINS_DIR": str(self.folder / "plugins"),
            "TORU_LOG_DIR": str(self.data_dir / "logs"),
            **self._env,
        }

    def launch(self) -> None:
        """Starts the core and does not wait."""
        environment = self.environment()
        if self._unprivileged:
            for path in (self.folder, *self.folder.rglob("*")):
                os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
        ours, theirs = secrets_pipe(self.password, self._licence_secret)
        arguments = ["serve", "--port", str(self.port), *self._arguments]
        with self.output_path.open("ab") as output:
            if self.starter is not None and not self._fresh:
                self._process = self.starter.start(arguments, environment, output, theirs)
            else:
                self._process = self._start(arguments, environment, output, theirs)
        os.close(theirs)
        os.close(ours)

    def _start(
        self, arguments: Sequence[str], environment: Mapping[str, str], output: IO[bytes], secrets: int
    ) -> subprocess.Popen[bytes]:
        python = [*AS_NOBODY, str(open_python())] if self._unprivileged else [self._python]
        return subprocess.Popen(
            [*self._within, *python, *PYTHON_OPTIONS, "-m", "app.cli", *arguments],
            cwd=self._project,
            env={**environment, "TORU_SECRETS_FD": str(secrets)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=(secrets,),
            start_new_session=True,
        )

    async def start(self) -> "Server":
        """Starts the core and waits until it answers."""
        self.launch()
        try:
            await self.wait_ready()
        except AssertionError:
            self.process.kill()
            await self.wait_end()
            raise
        return self

    async def wait_ready(self) -> None:
        """Returns at the first 200 of /api/health; fails with the core's output when it ends or takes too long."""
        deadline = time.monotonic() + START_SECONDS
        async with httpx.AsyncClient(base_url=self.url, trust_env=False, verify=False) as client:
            while not await _answers(client):
                if self.process.poll() is not None:
                    raise AssertionError(f"The server ended with {self.process.returncode}:\n{self.output}")
                if time.monotonic() > deadline:
                    raise AssertionError(f"The server did not answer within {START_SECONDS} s:\n{self.output}")
                await asyncio.sleep(0.02)

    async def wait_end(self, seconds: float = STOP_SECONDS) -> int:
        """The exit code of the core, which is expected to end by itself."""
        return await asyncio.to_thread(self.process.wait, seconds)

    async def stop(self) -> int:
        """SIGTERM to the core; its exit code. The runner and its runs go on."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return await self.wait_end()

    async def kill(self) -> None:
        """kill -9 of the core."""
        self.process.kill()
        await self.wait_end()

    async def restart(self) -> None:
        """Another core on the same folders, after `stop` or `kill`."""
        self.cookies.clear()
        await self.start()

    def runners(self) -> list[psutil.Process]:
        """The runner processes of this data folder."""
        return [process for process in psutil.process_iter() if is_runner_of(process, self.data_dir)]

    async def close(self) -> None:
        """Ends the core and its runner, and with them all runs; fails when the core left errors in its log."""
        if self._process is not None:
            code = await self.stop()
            runners = self.runners()
            for runner in runners:
                runner.terminate()
            _, alive = await asyncio.to_thread(psutil.wait_procs, runners, STOP_SECONDS)
            if alive:
                raise AssertionError(f"These runners did not end: {alive}")
            if code not in (0, -signal.SIGKILL):
                raise AssertionError(f"The server ended with {code}:\n{self.output}")

    def failed_sign_ins(self) -> list[str]:
        """The names under which the tests' address failed to sign in and did not succeed since: three lock it."""
        query = (
            "SELECT username FROM sign_ins AS one WHERE address_bucket = '127.0.0.1' AND counted AND NOT success"
            " AND NOT EXISTS (SELECT * FROM sign_ins AS two"
            " WHERE two.success AND two.name_bucket = one.name_bucket AND two.id > one.id)"
        )
        with contextlib.closing(sqlite3.connect(f"file:{self.data_dir / 'toru.db'}?mode=ro", uri=True)) as database:
            return [name for (name,) in database.execute(query)]

    def script(self, name: str, text: str, mode: int = 0o755) -> str:
        """Writes a script into the scripts folder, with `#!/bin/sh` unless it brings its own first line."""
        path = self.scripts_dir / name
        path.write_text(text if text.startswith("#!") else f"#!/bin/sh\n{text}\n")
        path.chmod(mode)
        if self._unprivileged:
            os.chown(path, NOBODY, NOBODY)
        return name

    def remove(self) -> None:
        """Deletes everything below the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)


async def _answers(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/api/health")).status_code == 200
    except httpx.TransportError:
        return False


def secrets_pipe(password: str | None, licence_secret: str | None = None) -> tuple[int, int]:
    """A pipe as `toru` hands it over: (our end, the inheritable end to read)."""
    theirs, ours = os.pipe()
    for name, value in (("ADMIN_PASSWORD", password), ("TORU_LICENSE_SECRET", licence_secret)):
        if value is not None:
            os.write(ours, f"{name}={value}\0".encode())
    return ours, theirs


def free_port() -> int:
    """A port that nobody listened on a moment ago, and that nobody takes before the one it is for.

    It is below those that the system gives to connections, and workers (pytest-xdist) have a thousand each.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 10
    while True:
        port = 20_000 + 1_000 * worker + secrets.randbelow(1_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def is_runner_of(process: psutil.Process, data_dir: Path) -> bool:
    """Whether the process is the runner of a data folder: the one that its command line names."""
    try:
        command = process.cmdline()
    except psutil.Error:
        return False
    return str(data_dir) in command and any("app.runner" in part for part in command)
