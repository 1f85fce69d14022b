"""One WebSocket's life: its work, its end, and the end of its session, over a real connection through the gate."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import psutil
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from app.guard import Guard
from app.sockets import incoming, serve_socket
from tests.auth.conftest import door
from tests.auth.support import Door
from tests.support.listening import listening
from tests.test_websocket_protocol import Stage, fill

__all__ = ["door"]


class Served(Stage):
    """A stage behind the gate, whose endpoint is served by `serve_socket`."""

    def __init__(self, door: Door) -> None:
        super().__init__()
        self.services = door.services()
        self.guard = Guard(self.inside, self.services, lambda _: None)
        self.cookie = ""
        self.tell_expired = False
        self.code = 1000

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.guard(scope, receive, send)

    async def inside(self, scope: Any, receive: Any, send: Any) -> None:
        scope["app"] = type("App", (), {"state": type("State", (), {"services": self.services})})

        async def work() -> None:
            try:
                await self.endpoint(scope, receive, send)  # type: ignore[misc]
            except asyncio.CancelledError:
                self.outcome.set_result("cancelled")
                raise
            else:
                self.outcome.set_result("returned")

        await serve_socket(scope, receive, send, work, tell_expired=self.tell_expired, code=self.code)

    def client(self, **options: Any) -> connect:
        return super().client(additional_headers={"Cookie": self.cookie}, **options)


@pytest.fixture
async def served(door: Door) -> AsyncIterator[Served]:
    stage = Served(door)
    async with listening(stage) as stage.port:
        yield stage


async def echo(scope: Any, receive: Any, send: Any) -> None:
    while (message := await incoming(receive)) is not None:
        await send({"type": "websocket.send", "text": message["text"]})


async def sign_in(door: Door, served: Served) -> str:
    signed_in = await door.enter()
    served.cookie = f"session_id={signed_in.token}"
    return signed_in.session.id


async def test_work_that_returns_closes_with_its_code(door: Door, served: Served) -> None:
    async def endpoint(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.send", "text": "bye"})

    await sign_in(door, served)
    served.endpoint, served.code = endpoint, 4000
    async with served.client() as client:
        assert await client.recv() == "bye"
        await client.wait_closed()
        assert client.close_code == 4000


async def test_a_peer_that_leaves_ends_the_work_and_leaves_nothing_behind(door: Door, served: Served) -> None:
    await sign_in(door, served)
    served.endpoint = echo
    async with served.client() as client:
        await client.send("hello")
        assert await client.recv() == "hello"
    assert await served.outcome == "returned"
    async with asyncio.timeout(2):
        while door.registry._closers:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("tell_expired", [True, False])
async def test_a_session_that_ends_closes_the_socket_with_4401(tell_expired: bool, door: Door, served: Served) -> None:
    session_id = await sign_in(door, served)
    served.endpoint, served.tell_expired = echo, tell_expired
    async with served.client() as client:
        await client.send("hello")
        assert await client.recv() == "hello"
        began = time.monotonic()
        await door.auth.sign_out(session_id)
        if tell_expired:
            assert json.loads(await client.recv()) == {"type": "error", "data": "Session expired"}
        with pytest.raises(ConnectionClosed):
            await client.recv()
        assert time.monotonic() - began < 1
        assert client.close_code == 4401
    assert await served.outcome == "cancelled"


async def test_a_frozen_client_is_cut_off_within_a_second(door: Door, served: Served) -> None:
    full = asyncio.Event()

    async def endpoint(scope: Any, receive: Any, send: Any) -> None:
        await fill(send)
        full.set()
        await asyncio.Event().wait()

    session_id = await sign_in(door, served)
    served.endpoint, served.tell_expired = endpoint, True
    with served.frozen_client(cookie=served.cookie):
        await full.wait()
        assert held_by_server(served.port) == 1
        await door.auth.sign_out(session_id)
        async with asyncio.timeout(1):
            while held_by_server(served.port):
                await asyncio.sleep(0.02)


def held_by_server(port: int) -> int:
    """Connections that the server (this process) still holds; a closed one may live on in the kernel."""
    return sum(c.laddr.port == port and bool(c.raddr) for c in psutil.Process().net_connections("tcp"))


async def test_a_session_that_ended_during_the_handshake_serves_nothing(
    door: Door, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def endpoint(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.send", "text": "secret"})

    session_id = await sign_in(door, served)
    served.endpoint = endpoint
    inside = served.inside

    async def late(scope: Any, receive: Any, send: Any) -> None:
        await door.auth.sign_out(session_id)
        await inside(scope, receive, send)

    served.guard = Guard(late, served.services, lambda _: None)
    async with served.client() as client:
        with pytest.raises(ConnectionClosed):
            await client.recv()
        assert client.close_code == 4401


@pytest.mark.allows_errors("Exception in ASGI application")
async def test_a_mistake_in_the_work_is_logged_and_closes_the_socket(door: Door, served: Served) -> None:
    async def endpoint(scope: Any, receive: Any, send: Any) -> None:
        raise ValueError("a mistake")

    await sign_in(door, served)
    served.endpoint = endpoint
    async with served.client() as client:
        with pytest.raises(ConnectionClosed):
            await client.recv()
