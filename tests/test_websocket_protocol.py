"""uvicorn's WebSockets with our two messages: a plain client sees the same frames, a frozen one is cut off."""

import asyncio
import json
import socket
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from uvicorn.protocols.utils import ClientDisconnected
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from app import websocket_protocol as module
from app.websocket_protocol import BATCHES, text_frames
from tests.support.listening import listening

Endpoint = Callable[[Any, Any, Any], Awaitable[None]]

TEXTS = ["", "a", "ü" * 62, "x" * 125, "x" * 126, "x" * 127, "é" * 40_000, "x" * 65_535, "x" * 65_536, "🚀" * 100_000]


class Stage:
    """A server whose endpoint each test writes."""

    def __init__(self) -> None:
        self.endpoint: Endpoint | None = None
        self.outcome: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.port = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if self.endpoint is None or scope["type"] != "websocket":
            raise RuntimeError("no test asked for this")
        await receive()
        try:
            await self.endpoint(scope, receive, send)
        except BaseException as error:
            self.outcome.set_exception(error)
            raise
        else:
            if not self.outcome.done():
                self.outcome.set_result(None)

    def client(self, **options: Any) -> connect:
        return connect(f"ws://127.0.0.1:{self.port}/", compression=None, proxy=None, max_size=None, **options)

    def frozen_client(self, cookie: str = "") -> socket.socket:
        """A client that never reads what follows the handshake."""
        connection = socket.create_connection(("127.0.0.1", self.port))
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(
            b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            b"Cookie: " + cookie.encode() + b"\r\n\r\n"
        )
        connection.setblocking(False)
        return connection


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    stage = Stage()
    async with listening(stage) as stage.port:
        yield stage


async def fill(send: Any) -> None:
    """Sends until the peer's side is full."""
    try:
        async with asyncio.timeout(0.3):
            while True:
                await send({"type": "websocket.send", "texts": ["x" * 60_000]})
    except TimeoutError:
        pass


async def received(client: ClientConnection) -> list[str | bytes]:
    frames: list[str | bytes] = []
    try:
        async with asyncio.timeout(10):
            while True:
                frames.append(await client.recv())
    except ConnectionClosed:
        return frames


@pytest.mark.parametrize("batched", [True, False])
async def test_a_plain_client_sees_the_same_frames_either_way(batched: bool, stage: Stage) -> None:
    async def endpoint(scope: Any, receive: Any, send: Any) -> None:
        assert BATCHES in scope["extensions"]
        await send({"type": "websocket.accept"})
        if batched:
            await send({"type": "websocket.send", "texts": TEXTS})
        else:
            for text in TEXTS:
                await send({"type": "websocket.send", "text": text})
        await send({"type": "websocket.send", "bytes": b"\0\xff"})
        await send({"type": "websocket.close", "code": 1000})

    stage.endpoint = endpoint
    async with stage.client() as client:
        assert await received(client) == [*TEXTS, b"\0\xff"]
        assert client.close_code == 1000


def test_frames_are_those_of_the_rfc() -> None:
    assert text_frames(["Hello"]) == bytes.fromhex("810548656c6c6f")
    assert text_frames(["x" * 256])[:4] == bytes.fromhex("817e0100")
    assert text_frames(["x" * 65_536])[:10] == bytes.fromhex("817f0000000000010000")
    assert text_frames(["a", "b"]) == text_frames(["a"]) + text_frames(["b"])


async def test_an_empty_batch_waits_until_the_peer_reads(stage: Stage) -> None:
    waited = asyncio.Event()

    async def endpoint(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})
        await fill(send)
        waiting = asyncio.ensure_future(send({"type": "websocket.send", "texts": ()}))
        await asyncio.sleep(0.1)
        assert not waiting.done()
        waited.set()
        await waiting
        await send({"type": "websocket.close"})

    stage.endpoint = endpoint
    async with stage.client(max_queue=1) as client:
        await waited.wait()
        assert set(await received(client)) == {"x" * 60_000}
    await stage.outcome


async def test_an_abort_ends_a_frozen_client_at_once(stage: Stage) -> None:
    took: list[float] = []

    async def endpoint(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})
        await fill(send)
        began = time.monotonic()
        await send({"type": "toru.abort"})
        assert (await receive())["type"] == "websocket.disconnect"
        took.append(time.monotonic() - began)
        await send({"type": "toru.abort"})  # again does no harm

    stage.endpoint = endpoint
    with stage.frozen_client():
        await stage.outcome
    assert took[0] < 0.2


