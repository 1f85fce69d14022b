"""The two servers that are measured, with one face: the product, and the bare baseline beside it."""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.bench.wire import HttpConnection, WebSocket, WireError


@dataclass(frozen=True)
class Target(ABC):
    """A server, as the measuring processes know it.

    Attributes:
        headers: what every request carries.
        light_path: an address whose answer costs little.
    """

    port: int
    headers: Mapping[str, str] = field(default_factory=dict, hash=False)
    light_path: str = "/resources"

    @abstractmethod
    def start_bytes(self, script: str, *, tty: bool = False) -> WebSocket:
        """Starts a script; the socket brings its bytes in binary frames, then a text frame with `exit`."""

    @abstractmethod
    def lines_socket(self) -> WebSocket:
        """A socket on which scripts can be started; it brings one JSON message a line, then one of type `exit`."""

    def start_line_run(self, socket: WebSocket, script: str) -> None:
        """Asks for a run on such a socket and does not wait."""
        socket.send({"type": "run", "script": script})

    def http(self) -> HttpConnection:
        """A connection for requests."""
        return HttpConnection(self.port, self.headers)


@dataclass(frozen=True)
class Product(Target):
    """Toru, signed in."""

    light_path: str = "/api/resources"

    def start_bytes(self, script: str, *, tty: bool = False) -> WebSocket:
        """POST /api/runs, then /api/ws/runs/{id}."""
        connection = self.http()
        try:
            return self.follow_bytes(self.start_run(connection, script, tty=tty))
        finally:
            connection.close()

    def start_run(self, connection: HttpConnection, script: str, *, tty: bool = False) -> str:
        """The id of a new run."""
        status, body = connection.request("POST", "/api/runs", {"script": script, "tty": tty})
        if status not in (200, 201):
            raise WireError(f"POST /api/runs: {status} {body!r}")
        run_id: str = json.loads(body)["id"]
        return run_id

    def follow_bytes(self, run_id: str, receive_buffer: int | None = None) -> WebSocket:
        """A socket that brings the bytes of a run from its beginning."""
        return WebSocket(self.port, f"/api/ws/runs/{run_id}", self.headers, receive_buffer)

    def lines_socket(self) -> WebSocket:
        """/api/ws."""
        return WebSocket(self.port, "/api/ws", self.headers)


@dataclass(frozen=True)
class Baseline(Target):
    """The bare FastAPI application of baseline.py."""

    def start_bytes(self, script: str, *, tty: bool = False) -> WebSocket:
        """Opens /bytes and names the script; there are no terminals."""
        if tty:
            raise ValueError("The baseline has no terminals.")
        socket = WebSocket(self.port, "/bytes", self.headers)
        socket.send({"script": script})
        return socket

    def lines_socket(self) -> WebSocket:
        """/lines."""
        return WebSocket(self.port, "/lines", self.headers)


def wait_for(socket: WebSocket, mark: bytes) -> bytes:
    """The first message that holds `mark`."""
    while True:
        _, payload = socket.next()
        if mark in payload:
            return payload
