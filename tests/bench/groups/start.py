"""How long `./toru serve` takes to its first answer."""

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from tests.bench.bench import BaselineServer, Bench, MeasuredServer, serving_python
from tests.bench.figures import Bound, Figure
from tests.bench.wire import HttpConnection, WireError
from tests.support.server import ADMIN_PASSWORD, ROOT

REPEATS = 5
PAUSE = 0.005
DEADLINE_SECONDS = 30.0
BOUND = Bound(at_most=2)


async def measure(bench: Bench) -> list[Figure]:
    """The first start ever, which makes the database, and ordinary ones; beside them the baseline's."""
    resources = bench.folder / "start.json"
    resources.write_text("{}")
    first, later, bare = [], [], []
    for number in range(REPEATS):
        folder = bench.folder / f"start-{number}"
        server = MeasuredServer(folder)
        environment = {**server.environment(), "ADMIN_PASSWORD": ADMIN_PASSWORD}
        command = serve_command(server.port)
        first.append(await asyncio.to_thread(_first_answer, command, environment, server.port, "/api/health"))
        later.append(await asyncio.to_thread(_first_answer, command, environment, server.port, "/api/health"))
        bare.append(await _bare(folder, resources))
        for runner in server.runners():
            runner.terminate()
    how = "by ./toru" if _has_environment() else "by this Python: ./toru could not make its environment"
    return [
        Figure("serve to the first 200", "s", later, BOUND, bare, how),
        Figure("serve to the first 200, first start ever", "s", first, BOUND, bare, "makes the database"),
    ]


def serve_command(port: int) -> list[str]:
    """`./toru serve` where its environment has been made; else what it would run, with this Python."""
    start = [str(ROOT / "toru")] if _has_environment() else [serving_python(), "-m", "app.cli"]
    return [*start, "serve", "--port", str(port)]


def _has_environment() -> bool:
    return (ROOT / ".venv" / "complete").exists()


async def _bare(scripts: Path, resources: Path) -> float:
    baseline = BaselineServer(scripts, resources)
    await baseline.close()
    environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
    return await asyncio.to_thread(
        _first_answer, baseline.command, environment, baseline.target.port, baseline.target.light_path
    )


def _first_answer(command: Sequence[str], environment: dict[str, str], port: int, path: str) -> float:
    """Seconds from the start of the program to its first 200; ends it again."""
    start = time.monotonic()
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        while not _answers(port, path):
            if process.poll() is not None or time.monotonic() > start + DEADLINE_SECONDS:
                raise RuntimeError(f"{command[0]} did not serve.")
            time.sleep(PAUSE)
        return time.monotonic() - start
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(DEADLINE_SECONDS)


def _answers(port: int, path: str) -> bool:
    try:
        connection = HttpConnection(port, {})
        try:
            return connection.request("GET", path)[0] == 200
        finally:
            connection.close()
    except (OSError, WireError):
        return False
