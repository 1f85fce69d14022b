"""What measuring processes ask of plugins: through the proxy, and on the plugin's own socket as the core would."""

import json
import selectors
import socket
import time
from typing import Any

from tests.bench.targets import Target
from tests.bench.wire import LENGTH, RECEIVE, SECONDS, WireError, connect, request_bytes


def proxy_delays(target: Target, path: str, seconds: float, count: int = 1 << 30) -> list[float]:
    """Milliseconds of GETs on one connection, each after the answer to the one before."""
    connection = target.http()
    delays: list[float] = []
    deadline = time.monotonic() + seconds
    while len(delays) < count and time.monotonic() < deadline:
        start = time.monotonic_ns()
        status, body = connection.request("GET", path)
        delays.append((time.monotonic_ns() - start) / 1e6)
        if status != 200:
            raise WireError(f"{path}: {status} {body[:200]!r}")
    connection.close()
    return delays


def direct_delays(path: str, socket_path: str, count: int) -> list[float]:
    """The same on the plugin's socket, in frames of protocol 2."""
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(SECONDS)
    connection.connect(socket_path)
    _send(connection, "lifecycle", None, {"action": "init", "protocols": ["2"]})
    _receive(connection)
    request = {"method": "GET", "path": path, "headers": {}, "body": "", "body_encoding": "text"}
    delays = []
    for number in range(count):
        start = time.monotonic_ns()
        _send(connection, "http", str(number), request)
        answer = _receive(connection)
        delays.append((time.monotonic_ns() - start) / 1e6)
        if answer["request_id"] != str(number):
            raise WireError(f"This answers another request: {answer}")
    connection.close()
    return delays


def _send(connection: socket.socket, kind: str, request_id: str | None, payload: dict[str, Any]) -> None:
    body = json.dumps({"type": kind, "timestamp": "", "request_id": request_id, "payload": payload}).encode()
    connection.sendall(len(body).to_bytes(4, "big") + body)


def _receive(connection: socket.socket) -> Any:
    data = b""
    while len(data) < 4 or len(data) < 4 + int.from_bytes(data[:4], "big"):
        more = connection.recv(RECEIVE)
        if not more:
            raise WireError("The plugin closed the connection.")
        data += more
    return json.loads(data[4:])


def proxy_rate(target: Target, path: str, in_flight: int, seconds: float) -> float:
    """GETs answered in a second, on so many connections that each have one under way."""
    request = request_bytes("GET", target.port, path, target.headers)
    waiting = selectors.DefaultSelector()
    received: dict[socket.socket, bytes] = {}
    for _ in range(in_flight):
        connection = connect(target.port)
        received[connection] = b""
        waiting.register(connection, selectors.EVENT_READ, connection)
        connection.sendall(request)
    count, start = 0, time.monotonic()
    while (now := time.monotonic()) < start + seconds:
        for key, _ in waiting.select(1):
            connection = key.data
            received[connection] += connection.recv(RECEIVE)
            if _is_whole(received[connection]):
                received[connection] = b""
                count += 1
                connection.sendall(request)
    for connection in received:
        connection.close()
    return count / (now - start)


def _is_whole(answer: bytes) -> bool:
    end = answer.find(b"\r\n\r\n")
    length = LENGTH.search(answer, 0, end + 2) if end >= 0 else None
    if length is not None and answer[9:12] != b"200":
        raise WireError(f"An answer that was not expected: {answer[:200]!r}")
    return length is not None and len(answer) >= end + 4 + int(length[1])
