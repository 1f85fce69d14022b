"""A connection to a plugin: whole frames in one piece, no more memory than frames that are allowed, and pauses."""

import asyncio
import json
import os
import socket
import time
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from app.core.framing import FrameTooLarge, Message
from app.core.unix_socket import NotOurs
from app.plugins.channel import Channel, connect, connect_when_there, encode
from app.plugins.frames import SKIPPED_FRAME
from app.plugins.wire import MAX_FRAME
from tests.support.waiting import eventually


class Transport(asyncio.Transport):
    """Remembers what was done with it."""

    def __init__(self) -> None:
        super().__init__()
        self.done: list[Any] = []
        self.closing = False

    def write(self, data: Any) -> None:
        self.done.append(bytes(data))

    def pause_reading(self) -> None:
        self.done.append("pause")

    def resume_reading(self) -> None:
        self.done.append("resume")

    def is_closing(self) -> bool:
        return self.closing

    def abort(self) -> None:
        self.closing = True
        self.done.append("abort")


class Heard:
    def __init__(self, seconds: float = 0) -> None:
        self.messages: list[Message] = []
        self.lost: list[str] = []
        self.transport = Transport()
        self._seconds = seconds
        self.channel = Channel(self.hear, self.lost.append)
        self.channel.connection_made(self.transport)

    def hear(self, message: Message) -> None:
        self.messages.append(message)
        until = time.perf_counter() + self._seconds
        while time.perf_counter() < until:
            pass


def frame(message: object) -> bytes:
    body = json.dumps(message).encode()
    return len(body).to_bytes(4, "big") + body


def test_a_frame_is_one_piece_and_has_a_time() -> None:
    data = encode("http", {"ü": 1}, "r")
    message = json.loads(data[4:])
    assert int.from_bytes(data[:4], "big") == len(data) - 4
    assert message["timestamp"].endswith("Z")
    assert {**message, "timestamp": ""} == {"type": "http", "timestamp": "", "request_id": "r", "payload": {"ü": 1}}
    with pytest.raises(FrameTooLarge):
        encode("http", "x" * MAX_FRAME)


async def test_messages_are_heard_in_order_however_they_are_cut() -> None:
    heard = Heard()
    stream = b"".join(frame({"n": number}) for number in range(5))
    for start in range(0, len(stream), 3):
        heard.channel.data_received(stream[start : start + 3])
    assert [message["n"] for message in heard.messages] == [0, 1, 2, 3, 4]
    assert heard.channel.amid_since is None


@pytest.mark.fault("G16")
async def test_a_frame_that_does_not_end_is_noticed() -> None:
    heard = Heard()
    heard.channel.data_received(frame({})[:-1])
    began = heard.channel.amid_since
    assert began is not None
    await asyncio.sleep(0.01)
    heard.channel.data_received(b"")
    assert heard.channel.amid_since == began
    heard.channel.data_received(b"}" + frame({})[:3])
    assert heard.channel.amid_since != began


@pytest.mark.fault("G14")
@pytest.mark.parametrize(
    "data",
    [bytes(4), b"\xff" * 4, (SKIPPED_FRAME + 1).to_bytes(4, "big"), b"\0\0\0\x02[]", b"HTTP/1.1", b"\0\0\0\x01{"],
    ids=["0", "4 GiB", "64 MiB + 1", "a list", "text", "half"],
)
async def test_what_is_no_frame_ends_the_connection_and_costs_nothing(data: bytes) -> None:
    heard = Heard()
    tracemalloc.start()
    try:
        heard.channel.data_received(data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 100_000
    assert heard.transport.done == ["abort"]
    heard.channel.connection_lost(None)
    assert len(heard.lost) == 1
    assert heard.lost[0].startswith("It sent a frame")


async def test_whoever_keeps_us_busy_is_read_more_slowly() -> None:
    heard = Heard(seconds=0.03)
    heard.channel.data_received(frame({}))
    assert heard.transport.done == ["pause"]
    await eventually(lambda: heard.transport.done == ["pause", "resume"])
    calm = Heard()
    for _ in range(20):
        calm.channel.data_received(frame({}))
    assert calm.transport.done == []


async def test_reading_goes_on_when_the_last_reason_to_hold_is_gone() -> None:
    heard = Heard()
    heard.channel.hold("one")
    heard.channel.hold("two")
    heard.channel.release("one")
    assert heard.transport.done == ["pause"]
    heard.channel.release("two")
    heard.channel.release("two")
    assert heard.transport.done == ["pause", "resume"]


async def test_what_is_sent_waits_for_a_plugin_that_does_not_read() -> None:
    heard = Heard()
    heard.channel.pause_writing()
    sending = asyncio.create_task(heard.channel.send_slowly(b"frame"))
    await asyncio.sleep(0.01)
    assert heard.transport.done == []
    heard.channel.resume_writing()
    await sending
    assert heard.transport.done == [b"frame"]


@pytest.fixture
async def path(tmp_path: Path) -> AsyncIterator[str]:
    """A place for a socket whose path is short enough."""
    folder = tmp_path.parents[2] / f"c{os.getpid()}"
    folder.mkdir(exist_ok=True)
    place = folder / "s"
    yield str(place)
    place.unlink(missing_ok=True)


@contextmanager
def listening(path: str, backlog: int = 5) -> Iterator[socket.socket]:
    """A socket that somebody listens on."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen(backlog)
        yield server


def ignore(_: object) -> None:
    pass


async def test_a_socket_of_another_user_is_not_spoken_to(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with listening(path):
        (await connect(path, ignore, ignore)).abort()
        real = os.geteuid()
        monkeypatch.setattr("app.core.unix_socket.os.geteuid", lambda: real + 1)
        with pytest.raises(NotOurs):
            await connect(path, ignore, ignore)
        with pytest.raises(NotOurs):
            await connect_when_there(path, ignore, ignore)


async def test_a_full_queue_is_waited_for(path: str) -> None:
    with listening(path, backlog=0) as server:
        first = await connect(path, ignore, ignore)
        second = asyncio.create_task(connect(path, ignore, ignore))
        await asyncio.sleep(0.1)
        assert not second.done()
        server.accept()[0].close()
        (await second).abort()
        first.abort()


async def test_a_socket_that_comes_later_is_waited_for(path: str) -> None:
    connecting = asyncio.create_task(connect_when_there(path, ignore, ignore))
    done, _ = await asyncio.wait([connecting], timeout=0.05)
    assert not done
    with listening(path) as server:
        channel = await asyncio.wait_for(connecting, 5)
        channel.send(b"hello")
        with server.accept()[0] as peer:
            assert await asyncio.to_thread(peer.recv, 5) == b"hello"
        channel.abort()
