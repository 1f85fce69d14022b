"""Frames on a socket: four bytes with a length, then that many bytes of JSON, which is one object."""

import contextlib
import json
import socket
import threading
from typing import Any

from toru_plugin.times import now

MOST_BYTES = 16 << 20


class Broken(Exception):
    """What came was no frame; the connection is of no use any more."""


class Frames:
    """One connection. Any thread may send; one thread reads.

    Args:
        connection: a connected stream socket.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._turn = threading.Lock()

    def read(self) -> dict[str, Any] | None:
        """The next message, None when the other side has hung up. Raises Broken."""
        head = self._exactly(4)
        if head is None:
            return None
        length = int.from_bytes(head, "big")
        if length > MOST_BYTES:
            raise Broken(f"A frame of {length} bytes was announced; at most {MOST_BYTES} are allowed.")
        body = self._exactly(length)
        if body is None:
            return None
        try:
            message = json.loads(body)
        except ValueError as error:
            raise Broken(f"A frame was not JSON: {error}.") from None
        if not isinstance(message, dict):
            raise Broken("A frame was not a JSON object.")
        return message

    def send(self, kind: str, payload: dict[str, Any], request_id: str | None = None) -> None:
        """Sends one message, whole. Raises TypeError or ValueError, with nothing sent, for what JSON cannot say."""
        message = {"type": kind, "timestamp": now(), "request_id": request_id, "payload": payload}
        body = json.dumps(message, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        raw = body.encode(errors="replace")  # half a surrogate pair is no text
        if len(raw) > MOST_BYTES:
            raise ValueError(f"A message of {len(raw)} bytes is too large; at most {MOST_BYTES} are allowed.")
        with self._turn:
            self._connection.sendall(len(raw).to_bytes(4, "big") + raw)

    def close(self) -> None:
        """Hangs up; a thread that reads or sends is woken."""
        with contextlib.suppress(OSError):  # the other side was faster
            self._connection.shutdown(socket.SHUT_RDWR)
        self._connection.close()

    def _exactly(self, count: int) -> bytearray | None:
        content = bytearray(count)
        view, filled = memoryview(content), 0
        while filled < count:
            try:
                got = self._connection.recv_into(view[filled:])
            except OSError:  # closed here, or reset there
                return None
            if got == 0:
                return None
            filled += got
        return content
