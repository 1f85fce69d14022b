"""kill -9 of the core under load, again and again: nothing acknowledged is lost, nothing that runs is touched."""

import asyncio
import hashlib
import random
import shutil
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import httpx

from tests.bench.bench import Bench, MeasuredServer
from tests.bench.figures import Bound, Figure
from tests.bench.ledger import VISITOR, VISITOR_PASSWORD, Expected, Ledger

KILLS, FULL_KILLS = 10, 100
LOAD_SECONDS = (0.05, 0.8)
SHOWN_FAULTS = 5
BYTES = 5_000_000
TICKS = 200
LIVING, STOP = "living.sh", "stop"
NUMBERS = 4_000


@dataclass(frozen=True)
class Killed:
    """What came of the kills.

    Attributes:
        faults: what was lost or wrong, a sentence each.
        waits: seconds until the core was ready again, in ascending order.
        written: writes that were acknowledged.
    """

    faults: list[str]
    waits: list[float]
    written: int


async def measure(bench: Bench) -> list[Figure]:
    """Kills the core again and again; the figure is what was wrong afterwards."""
    kills = FULL_KILLS if bench.full else KILLS
    killed = await kill_often(bench, kills)
    return [
        Figure(
            f"{kills} × kill -9 under load: faults",
            "",
            [len(killed.faults)],
            Bound(at_most=0),
            note=f"{killed.written} writes acknowledged; ready again after {median(killed.waits):.2f} s, "
            f"at most {killed.waits[-1]:.2f} s",
            problem="; ".join(killed.faults[:SHOWN_FAULTS]),
        )
    ]


async def kill_often(bench: Bench, kills: int) -> Killed:
    """Kills the core at a random moment, looks at its database, starts it again and compares it with the ledger."""
    dice = random.Random(7)
    async with bench.product({"TRUST_PROXY": "true"}) as server:
        ledger = Ledger(_scripts(bench, server))
        await server.request("POST", "/api/users", {"username": VISITOR, "password": VISITOR_PASSWORD})
        living = (await server.request("POST", "/api/runs", {"script": LIVING}))["id"]
        faults: list[str] = []
        waits: list[float] = []
        for number in range(kills):
            async with _client(server) as client, ledger.load(client):
                await asyncio.sleep(dice.uniform(*LOAD_SECONDS))
                await server.kill()
            faults += _database_faults(server.data_dir, bench.folder / f"copy-{number}")
            start = time.monotonic()
            await server.restart()
            waits.append(time.monotonic() - start)
            async with _client(server) as client:
                faults += await ledger.faults(client, living)
        async with _client(server) as client:
            faults += await _living_faults(client, server, living)
    return Killed(faults, sorted(waits), ledger.written)


def _client(server: MeasuredServer) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=server.url, cookies=server.client.cookies, timeout=30, trust_env=False)


def _scripts(bench: Bench, server: MeasuredServer) -> dict[str, Expected]:
    """Writes the scripts: short ones, one that floods, and one that goes on until a file appears."""
    half, lines = BYTES // 2, bench.lines.path
    server.script("pause.sh", f"seq 1 {NUMBERS // 2}; sleep 0.3; seq {NUMBERS // 2 + 1} {NUMBERS}; exit 3")
    server.script("short.sh", f"seq 1 {NUMBERS}")
    server.script("flood.sh", f"head -c {half} {lines}; sleep 0.2; head -c {BYTES} {lines} | tail -c +{half + 1}")
    server.script(
        LIVING,
        f"n=0; while [ ! -e '{server.folder / STOP}' ]; do n=$((n + 1)); echo \"$$ $n\"; sleep {1 / TICKS}; done",
    )
    numbers = hashlib.sha256("".join(f"{number}\n" for number in range(1, NUMBERS + 1)).encode()).hexdigest()
    with lines.open("rb") as file:
        flood = hashlib.sha256(file.read(BYTES)).hexdigest()
    return {"pause.sh": Expected(3, numbers), "short.sh": Expected(0, numbers), "flood.sh": Expected(0, flood)}


def _database_faults(data_dir: Path, copy: Path) -> list[str]:
    """What SQLite finds wrong with the files as the killed core left them."""
    copy.mkdir()
    for path in data_dir.glob("toru.db*"):
        if not path.name.endswith("-shm"):
            shutil.copy(path, copy)
    connection = sqlite3.connect(copy / "toru.db")
    try:
        told = connection.execute("PRAGMA integrity_check").fetchall()
    except sqlite3.DatabaseError as error:
        told = [(str(error),)]
    finally:
        connection.close()
        shutil.rmtree(copy)
    return [] if told == [("ok",)] else [f"integrity_check: {told}"]


async def _living_faults(client: httpx.AsyncClient, server: MeasuredServer, living: str) -> list[str]:
    """Ends the run that lived through it all, by itself; every line it wrote must be there, all of one process."""
    (server.folder / STOP).touch()
    async with asyncio.timeout(30):
        while (run := (await client.get(f"/api/runs/{living}")).json())["state"] == "running":
            await asyncio.sleep(0.05)
    lines = (await client.get(f"/api/runs/{living}/output")).text.splitlines()
    pid = lines[0].split()[0] if lines else ""
    if run["state"] != "succeeded":
        return [f"the run that lived ended as {run['state']}: {run['reason']}"]
    if not lines or lines != [f"{pid} {number}" for number in range(1, len(lines) + 1)]:
        return [f"the run that lived lost output: {len(lines)} lines"]
    return []
