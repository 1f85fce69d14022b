"""How soon the end of a session or token reaches the sockets that it opened, while many others stay open."""

import asyncio
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass

import httpx
from websockets.asyncio.client import ClientConnection, connect

from tests.bench.bench import Bench, MeasuredServer
from tests.bench.figures import Bound, Figure, percentile

PEOPLE = 5
EACH = 10
"""Sessions, and tokens, of everybody: nobody may change more than 60 things of the own account a minute, and from one
address there are at most 60 sign-ins."""

PASSWORD = "Bench-Mark-2"
PATHS = ("/api/ws", "/api/ws/monitor")
MOST_MILLISECONDS = 1000


@dataclass(frozen=True, slots=True)
class Opened:
    """A socket, and how what it was opened with is ended: by a request of whom, to which address."""

    by: httpx.AsyncClient
    path: str
    socket: ClientConnection


async def measure(bench: Bench) -> list[Figure]:
    """Half of the credentials are sessions, half tokens; each has a socket, and ends while the others' stay."""
    async with bench.product() as server, AsyncExitStack() as stack:
        people = [await _person(server, stack, f"bench{number}") for number in range(PEOPLE)]
        opened = {
            "sessions": [one for name, client in people for one in await _sessions(server, stack, name, client)],
            "tokens": [one for _, client in people for one in await _tokens(server, stack, client)],
        }
        delays = {kind: [await _until_closed(one) for one in all_of] for kind, all_of in opened.items()}
    taken = [delay for kind in delays.values() for delay in kind]
    return [
        Figure(
            f"revocation to the end of its socket, of {len(taken)}: p99",
            "ms",
            [percentile(taken, 99)],
            Bound(at_most=MOST_MILLISECONDS),
            note=", ".join(f"{kind}: p50 {percentile(of, 50):.1f}" for kind, of in delays.items()),
        )
    ]


async def _person(server: MeasuredServer, stack: AsyncExitStack, name: str) -> tuple[str, httpx.AsyncClient]:
    """A new user, and the session in which it changes its account."""
    await server.request("POST", "/api/users", {"username": name, "password": PASSWORD})
    return name, await _signed_in(server, stack, name)


async def _signed_in(server: MeasuredServer, stack: AsyncExitStack, name: str) -> httpx.AsyncClient:
    client = await stack.enter_async_context(httpx.AsyncClient(base_url=server.url, timeout=30, trust_env=False))
    answer = await client.post("/api/auth/login", json={"username": name, "password": PASSWORD})
    answer.raise_for_status()
    return client


async def _sessions(server: MeasuredServer, stack: AsyncExitStack, name: str, by: httpx.AsyncClient) -> list[Opened]:
    opened = []
    for number in range(EACH):
        client = await _signed_in(server, stack, name)
        (own,) = [one for one in (await client.get("/api/me/sessions")).json() if one["current"]]
        headers = {"Cookie": f"session_id={client.cookies['session_id']}"}
        opened.append(Opened(by, f"/api/me/sessions/{own['id']}", await _open(server, stack, number, headers)))
    return opened


async def _tokens(server: MeasuredServer, stack: AsyncExitStack, by: httpx.AsyncClient) -> list[Opened]:
    opened = []
    for number in range(EACH):
        answer = await by.post("/api/tokens", json={"name": f"bench {number}", "scopes": ["read"]})
        made = answer.raise_for_status().json()
        headers = {"Authorization": f"Bearer {made['token']}"}
        opened.append(Opened(by, f"/api/tokens/{made['id']}", await _open(server, stack, number, headers)))
    return opened


async def _open(
    server: MeasuredServer, stack: AsyncExitStack, number: int, headers: dict[str, str]
) -> ClientConnection:
    address = f"ws://127.0.0.1:{server.port}{PATHS[number % len(PATHS)]}"
    connecting = connect(address, additional_headers=headers, compression=None, proxy=None, max_queue=None)
    return await stack.enter_async_context(connecting)


async def _until_closed(one: Opened) -> float:
    """Milliseconds from the request to the close frame."""
    closed = asyncio.ensure_future(one.socket.wait_closed())
    start = time.monotonic_ns()
    (await one.by.delete(one.path)).raise_for_status()
    await closed
    return (time.monotonic_ns() - start) / 1e6
