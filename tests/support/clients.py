"""Automation's side of a test: signed-in HTTP clients and WebSockets that speak JSON."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect

from tests.support.server import ADMIN, ADMIN_PASSWORD, Server

CLIENT = "carla"
CLIENT_PASSWORD = "Battery-Staple-8"
SECONDS = 30


def http_client(server: Server, cookies: dict[str, str] | None = None) -> httpx.AsyncClient:
    """A client of the server that follows no redirect and takes no proxy from the environment.

    It speaks plain HTTP: without `verify=False` it would read the certificates of the world, which takes longer than
    most tests.
    """
    return httpx.AsyncClient(base_url=server.url, cookies=cookies, timeout=SECONDS, trust_env=False, verify=False)


async def sign_in(server: Server, username: str = ADMIN, password: str = ADMIN_PASSWORD) -> httpx.AsyncClient:
    """A client with a session of its own; the caller closes it."""
    async with http_client(server) as stranger:
        answer = await stranger.post("/api/auth/login", json={"username": username, "password": password})
    if answer.status_code != 200:
        raise AssertionError(f"{username} could not sign in: {answer.status_code} {answer.text}")
    return http_client(server, dict(answer.cookies))


async def session_cookies(server: Server, username: str = ADMIN) -> dict[str, str]:
    """Cookies of a session that the tests of one server share, from a real sign-in: each costs an Argon2 check."""
    if username not in server.cookies:
        if username == CLIENT:
            await _add_client(server)
        async with await sign_in(server, username, _password_of(username)) as client:
            server.cookies[username] = dict(client.cookies)
    return server.cookies[username]


def _password_of(username: str) -> str:
    return CLIENT_PASSWORD if username == CLIENT else ADMIN_PASSWORD


async def _add_client(server: Server) -> None:
    async with http_client(server, await session_cookies(server)) as admin:
        answer = await admin.post(
            "/api/users", json={"username": CLIENT, "password": CLIENT_PASSWORD, "display_name": "Carla Client"}
        )
        if answer.status_code not in (200, 409):  # 409: after a restart it is there already
            raise AssertionError(f"{CLIENT} could not be made: {answer.status_code} {answer.text}")


class JsonSocket:
    """A WebSocket whose text frames are JSON; binary frames come as bytes."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def send(self, message: dict[str, Any] | bytes) -> None:
        """Sends a message as JSON, or bytes as they are."""
        await self.connection.send(message if isinstance(message, bytes) else json.dumps(message))

    async def receive(self, seconds: float = SECONDS) -> Any:
        """The next message."""
        frame = await asyncio.wait_for(self.connection.recv(), seconds)
        return frame if isinstance(frame, bytes) else json.loads(frame)

    async def until(self, kind: str, seconds: float = SECONDS) -> list[dict[str, Any]]:
        """Messages up to the first with this `type`, that one included."""
        messages: list[dict[str, Any]] = []
        async with asyncio.timeout(seconds):
            while not messages or messages[-1]["type"] != kind:
                messages.append(json.loads(await self.connection.recv()))
        return messages


@asynccontextmanager
async def open_socket(
    client: httpx.AsyncClient, path: str, origin: str | None = "same", headers: Mapping[str, str] | None = None
) -> AsyncIterator[JsonSocket]:
    """A WebSocket with the client's cookies. `origin` is the page's; "same" is the server's own, None sends none."""
    base = str(client.base_url).rstrip("/")
    cookies = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    told = {"Cookie": cookies} if cookies else {}
    if origin is not None:
        told["Origin"] = base if origin == "same" else origin
    address = base.replace("http", "ws", 1) + path
    told |= headers or {}
    async with connect(
        address, additional_headers=told, max_size=None, compression=None, proxy=None, user_agent_header=None
    ) as connection:
        yield JsonSocket(connection)
