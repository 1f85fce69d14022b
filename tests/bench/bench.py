"""What every group of figures gets: servers to measure, the comparison beside them, and processes that measure."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.bench.machine import processes_of
from tests.bench.targets import Baseline, Product
from tests.bench.workers import Workers
from tests.bench.workloads import Lines, make_gate, make_lines
from tests.support.server import ADMIN, ADMIN_PASSWORD, ROOT, Server, free_port

STREAM_BYTES = 50_000_000
START_SECONDS = 20.0


def install() -> None:
    """Has `./toru` make or renew the environment that it serves with; it says itself why it cannot."""
    subprocess.run([ROOT / "toru", "--version"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False)


def serving_python() -> str:
    """The Python of `./toru serve` where it could be made, else this one, whose test packages cost memory."""
    made = ROOT / ".venv" / "complete"
    return str(made.parent / "bin" / "python") if made.exists() else sys.executable


class MeasuredServer(Server):
    """The product with a signed-in administrator."""

    client: httpx.AsyncClient

    @property
    def target(self) -> Product:
        """The server for measuring processes."""
        cookie = "; ".join(f"{name}={value}" for name, value in self.client.cookies.items())
        return Product(self.port, {"Cookie": cookie})

    async def sign_in(self, headers: Mapping[str, str] | None = None) -> None:
        """Gets the session that `client` and `target` use."""
        credentials = {"username": ADMIN, "password": ADMIN_PASSWORD}
        answer = await self.client.post("/api/auth/login", json=credentials, headers=dict(headers or {}))
        if answer.status_code != 200:
            raise RuntimeError(f"The administrator could not sign in: {answer.status_code} {answer.text}")

    def measured_pids(self) -> list[int]:
        """The core, its helpers and the runner."""
        return processes_of(self.pid, self.runners())

    async def request(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON of a successful answer."""
        answer = await self.client.request(method, path, json=body)
        if not answer.is_success:
            raise RuntimeError(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer.json() if answer.content else None

    async def run_to_end(self, script: str) -> dict[str, Any]:
        """Runs a script once and waits for its end: the runner is there from then on."""
        run: dict[str, Any] = await self.request("POST", "/api/runs", {"script": script})
        while run["state"] in ("queued", "running"):
            await asyncio.sleep(0.02)
            run = await self.request("GET", f"/api/runs/{run['id']}")
        return run


@dataclass(frozen=True)
class Bench:
    """The run of all groups.

    Attributes:
        folder: for everything that is written.
        full: the long form, as the specification counts.
        lines: 50 MB in lines of 100 bytes.
        gate: where scripts wait until they are let go.
    """

    folder: Path
    workers: Workers
    full: bool
    lines: Lines
    gate: Path

    @asynccontextmanager
    async def product(self, env: Mapping[str, str] | None = None) -> AsyncIterator[MeasuredServer]:
        """A fresh product; the runner has been started by a first run."""
        folder = self.folder / f"server-{free_port()}"
        server = MeasuredServer(folder, env=env, python=serving_python())
        server.script("hello.sh", "echo hello")
        try:
            await server.start()
            async with httpx.AsyncClient(base_url=server.url, timeout=30, trust_env=False) as server.client:
                await server.sign_in()
                await server.run_to_end("hello.sh")
                yield server
        finally:
            await server.close()

    @asynccontextmanager
    async def baseline(self, server: MeasuredServer) -> AsyncIterator["BaselineServer"]:
        """The comparison, with the product's scripts and the product's JSON."""
        resources = self.folder / "resources.json"
        resources.write_text(json.dumps(await server.request("GET", "/api/resources")))
        baseline = BaselineServer(server.scripts_dir, resources)
        try:
            await baseline.wait_ready()
            yield baseline
        finally:
            await baseline.close()


class BaselineServer:
    """baseline.py in a process of its own, with the product's Python."""

    def __init__(self, scripts: Path, resources: Path) -> None:
        self.target = Baseline(free_port())
        self.command = [
            *(serving_python(), "-m", "tests.bench.baseline"),
            *(str(self.target.port), str(scripts), str(resources)),
        ]
        self.process = subprocess.Popen(self.command, cwd=ROOT, stdin=subprocess.DEVNULL)

    async def wait_ready(self) -> None:
        """Returns when it answers."""
        async with asyncio.timeout(START_SECONDS):
            while self.process.poll() is None:
                try:
                    (await asyncio.open_connection("127.0.0.1", self.target.port))[1].close()
                except OSError:
                    await asyncio.sleep(0.02)
                else:
                    return
        raise RuntimeError("The baseline ended at once.")

    async def close(self) -> None:
        """Ends it."""
        self.process.terminate()
        await asyncio.to_thread(self.process.wait, START_SECONDS)


def make_bench(folder: Path, workers: Workers, *, full: bool) -> Bench:
    """Writes what all groups share into an empty folder."""
    return Bench(folder, workers, full, make_lines(folder / "lines", STREAM_BYTES), make_gate(folder / "gate"))
