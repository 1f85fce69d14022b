"""Whether the time of a refusal tells which names exist: 200 wrong sign-ins, taken in turns."""

import time
from statistics import median

from tests.bench.bench import Bench, MeasuredServer
from tests.bench.figures import Bound, Figure
from tests.support.server import ADMIN, ADMIN_PASSWORD

TRIES = 67
KNOWN, KNOWN_PASSWORD = "carla", "Battery-Staple-8"
MOST_APART = 1.1


async def measure(bench: Bench) -> list[Figure]:
    """Medians for an unknown name, a client's and the administrator's. No lock may come in between: each try has an
    address of its own, unknown names differ, and known ones sign in after every second failure."""
    async with bench.product({"TRUST_PROXY": "true"}) as server:
        await server.request("POST", "/api/users", {"username": KNOWN, "password": KNOWN_PASSWORD})
        times: dict[str, list[float]] = {"unknown": [], KNOWN: [], ADMIN: []}
        address = iter(range(1, 1 << 20))
        for number in range(TRIES):
            for name, taken in times.items():
                username = f"nobody{number}" if name == "unknown" else name
                taken.append(await _attempt(server, username, "Wrong-Horse-1", next(address), 401))
            if number % 2:
                await _attempt(server, KNOWN, KNOWN_PASSWORD, next(address), 200)
                await _attempt(server, ADMIN, ADMIN_PASSWORD, next(address), 200)
    medians = {name: median(taken) for name, taken in times.items()}
    return [
        Figure(
            "wrong sign-ins: slowest median / fastest",
            "",
            [max(medians.values()) / min(medians.values())],
            Bound(at_most=MOST_APART),
            note=", ".join(f"{name} {taken:.2f} ms" for name, taken in medians.items()),
        )
    ]


async def _attempt(server: MeasuredServer, username: str, password: str, address: int, expected: int) -> float:
    """Milliseconds of one attempt that must end as expected."""
    start = time.monotonic_ns()
    answer = await server.client.post(
        "/api/auth/login",
        json={"username": username, "password": password},
        headers={"CF-Connecting-IP": f"10.{address >> 16}.{address >> 8 & 255}.{address & 255}", "Cookie": ""},
    )
    taken = (time.monotonic_ns() - start) / 1e6
    if answer.status_code != expected:
        raise RuntimeError(f"{username}: {answer.status_code} {answer.text}")
    return taken
