"""The cheapest HTTP and WebSocket clients that are still correct: blocking sockets, parsed after the clock stops."""

import base64
import json
import os
import re
import socket
import time
from bisect import bisect_left
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
SECONDS = 60.0
RECEIVE = 1 << 20
LENGTH = re.compile(rb"\r\ncontent-length:\s*(\d+)", re.IGNORECASE)


class WireError(Exception):
    """The other side did not say what it should."""


def connect(port: int) -> socket.socket:
    """A connection to our own machine that sends at once."""
    connection = socket.create_connection(("127.0.0.1", port), SECONDS)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def request_bytes(method: str, port: int, path: str, headers: Mapping[str, str], body: bytes = b"") -> bytes:
    """One HTTP/1.1 request."""
    fields = {"Host": f"127.0.0.1:{port}", **headers}
    if body:
        fields |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body


class HttpConnection:
    """One connection that stays open; answers must have a length."""

    def __init__(self, port: int, headers: Mapping[str, str]) -> None:
        self._port = port
        self._headers = headers
        self._socket = connect(port)

    def request(self, method: str, path: str, body: Any = None) -> tuple[int, bytes]:
        """The status and the body of the answer."""
        content = b"" if body is None else json.dumps(body).encode()
        return self.exchange(request_bytes(method, self._port, path, self._headers, content))

    def exchange(self, request: bytes) -> tuple[int, bytes]:
        """The status and the body of the answer to a request that was put together before."""
        self._socket.sendall(request)
        data = self._socket.recv(RECEIVE)
        while (end := data.find(b"\r\n\r\n")) < 0:
            data += self._more()
        length = LENGTH.search(data, 0, end + 2)
        total = end + 4 + (int(length[1]) if length else 0)
        while len(data) < total:
            data += self._more()
        return int(data[9:12]), data[end + 4 :]

    def _more(self) -> bytes:
        data = self._socket.recv(RECEIVE)
        if not data:
            raise WireError("The server closed the connection.")
        return data

    def close(self) -> None:
        """Closes the connection."""
        self._socket.close()


@dataclass(frozen=True)
class Frame:
    """One frame: its opcode and where its payload lies in what was received."""

    opcode: int
    start: int
    end: int


def frames_of(data: bytearray, size: int) -> Iterator[Frame]:
    """The complete frames in the first `size` bytes."""
    at = 0
    while at + 2 <= size:
        opcode, length, start = data[at] & 15, data[at + 1], at + 2
        if not data[at] & 128 or length & 128:
            raise WireError("A frame is masked or in pieces.")
        if length == 126:
            start, length = at + 4, int.from_bytes(data[at + 2 : at + 4], "big")
        elif length == 127:
            start, length = at + 10, int.from_bytes(data[at + 2 : at + 10], "big")
        if start > size or start + length > size:
            return
        yield Frame(opcode, start, start + length)
        at = start + length


@dataclass(frozen=True)
class Transcript:
    """All that a WebSocket sent, and when how much of it was there.

    Attributes:
        data, size: what came, frames and all.
        totals, moments: bytes received in all, and the monotonic time (ns) of it.
    """

    data: bytearray
    size: int
    totals: list[int]
    moments: list[int]

    def frames(self) -> Iterator[Frame]:
        """Every frame."""
        return frames_of(self.data, self.size)

    def arrival(self, position: int) -> int:
        """When (monotonic ns) the byte before `position` was there."""
        return self.moments[bisect_left(self.totals, position)]


class WebSocket:
    """A WebSocket without compression.

    Raises:
        WireError: the handshake was refused.
    """

    def __init__(self, port: int, path: str, headers: Mapping[str, str], receive_buffer: int | None = None) -> None:
        self.socket = connect(port)
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        upgrade = {
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
            "Origin": f"http://127.0.0.1:{port}",
        }
        self.socket.sendall(request_bytes("GET", port, path, {**upgrade, **headers}))
        self._data = bytearray()
        self._pending: deque[tuple[int, bytes]] = deque()
        while (end := self._data.find(b"\r\n\r\n")) < 0:
            more = self.socket.recv(RECEIVE)
            if not more:
                raise WireError(f"{path}: the handshake was not answered.")
            self._data += more
        if self._data[9:12] != b"101":
            raise WireError(f"{path}: {bytes(self._data[:200])!r}")
        del self._data[: end + 4]

    def send(self, message: Any, opcode: int = TEXT) -> None:
        """Sends JSON, or the payload of a control frame. The mask is zero, which the RFC leaves to the client."""
        payload = message if isinstance(message, bytes) else json.dumps(message).encode()
        size = len(payload)
        length = bytes([128 | size]) if size < 126 else bytes([254]) + size.to_bytes(2, "big")
        self.socket.sendall(bytes([128 | opcode]) + length + bytes(4) + payload)

    def next(self) -> tuple[int, bytes]:
        """The next text or binary frame, as (opcode, payload)."""
        while not self._pending:
            self._pending.extend(self.receive())
        return self._pending.popleft()

    def receive(self) -> list[tuple[int, bytes]]:
        """The text and binary frames that one read completed, as (opcode, payload): possibly none. Answers pings.

        Raises:
            WireError: the server closed the connection.
        """
        if not self._data or not any(frames_of(self._data, len(self._data))):
            more = self.socket.recv(RECEIVE)
            if not more:
                raise WireError("The server closed the WebSocket.")
            self._data += more
        frames = list(frames_of(self._data, len(self._data)))
        found = [(frame.opcode, bytes(self._data[frame.start : frame.end])) for frame in frames]
        if frames:
            del self._data[: frames[-1].end]
        for opcode, payload in found:
            if opcode == PING:
                self.send(payload, PONG)
        told = [pair for pair in found if pair[0] in (TEXT, BINARY)]
        if not told and any(opcode == CLOSE for opcode, _ in found):  # the last frames may come together with it
            raise WireError(f"The server closed the WebSocket: {found[-1][1]!r}")
        return told

    def read_until(self, mark: bytes, capacity: int) -> Transcript:
        """Everything up to the frame that holds `mark`, as fast as it comes; nothing is looked at but the tail."""
        data = bytearray(capacity)
        size = len(self._data)
        data[:size] = self._data
        view, totals, moments = memoryview(data), [size], [time.monotonic_ns()]
        while data.find(mark, max(0, size - 400), size) < 0:
            count = self.socket.recv_into(view[size:])
            if not count:
                raise WireError("The server closed the WebSocket before the end.")
            size += count
            totals.append(size)
            moments.append(time.monotonic_ns())
        view.release()
        return Transcript(data, size, totals, moments)

    def close(self) -> None:
        """Drops the connection."""
        self.socket.close()
