"""Answers that come in many pieces end with the session or token that asked for them; those in one piece do not."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import psutil
import pytest
from starlette.responses import PlainTextResponse, StreamingResponse

from app import revocation as module
from app.auth.registry import SessionRegistry
from app.revocation import serve_http_until_revoked
from tests.support.listening import listening
from tests.support.waiting import eventually

KEY = "a session or token"
CUT_OFF = (httpx.NetworkError, httpx.RemoteProtocolError)  # but no timeout


class Streams:
    """A server whose every request came with the same credential."""

    def __init__(self) -> None:
        self.registry = SessionRegistry()
        self.port = 0
        self.ended = asyncio.Event()
        self.go_on = asyncio.Event()
        self.pieces = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await serve_http_until_revoked(self.inside, self.registry, KEY, scope, receive, send)

    async def inside(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] in ("/late", "/late-stream"):
            await self.go_on.wait()
        stream = STREAMS.get(scope["path"])
        answer = StreamingResponse(stream(self)) if stream else PlainTextResponse("all of it")
        try:
            await answer(scope, receive, send)
        finally:
            self.ended.set()

    async def endless(self) -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 65536
            self.pieces += 1
            await asyncio.sleep(0)

    async def silent(self) -> AsyncIterator[bytes]:
        yield b"hi"
        await asyncio.Event().wait()

    async def mute(self) -> AsyncIterator[bytes]:
        await asyncio.Event().wait()
        yield b"never"

    def held(self) -> int:
        """Connections that the server (this process) still holds."""
        return sum(c.laddr.port == self.port and bool(c.raddr) for c in psutil.Process().net_connections("tcp"))

    async def until_stuck(self) -> None:
        """Returns when all that lies between the two is full: for a moment no piece has gone out."""
        before = 0
        while self.pieces == 0 or self.pieces != before:
            before = self.pieces
            await asyncio.sleep(0.05)


STREAMS: dict[str, Callable[[Streams], AsyncIterator[bytes]]] = {
    "/endless": Streams.endless,
    "/silent": Streams.silent,
    "/mute": Streams.mute,
    "/late-stream": Streams.silent,
}


@pytest.fixture
async def streams() -> AsyncIterator[Streams]:
    streams = Streams()
    async with listening(streams) as streams.port:
        yield streams


@pytest.fixture
async def client(streams: Streams) -> AsyncIterator[httpx.AsyncClient]:
    base = f"http://127.0.0.1:{streams.port}"
    async with httpx.AsyncClient(base_url=base, trust_env=False, verify=False, timeout=10) as client:
        yield client


@pytest.mark.parametrize("path", ["/endless", "/silent", "/mute"])
async def test_a_stream_is_cut_off_within_a_second(path: str, streams: Streams, client: httpx.AsyncClient) -> None:
    async with client.stream("GET", path) as answer:
        parts = answer.aiter_raw()
        began = time.monotonic()
        streams.registry.revoke(KEY)
        with pytest.raises(CUT_OFF):
            await _read(parts)
        assert time.monotonic() - began < 1
    async with asyncio.timeout(1):
        await streams.ended.wait()


async def test_a_frozen_reader_is_cut_off_within_a_second(streams: Streams) -> None:
    with socket.create_connection(("127.0.0.1", streams.port)) as frozen:
        frozen.sendall(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
        await eventually(streams.held)
        await streams.until_stuck()
        streams.registry.revoke(KEY)
        assert await asyncio.wait_for(streams.ended.wait(), 1)
        await eventually(lambda: not streams.held(), seconds=1)


async def test_an_answer_in_one_piece_is_let_through_however_late(
    streams: Streams, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = await _asked_too_late("/late", streams, client, monkeypatch)
    assert (await asked).text == "all of it"


async def test_a_stream_that_begins_after_the_end_goes_nowhere(
    streams: Streams, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = await _asked_too_late("/late-stream", streams, client, monkeypatch)
    with pytest.raises(CUT_OFF):
        await asked
    await streams.ended.wait()


async def test_nothing_is_left_behind(streams: Streams, client: httpx.AsyncClient) -> None:
    for _ in range(3):
        assert (await client.get("/")).text == "all of it"
    assert streams.registry._closers == {}


async def _read(parts: AsyncIterator[bytes]) -> None:
    """Reads to the end."""
    async with asyncio.timeout(5):
        async for _ in parts:
            pass


async def _asked_too_late(
    path: str, streams: Streams, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> asyncio.Task[httpx.Response]:
    """A request whose credential has ended, and the moment of grace too, before its answer begins."""
    monkeypatch.setattr(module, "ABORT_SECONDS", 0.01)
    asked = asyncio.create_task(client.get(path))
    await eventually(lambda: streams.registry._closers)
    streams.registry.revoke(KEY)
    await asyncio.sleep(0.05)  # longer than the grace
    streams.go_on.set()
    return asked
