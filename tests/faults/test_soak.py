"""An hour of everything: what a server holds does not grow with time."""

import asyncio
import contextlib
import json
import os
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import httpx
import psutil
import pytest

from tests.conftest import StartServer
from tests.plugins.test_faults import all_ready, processes_below, put_ten
from tests.support.clients import http_client, open_socket, session_cookies, sign_in
from tests.support.evidence import Evidence
from tests.support.server import Server

MINUTES = "TORU_SOAK_MINUTES"
SAMPLE_SECONDS = 5.0
MOST_MEMORY = 2 << 20
"""Bytes that memory may grow by after the warm-up."""

MOST_FILES = 2
WARM_UP = 0.25
"""Of the time: caches fill, pools grow, the log's first files are written."""

CORE = "core"


@dataclass
class Curve:
    """One measured quantity over time."""

    seconds: list[float] = field(default_factory=list)
    values: list[float] = field(default_factory=list)

    def growth(self) -> float:
        """How much more there was in the last quarter than in the first after the warm-up: medians, for it breathes."""
        values = self.values[int(len(self.values) * WARM_UP) :]
        quarter = max(1, len(values) // 4)
        return median(values[-quarter:]) - median(values[:quarter])


async def sample(server: Server, curves: dict[str, Curve], lag: list[float]) -> None:
    """Until cancelled: memory, descriptors and threads of core and runner, and how late a light answer comes."""
    began = time.monotonic()
    async with http_client(server) as client:
        while True:
            for name, process in [(CORE, psutil.Process(server.pid)), *(("runner", one) for one in server.runners())]:
                with contextlib.suppress(psutil.Error):
                    measured = {
                        "memory": process.memory_full_info().pss,
                        "descriptors": process.num_fds(),
                        "threads": process.num_threads(),
                    }
                    for what, value in measured.items():
                        curve = curves.setdefault(f"{name}: {what}", Curve())
                        curve.seconds.append(time.monotonic() - began)
                        curve.values.append(value)
            asked = time.monotonic()
            with contextlib.suppress(httpx.TransportError):
                await client.get("/api/health")
                lag.append(time.monotonic() - asked)
            await asyncio.sleep(SAMPLE_SECONDS)


@dataclass
class Users:
    """What goes on: everything that people and automation do, with chance for pauses."""

    server: Server
    until: float
    chance: random.Random = field(default_factory=lambda: random.Random(7))
    done: dict[str, int] = field(default_factory=dict)
    answers: dict[int, int] = field(default_factory=dict)

    async def repeat(self, name: str, step: Callable[[], Awaitable[None]], pause: float) -> None:
        """One kind of use until the time is over."""
        while time.monotonic() < self.until:
            await step()
            self.done[name] = self.done.get(name, 0) + 1
            await asyncio.sleep(self.chance.uniform(0, 2 * pause))

    def count(self, answer: httpx.Response) -> httpx.Response:
        self.answers[answer.status_code] = self.answers.get(answer.status_code, 0) + 1
        return answer


@pytest.mark.soak
@pytest.mark.fault("O16", "O19")
@pytest.mark.timeout(2 * 3600)
async def test_an_hour_of_everything(start_server: StartServer, tmp_path: Path, evidence: Evidence) -> None:
    minutes = float(os.environ.get(MINUTES, "60"))
    put_ten(tmp_path / "server0")
    server = await start_server(fresh=True)
    flood = server.script("flood.sh", "seq 1 20000")
    short = server.script("short.sh", "echo hi; exit 3")
    long = server.script("long.sh", "for i in $(seq 1 200); do echo $i; sleep 0.05; done")
    users = Users(server, time.monotonic() + minutes * 60)
    curves: dict[str, Curve] = {}
    lag: list[float] = []
    async with http_client(server, await session_cookies(server)) as client:
        await all_ready(client)

        async def run(script: str) -> str:
            answer = users.count(await client.post("/api/runs", json={"script": script}))
            return str(answer.json()["id"])

        async def watch_a_flood() -> None:
            async with open_socket(client, "/api/ws") as socket:
                await socket.send({"type": "run", "script": flood})
                messages = await socket.until("exit", 60)
            evidence.kept["lines in the soak"] += sum(message["type"] == "stdout" for message in messages)
            evidence.lost["lines in the soak"] += 20_000 - sum(message["type"] == "stdout" for message in messages)

        async def start_and_leave() -> None:
            await run(short)

        async def start_and_cancel() -> None:
            async with open_socket(client, f"/api/ws/runs/{await run(long)}") as socket:
                await socket.receive(30)
                users.count(await client.post(f"/api/runs/{socket.connection.request.path.split('/')[-1]}/cancel"))  # type: ignore[union-attr]

        async def look_around() -> None:
            for path in (
                "/",
                "/history",
                "/api/resources",
                "/api/audit?limit=50",
                "/api/resources/history",
                "/metrics",
            ):
                users.count(await client.get(path))

        async def sign_in_and_out() -> None:
            async with await sign_in(server) as other:
                users.count(await other.get("/api/auth/me"))
                users.count(await other.post("/api/auth/logout"))

        async def use_plugins() -> None:
            for number in range(10):
                users.count(await client.get(f"/api/plugins/route/plugin-{number}/"))

        async def kill_a_plugin() -> None:
            for process in users.chance.sample(processes_below(server), k=1):
                process.kill()

        async def leave_amid_output() -> None:
            async with open_socket(client, f"/api/ws/runs/{await run(flood)}") as socket:
                await socket.receive(30)
                socket.connection.transport.abort()

        sampling = asyncio.create_task(sample(server, curves, lag))
        await asyncio.gather(
            users.repeat("floods watched", watch_a_flood, 1),
            users.repeat("runs left alone", start_and_leave, 0.5),
            users.repeat("runs cancelled", start_and_cancel, 2),
            users.repeat("pages looked at", look_around, 0.5),
            users.repeat("sign-ins", sign_in_and_out, 3),
            users.repeat("plugins asked", use_plugins, 0.5),
            users.repeat("plugins killed", kill_a_plugin, 15),
            users.repeat("viewers that left", leave_amid_output, 2),
        )
        sampling.cancel()
        await asyncio.gather(sampling, return_exceptions=True)
    lag.sort()
    growth = {name: curve.growth() for name, curve in curves.items()}
    evidence.notes.append(_told(minutes, users, growth, lag))
    assert not {status: count for status, count in users.answers.items() if status == 500}
    assert growth["core: descriptors"] <= MOST_FILES
    assert growth["core: threads"] <= MOST_FILES
    assert growth["runner: descriptors"] <= MOST_FILES
    # Less than half an hour is all warm-up: the history fills, caches and pools find their size.
    assert growth["core: memory"] <= (MOST_MEMORY if minutes >= 30 else 8 * MOST_MEMORY)
    assert growth["runner: memory"] <= MOST_MEMORY


def _told(minutes: float, users: Users, growth: dict[str, float], lag: list[float]) -> str:
    did = ", ".join(f"{count:,} {name}" for name, count in users.done.items())
    grew = ", ".join(
        f"{name} {value / (1 << 20):+.2f} MiB" if name.endswith("memory") else f"{name} {value:+.0f}"
        for name, value in growth.items()
    )
    late = f"p99 {lag[int(len(lag) * 0.99)] * 1000:.0f} ms, longest {lag[-1] * 1000:.0f} ms"
    answers = json.dumps({str(status): count for status, count in sorted(users.answers.items())})
    return (
        f"Soak of {minutes:g} minutes: {did}; answers {answers}; growth after the warm-up: {grew}; /api/health {late}"
    )
