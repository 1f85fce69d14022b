"""The head of a request: how large it may be, how slowly it may come, and what becomes of a body that nobody wants."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from app import http_protocol as module
from tests.support.listening import listening

GET = b"GET /hello HTTP/1.1\r\nHost: x\r\n"


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Answers with the path; `/slow` takes its time, `/refuse` reads nothing, `/read` reads everything."""
    if scope["path"] == "/slow":
        await asyncio.sleep(0.6)
    size = 0
    while scope["path"] == "/read":
        message = await receive()
        size += len(message.get("body", b""))
        if not message.get("more_body"):
            break
    body = f"{scope['path']} {size}".encode()
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture(scope="module")
async def port() -> AsyncIterator[int]:
    async with listening(application) as port:
        yield port


class Peer:
    """A TCP connection to the server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def say(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def hear(self) -> bytes:
        """Everything until the server closes."""
        async with asyncio.timeout(10):
            return await self.reader.read()

    async def answer(self) -> bytes:
        """One answer with a body."""
        async with asyncio.timeout(10):
            head = await self.reader.readuntil(b"\r\n\r\n")
            length = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
            return head + await self.reader.readexactly(int(length.split(b":")[1]))


@pytest.fixture
async def peer(port: int) -> AsyncIterator[Peer]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    yield Peer(reader, writer)
    writer.close()


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Times that fit into a test; must come before `peer`."""
    monkeypatch.setattr(module, "IDLE_SECONDS", 0.4)
    monkeypatch.setattr(module, "HEAD_SECONDS", 0.4)
    monkeypatch.setattr(module, "LINGER_SECONDS", 0.4)


async def test_requests_follow_each_other_on_one_connection(peer: Peer) -> None:
    for _ in range(3):
        await peer.say(GET + b"\r\n")
        assert (await peer.answer()).endswith(b"/hello 0")


async def test_requests_that_do_not_wait_for_answers_are_all_answered(peer: Peer) -> None:
    await peer.say((GET + b"\r\n") * 50)
    for _ in range(50):
        assert (await peer.answer()).endswith(b"/hello 0")


@pytest.mark.fault("A51")
@pytest.mark.parametrize(
    "head",
    [
        GET + b"X: y\r\n" * 10_000 + b"\r\n",
        GET + b"X: y\r\n" * 101 + b"\r\n",
        GET + b"X: " + b"y" * 70_000 + b"\r\n\r\n",
        GET + b"X: " + b"y" * 200_000,
        GET + b"y" * 200_000,
        b"GET /" + b"y" * 70_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"G" * 200_000,
    ],
)
async def test_a_head_that_is_too_large_is_refused(head: bytes, peer: Peer) -> None:
    await peer.say(head)
    told = await peer.hear()
    assert told.startswith((b"HTTP/1.1 431 ", b"HTTP/1.1 400 "))
    assert told.count(b"HTTP/1.1") == 1


async def test_a_head_within_the_limits_passes(peer: Peer) -> None:
    await peer.say(GET + b"X: y\r\n" * 98 + b"Y: " + b"y" * 60_000 + b"\r\n\r\n")
    assert (await peer.answer()).startswith(b"HTTP/1.1 200")
    await peer.say(GET + b"X: y\r\n" * 98 + b"Y: " + b"y" * 60_000 + b"\r\n\r\n")
    assert (await peer.answer()).startswith(b"HTTP/1.1 200"), "each request has its own"


@pytest.mark.parametrize(
    "junk", [b"\x16\x03\x01\x02\x00\x01\xfc", b"GET \xff HTTP/1.1\r\n\r\n", b"GET http://x HTTP/1.1\r\n\r\n"]
)
async def test_what_is_no_request_is_told_so(junk: bytes, peer: Peer) -> None:
    await peer.say(junk)
    assert (await peer.hear()).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    "coding", ["identity", "x", "gzip, chunked", "chunked, identity", "chunked\r\nTransfer-Encoding: chunked"]
)
async def test_a_body_in_an_unknown_coding_is_refused(coding: str, peer: Peer) -> None:
    await peer.say(f"POST /read HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: {coding}\r\n\r\n0\r\n\r\n".encode())
    told = await peer.hear()
    assert told.startswith((b"HTTP/1.1 501 ", b"HTTP/1.1 400 "))
    assert b'{"error": "' in told
    assert told.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize("chunks", [b"zz\r\n", b"3\r\nabcd\r\n", b"1\r\na\r\n-1\r\n", b"1;\0\r\n"])
