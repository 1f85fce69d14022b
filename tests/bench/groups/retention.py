"""What a long history costs: the list of 100,000 runs, and what writers notice while a million old ones are removed."""

import asyncio
import json
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import httpx

from app.core.migrate import prepare_database
from tests.bench.bench import Bench, MeasuredServer, serving_python
from tests.bench.figures import Bound, Figure, percentile

LISTED = 100_000
REMOVED = {False: 200_000, True: 1_000_000}
REQUESTS = 100
PAUSE = 0.01
DEADLINE_SECONDS = 1200
COLUMNS = (
    "id, script, args, tty, cols, rows, time_limit, state, exit_code, truncated, size, username, requester, boot_id,"
    " created_at, started_at, finished_at, duration"
)


async def measure(bench: Bench) -> list[Figure]:
    """The list first, with a limit that keeps them all; then the removal of all but the newest."""
    return [*await _listing(bench), *await _removing(bench, REMOVED[bench.full])]


async def _listing(bench: Bench) -> list[Figure]:
    async with _server(bench, "listing", LISTED) as server:
        pages = {"50 newest": "limit=50", "searched for in vain": "limit=50&search=nowhere-to-be-found"}
        found = []
        for name, query in pages.items():
            samples = [await _milliseconds(server, "GET", f"/api/runs?{query}") for _ in range(REQUESTS)]
            p95 = percentile(samples, 95)
            found.append(Figure(f"{LISTED:,} runs, {name}: p95", "ms", [p95], Bound(at_most=200)))
        return found


async def _removing(bench: Bench, rows: int) -> list[Figure]:
    async with _server(bench, "removing", rows) as server:
        await server.request("PUT", "/api/settings/keep_runs_days", {"value": "30"})
        quiet: list[float] = []
        busy: list[float] = []
        began = 0.0
        deadline = time.monotonic() + DEADLINE_SECONDS
        while (done := _told(server)) is None and time.monotonic() < deadline:
            left = await asyncio.to_thread(_left, server.data_dir)
            began = began or (time.monotonic() if left < rows else 0.0)
            (busy if began else quiet).append(await _write(server, len(quiet) + len(busy)))
            await asyncio.sleep(PAUSE)
        if done is None:
            return [Figure(f"{rows:,} old runs removed", "", problem="it took too long")]
        seconds = time.monotonic() - began
        calm = percentile(quiet, 99)
        note = f"{done['batches']} batches in {seconds:.0f} s; without: {calm:.1f} ms"
        return [
            Figure(f"{rows:,} old runs removed: longest transaction", "ms", [done["longest_ms"]], Bound(at_most=50)),
            Figure(f"{rows:,} old runs removed: a write meanwhile, p99", "ms", [percentile(busy, 99)], note=note),
        ]


async def _write(server: MeasuredServer, number: int) -> float:
    return await _milliseconds(server, "PUT", "/api/settings/max_runs", {"value": str(20 + number % 2)})


async def _milliseconds(server: MeasuredServer, method: str, path: str, body: Any = None) -> float:
    began = time.perf_counter()
    await server.request(method, path, body)
    return (time.perf_counter() - began) * 1000


def _told(server: MeasuredServer) -> dict[str, Any] | None:
    """What the log says of the removal, None before it is through."""
    for line in (server.data_dir / "logs" / "toru.log").read_text().splitlines():
        told: dict[str, Any] = json.loads(line)
        if told.get("event") == "retention" and told.get("kind") == "runs_age":
            return told
    return None


def _left(data_dir: Path) -> int:
    with closing(sqlite3.connect(f"file:{data_dir / 'toru.db'}?mode=ro", uri=True)) as database:
        oldest, newest = database.execute("SELECT min(number), max(number) FROM runs").fetchone()
        return int(newest) - int(oldest) + 1


@asynccontextmanager
async def _server(bench: Bench, name: str, rows: int) -> AsyncIterator[MeasuredServer]:
    """A product whose database holds so many ended runs of 2020, and one that ends long from now."""
    server = MeasuredServer(bench.folder / f"retention-{name}", python=serving_python())
    path = server.data_dir / "toru.db"
    await prepare_database(path)
    await asyncio.to_thread(_fill, path, rows)
    try:
        await server.start()
        async with httpx.AsyncClient(base_url=server.url, timeout=30, trust_env=False) as server.client:
            await server.sign_in()
            yield server
    finally:
        await server.close()


def _fill(path: Path, rows: int) -> None:
    old, new = "2020-01-01T00:00:00.000Z", "2199-01-01T00:00:00.000Z"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("INSERT INTO settings VALUES ('keep_runs', '0'), ('keep_runs_days', '0')")
        for start in range(0, rows + 1, 10_000):
            numbers = range(start, min(start + 10_000, rows + 1))
            moments = [(number, new if number == rows else old) for number in numbers]
            database.executemany(
                f"INSERT INTO runs ({COLUMNS}) VALUES ({', '.join('?' * 18)})",
                [
                    (
                        f"{number:032x}",
                        f"script-{number % 50}.sh",
                        "[]",
                        *(0, 80, 24, 0, "succeeded", 0, 0, 0),
                        *("admin", "", "", moment, moment, moment, 1.0),
                    )
                    for number, moment in moments
                ],
            )
