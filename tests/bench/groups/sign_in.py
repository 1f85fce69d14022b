"""Signing in under attack: what refusals tell by their time, how many guesses are looked at, what a rush costs."""

import asyncio
import time
from collections.abc import Iterator
from itertools import count
from statistics import median

import httpx

from tests.bench.bench import Bench, MeasuredServer
from tests.bench.clients import probe
from tests.bench.figures import Bound, Figure
from tests.bench.machine import memory
from tests.support.server import ADMIN, ADMIN_PASSWORD

TRIES = 50
KNOWN, KNOWN_PASSWORD = "carla", "Battery-Staple-8"
WRONG = "Wrong-Horse-1"
MOST_APART = 5.0
FAILURES_WITHOUT_LOCK = 2
GUESSES, MOST_CHECKS = 60, 3
RUSH, MOST_GROWTH, MOST_LAG = 200, 60, 100
PROBE_PAUSE = 0.005
SAMPLE_SECONDS = 0.1


async def measure(bench: Bench) -> list[Figure]:
    """Each on a product of its own, which believes the address in a header: every try comes from its own."""
    figures = []
    for part in (_apart, _guesses, _rush):
        async with bench.product({"TRUST_PROXY": "true"}) as server:
            figures += await part(bench, server, (f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}" for n in count(1)))
    return figures


async def _apart(_: Bench, server: MeasuredServer, addresses: Iterator[str]) -> list[Figure]:
    """Medians for an unknown name, a client's, the administrator's and a disabled one, taken in turns. No lock may come
    in between: unknown names differ, known ones sign in after every second failure, two tries take a disabled one."""
    await server.request("POST", "/api/users", {"username": KNOWN, "password": KNOWN_PASSWORD})
    await _add_users(server, "disabled", TRIES // FAILURES_WITHOUT_LOCK, is_active=False)
    times: dict[str, list[float]] = {"unknown": [], "client": [], "admin": [], "disabled": []}
    for number in range(TRIES):
        names = {
            "unknown": f"nobody{number}",
            "client": KNOWN,
            "admin": ADMIN,
            "disabled": f"disabled{number // FAILURES_WITHOUT_LOCK}",
        }
        first = number % len(times)  # whoever comes after a sign-in is not always the same
        for kind in (*list(times)[first:], *list(times)[:first]):
            times[kind].append(await _attempt(server, names[kind], WRONG, next(addresses), 401))
        if number % FAILURES_WITHOUT_LOCK:
            await _attempt(server, KNOWN, KNOWN_PASSWORD, next(addresses), 200)
            await _attempt(server, ADMIN, ADMIN_PASSWORD, next(addresses), 200)
    medians = {kind: median(taken) for kind, taken in times.items()}
    return [
        Figure(
            f"{TRIES * len(times)} wrong sign-ins: medians apart",
            "ms",
            [max(medians.values()) - min(medians.values())],
            Bound(at_most=MOST_APART),
            note=", ".join(f"{kind} {taken:.2f} ms" for kind, taken in medians.items()),
        )
    ]


async def _guesses(_: Bench, server: MeasuredServer, addresses: Iterator[str]) -> list[Figure]:
    """Parallel guesses: what is looked at answers 401, what a lock refuses unseen 429."""
    await server.request("POST", "/api/users", {"username": KNOWN, "password": KNOWN_PASSWORD})
    one_name = [(KNOWN, next(addresses)) for _ in range(GUESSES)]
    one_address = [(f"nobody{number}", "192.0.2.1") for number in range(GUESSES)]
    figures = []
    for name, guesses in (("at one name", one_name), ("from one address", one_address)):
        statuses = await asyncio.gather(*(_status(server, user, WRONG, address) for user, address in guesses))
        others = sorted(set(statuses) - {401, 429})
        figures.append(
            Figure(
                f"{GUESSES} parallel guesses {name}: password checks",
                "",
                [statuses.count(401)],
                Bound(at_most=MOST_CHECKS),
                problem=f"other answers: {others}" if others else "",
            )
        )
    return figures


async def _rush(bench: Bench, server: MeasuredServer, addresses: Iterator[str]) -> list[Figure]:
    """Many people at once, each with a right password; a light GET beside them shows how late the loop is."""
    await _add_users(server, "user", RUSH)
    before = memory(server.measured_pids())
    people = [(f"user{number}", next(addresses)) for number in range(RUSH)]
    began = time.monotonic()
    rush = asyncio.gather(*(_status(server, name, KNOWN_PASSWORD, address) for name, address in people))
    latencies, peak = [], before.rss
    while not rush.done():
        probing = bench.workers.start(probe, server.target, SAMPLE_SECONDS, PROBE_PAUSE)
        peak = max(peak, memory(server.measured_pids()).rss)
        latencies += [taken for _, taken in await probing]
    statuses = await rush
    refused = sorted(set(statuses) - {200})
    problem = f"not all got in: {refused}" if refused else ""
    name = f"{RUSH} parallel sign-ins"
    return [
        Figure(f"{name}: growth", "MB", [peak - before.rss], Bound(at_most=MOST_GROWTH), problem=problem),
        Figure(
            f"{name}: slowest GET meanwhile",
            "ms",
            [max(latencies)],
            Bound(at_most=MOST_LAG),
            note=f"median {median(latencies):.1f} ms of {len(latencies)}, {time.monotonic() - began:.1f} s for all",
            problem=problem,
        ),
    ]


async def _add_users(server: MeasuredServer, name: str, number: int, *, is_active: bool = True) -> None:
    for one in range(number):
        made = await server.request("POST", "/api/users", {"username": f"{name}{one}", "password": KNOWN_PASSWORD})
        if not is_active:
            await server.request("PUT", f"/api/users/{made['id']}", {"is_active": False})


async def _attempt(server: MeasuredServer, username: str, password: str, address: str, expected: int) -> float:
    """Milliseconds of one attempt that must end as expected."""
    start = time.monotonic_ns()
    status = await _status(server, username, password, address)
    taken = (time.monotonic_ns() - start) / 1e6
    if status != expected:
        raise RuntimeError(f"{username}: {status}")
    return taken


async def _status(server: MeasuredServer, username: str, password: str, address: str) -> int:
    answer = await server.client.post(
        "/api/auth/login",
        json={"username": username, "password": password},
        headers={"CF-Connecting-IP": address, "Cookie": ""},
        timeout=httpx.Timeout(120),
    )
    return answer.status_code