async def test_batches_to_a_peer_that_left_say_so(stage: Stage) -> None:
    async def endpoint(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})
        assert (await receive())["type"] == "websocket.disconnect"
        with pytest.raises(ClientDisconnected):
            await send({"type": "websocket.send", "texts": ["x"]})

    stage.endpoint = endpoint
    async with stage.client():
        pass
    await stage.outcome


async def test_a_frozen_client_does_not_hold_up_the_end_of_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SHUTDOWN_SECONDS", 0.3)
    stage = Stage()
    ready = asyncio.Event()

    async def endpoint(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})
        await fill(send)
        ready.set()
        assert (await receive())["type"] == "websocket.disconnect"

    stage.endpoint = endpoint
    async with listening(stage) as stage.port:
        frozen = stage.frozen_client()
        await ready.wait()
        began = time.monotonic()
    assert time.monotonic() - began < 2
    frozen.close()


async def test_an_answer_instead_of_a_handshake_is_no_mistake(stage: Stage) -> None:
    async def endpoint(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.http.response.start", "status": 401, "headers": [(b"x-a", b"b")]})
        await send({"type": "websocket.http.response.body", "body": b'{"error": "No."}'})

    stage.endpoint = endpoint
    with pytest.raises(InvalidStatus) as refused:
        async with stage.client():
            pass
    assert refused.value.response.status_code == 401
    assert refused.value.response.headers["x-a"] == "b"
    assert json.loads(refused.value.response.body or b"") == {"error": "No."}


@pytest.mark.parametrize(
    "header", [b"Cookie: " + b"a" * 10_000, b"X: y\r\n" * 98 + b"X: y", b"Sec-WebSocket-Version: 12"]
)
async def test_a_handshake_that_the_library_gives_up_is_answered(header: bytes, stage: Stage) -> None:
    async def endpoint(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.close"})

    stage.endpoint = endpoint
    reader, writer = await asyncio.open_connection("127.0.0.1", stage.port)
    writer.write(
        b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" + header + b"\r\n\r\n"
    )
    async with asyncio.timeout(3):
        assert (await reader.read()).startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 403 ", b"HTTP/1.1 431 "))
    writer.close()


@pytest.mark.fault("A53")
async def test_a_message_above_one_mebibyte_closes_the_socket(stage: Stage) -> None:
    async def endpoint(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})
        assert len((await receive())["text"]) == 1 << 20
        await send({"type": "websocket.send", "text": "read"})
        assert (await receive())["type"] == "websocket.disconnect"

    stage.endpoint = endpoint
    async with stage.client() as client:
        await client.send("x" * (1 << 20))
        assert await client.recv() == "read"
        await client.send("x" * ((1 << 20) + 1))
        await client.wait_closed()
        assert client.close_code == 1009
    await stage.outcome


@pytest.mark.fault("A54")
async def test_compression_is_not_offered_so_there_is_no_bomb(stage: Stage) -> None:
    async def endpoint(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})
        await receive()

    stage.endpoint = endpoint
    async with connect(f"ws://127.0.0.1:{stage.port}/", compression="deflate", proxy=None) as client:
        assert client.response is not None
        assert "Sec-WebSocket-Extensions" not in client.response.headers


async def test_a_peer_that_answers_no_ping_is_cut_off(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = asyncio.Event()

    async def endpoint(scope: Any, receive: Any, send: Any) -> None:
        protocol = send.__self__
        protocol.ping_interval, protocol.ping_timeout = 0.1, 0.3
        await send({"type": "websocket.accept"})
        assert (await receive())["type"] == "websocket.disconnect"
        ended.set()

    stage.endpoint = endpoint
    with stage.frozen_client() as frozen:
        frozen.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        async with asyncio.timeout(3):
            await ended.wait()


async def test_a_text_that_is_no_utf8_closes_the_socket_and_is_no_error_of_ours(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    async def endpoint(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})
        while (await receive())["type"] != "websocket.disconnect":
            pass

    stage.endpoint = endpoint
    async with stage.client() as client:
        await client.send(b"\xff\xfe", text=True)
        await client.wait_closed()
        assert client.close_code == 1007
    assert caplog.records == []
