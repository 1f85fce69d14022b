"""How soon the end of a session or token reaches the sockets that it opened, while many others stay open."""

import asyncio
import time
from contextlib import AsyncExitStack
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect

from tests.bench.bench import Bench, MeasuredServer
from tests.bench.figures import Bound, Figure, percentile
from tests.support.server import ADMIN, ADMIN_PASSWORD

EACH = 50
PATHS = ("/api/ws", "/api/ws/monitor")
MOST_MILLISECONDS = 1000


async def measure(bench: Bench) -> list[Figure]:
    """Half of the credentials are sessions, half tokens; each has a socket, and ends while the others' stay."""
    async with bench.product() as server, AsyncExitStack() as sockets:
        delays = {"sessions": await _sessions(server, sockets), "tokens": await _tokens(server, sockets)}
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


async def _sessions(server: MeasuredServer, sockets: AsyncExitStack) -> list[float]:
    opened: dict[str, ClientConnection] = {}
    for number in range(EACH):
        async with httpx.AsyncClient(base_url=server.url, timeout=30, trust_env=False) as client:
            answer = await client.post("/api/auth/login", json={"username": ADMIN, "password": ADMIN_PASSWORD})
            cookie = f"session_id={answer.cookies['session_id']}"
            (own,) = [one for one in (await client.get("/api/me/sessions")).json() if one["current"]]
        opened[f"/api/me/sessions/{own['id']}"] = await _open(server, sockets, number, {"Cookie": cookie})
    return [await _until_closed(server, path, socket) for path, socket in opened.items()]


async def _tokens(server: MeasuredServer, sockets: AsyncExitStack) -> list[float]:
    opened: dict[str, ClientConnection] = {}
    for number in range(EACH):
        made: Any = await server.request("POST", "/api/tokens", {"name": f"bench {number}", "scopes": ["read"]})
        headers = {"Authorization": f"Bearer {made['token']}"}
        opened[f"/api/tokens/{made['id']}"] = await _open(server, sockets, number, headers)
    return [await _until_closed(server, path, socket) for path, socket in opened.items()]


async def _open(
    server: MeasuredServer, sockets: AsyncExitStack, number: int, headers: dict[str, str]
) -> ClientConnection:
    address = f"ws://127.0.0.1:{server.port}{PATHS[number % len(PATHS)]}"
    connecting = connect(address, additional_headers=headers, compression=None, proxy=None, max_queue=None)
    return await sockets.enter_async_context(connecting)


async def _until_closed(server: MeasuredServer, path: str, socket: ClientConnection) -> float:
    """Milliseconds from the request to the close frame."""
    closed = asyncio.ensure_future(socket.wait_closed())
    start = time.monotonic_ns()
    await server.request("DELETE", path)
    await closed
    return (time.monotonic_ns() - start) / 1e6
