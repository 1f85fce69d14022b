"""What the plugins of the tests are made of: the standard library alone, and no word of Toru's own code."""

import base64
import json
import os
import signal
import socket
import struct
import sys
import threading
import time
from typing import Any

Message = dict[str, Any]

__all__ = [
    "answer",
    "base64",
    "describe",
    "json",
    "listen",
    "os",
    "read",
    "say",
    "serve1",
    "serve2",
    "signal",
    "socket",
]
__all__ += ["struct", "sys", "threading", "time", "wait", "wrapped"]


def describe(metadata: Message) -> None:
    """Prints the metadata and ends, when asked for it."""
    if sys.argv[1:] == ["--metadata"]:
        sys.stdout.write(json.dumps(metadata))
        sys.exit()


def listen(backlog: int = 128) -> socket.socket:
    """The socket that Toru connects to."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(os.environ["TORU_PLUGIN_SOCKET"])
    server.listen(backlog)
    return server


def wait() -> None:
    """Does nothing, for ever."""
    while True:
        signal.pause()


def read(connection: socket.socket) -> Any:
    """One message, None at the end."""
    header = _take(connection, 4)
    body = None if header is None else _take(connection, int.from_bytes(header, "big"))
    return None if body is None else json.loads(body)


def _take(connection: socket.socket, size: int) -> bytes | None:
    data = b""
    while len(data) < size:
        piece = connection.recv(min(size - len(data), 1 << 20))
        if not piece:
            return None
        data += piece
    return data


def say(connection: socket.socket, kind: str, payload: Any, request_id: Any = None) -> None:
    """Sends one message."""
    body = json.dumps({"type": kind, "request_id": request_id, "payload": payload}).encode()
    connection.sendall(len(body).to_bytes(4, "big") + body)


def answer(request: Any, body: Any = "", status: Any = 200, headers: Message | None = None) -> Message:
    """The payload of a plain answer."""
    return {"status": status, "headers": headers or {}, "body": body}


def wrapped(request_id: Any, inner: Any) -> Message:
    """The payload of an answer in the other shape of protocol 1."""
    payload = {"method": "RESPONSE", "path": "", "headers": {}, "body": json.dumps(inner)}
    return {"type": "http", "request_id": request_id, "payload": payload}


def serve1(handle: Any = None, lifecycle: Any = None, server: Any = None) -> None:
    """Protocol 1 as plugins that exist speak it: one connection at a time, until the other side closes it.

    handle(request) gives the payload of the answer; lifecycle(action, payload) hears of init and shutdown.
    """
    server = server or listen()
    while True:
        connection, _ = server.accept()
        while (message := read(connection)) is not None:
            if message["type"] == "lifecycle":
                action = message["payload"]["action"]
                if lifecycle:
                    lifecycle(action, message["payload"])
                if action == "shutdown":
                    sys.exit(0)
                continue
            request = message["payload"]["payload"]
            payload = handle(request) if handle else answer(request, json.dumps(request))
            say(connection, "http", payload, message["request_id"])
        connection.close()


def serve2(handle: Any = None, other: Any = None, protocol: Any = "2", server: Any = None) -> None:
    """Protocol 2, one request after the other; other(connection, message) hears of what is no request or ping."""
    connection, _ = (server or listen()).accept()
    while (message := read(connection)) is not None:
        kind, payload = message["type"], message["payload"]
        if kind == "lifecycle" and payload["action"] == "init":
            say(connection, "ready", {"protocol": protocol})
        elif kind == "lifecycle":
            sys.exit(0)
        elif kind == "ping":
            say(connection, "pong", {})
            continue
        elif kind == "http":
            done = handle(connection, message) if handle else answer(payload, json.dumps(payload))
            if done is not None:
                say(connection, "http", done, message["request_id"])
        if other:
            other(connection, message)