@pytest.mark.parametrize("together", [True, False])
async def test_broken_chunks_are_told_so(chunks: bytes, together: bool, peer: Peer) -> None:
    head = b"POST /read HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    for data in [head + chunks] if together else [head, chunks]:
        await peer.say(data)
        await asyncio.sleep(0.05)
    told = await peer.hear()
    assert told.startswith(b"HTTP/1.1 400 ")
    assert b'{"error": "' in told
    assert told.count(b"HTTP/1.1") == 1


async def test_whole_chunks_pass(peer: Peer) -> None:
    await peer.say(b"POST /read HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
    assert (await peer.answer()).endswith(b"/read 3")


async def test_whoever_keeps_a_connection_for_later_closes_it_before_we_do(
    peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop, delays = asyncio.get_running_loop(), list[float]()
    call_later = loop.call_later

    def noted(delay: float, callback: Any, *args: Any, **kwargs: Any) -> asyncio.TimerHandle:
        if getattr(callback, "__name__", "") == "timeout_keep_alive_handler":
            delays.append(delay)
        return call_later(delay, callback, *args, **kwargs)

    monkeypatch.setattr(loop, "call_later", noted)
    await peer.say(GET + b"\r\n")
    await peer.answer()
    caddy = 120  # https://caddyserver.com/docs/caddyfile/directives/reverse_proxy: keepalive, the longest we know
    assert len(delays) == 1
    assert delays[0] > caddy


@pytest.mark.usefixtures("hurried")
class TestTimes:
    """Whoever is slow on purpose."""

    @pytest.mark.fault("A51")
    async def test_a_head_that_never_ends(self, peer: Peer) -> None:
        began = time.monotonic()
        await peer.say(GET)
        assert (await peer.hear()).startswith(b"HTTP/1.1 408 ")
        assert 0.3 < time.monotonic() - began < 2

    @pytest.mark.fault("A51")
    async def test_a_head_that_trickles(self, peer: Peer) -> None:
        async def trickle() -> None:
            for _ in range(100):
                await peer.say(b"X: y\r\n")
                await asyncio.sleep(0.05)

        await peer.say(GET)
        trickling = asyncio.create_task(trickle())
        assert (await peer.reader.read(100)).startswith(b"HTTP/1.1 408 ")
        trickling.cancel()

    async def test_a_connection_that_says_nothing_is_closed_without_a_word(self, peer: Peer) -> None:
        assert await peer.hear() == b""

    async def test_a_second_request_that_never_ends(self, peer: Peer) -> None:
        await peer.say(GET + b"\r\n")
        await peer.answer()
        await peer.say(GET)
        assert (await peer.hear()).startswith(b"HTTP/1.1 408 ")

    async def test_an_answer_may_take_longer_than_a_head(self, peer: Peer) -> None:
        await peer.say(GET.replace(b"hello", b"slow") + b"\r\n\r\n")  # and a stray line end
        assert (await peer.answer()).endswith(b"/slow 0")

    async def test_a_body_may_take_longer_than_a_head(self, peer: Peer) -> None:
        await peer.say(b"POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\n")
        for piece in (b"ab", b"cd", b"ef"):
            await asyncio.sleep(0.25)
            await peer.say(piece)
        assert (await peer.answer()).endswith(b"/read 6")

    async def test_a_body_that_nobody_wants_is_taken_in_for_a_moment(self, peer: Peer) -> None:
        await peer.say(b"POST /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n" + b"x" * 1000)
        assert (await peer.answer()).endswith(b"/refuse 0")
        await peer.say(b"x" * 1_000_000)
        began = time.monotonic()
        assert await peer.hear() == b""
        assert time.monotonic() - began < 2

    async def test_the_connection_goes_on_when_such_a_body_ends_in_time(self, peer: Peer) -> None:
        await peer.say(b"POST /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab")
        assert (await peer.answer()).endswith(b"/refuse 0")
        await peer.say(b"cde")
        await asyncio.sleep(0.6)
        await peer.say(GET + b"\r\n")
        assert (await peer.answer()).endswith(b"/hello 0")


async def test_who_connects_in_the_last_moment_does_not_hold_up_the_end() -> None:
    with socket.socket() as late:
        async with listening(application) as port:
            late.connect(("127.0.0.1", port))
            time.sleep(0.15)  # the loop stands still: it takes up who connected in the turn in which it begins to end
            began = time.monotonic()
        assert time.monotonic() - began < 2  # without it: the five that requests have to end
        assert late.recv(1) == b""
