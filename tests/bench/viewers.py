"""Many viewers of one run in one process: those that read as fast as they can, and those that never do."""

import hashlib
import json
import selectors
import time
from dataclasses import dataclass
from pathlib import Path

from tests.bench.targets import Product
from tests.bench.wire import BINARY, PING, PONG, RECEIVE, TEXT, WebSocket, WireError
from tests.bench.workloads import open_gate

FROZEN_BUFFER = 1 << 16
SECONDS = 600.0
LINGER_SECONDS = 2.0


@dataclass
class Seen:
    """What a viewer got: bytes, bytes that it was told to have missed, and the SHA-256 if it was asked for."""

    size: int = 0
    skipped: int = 0
    digest: str = ""


class Viewer:
    """Takes a byte stream without keeping it."""

    def __init__(self, socket: WebSocket, *, hashing: bool) -> None:
        self.socket = socket
        self.seen = Seen()
        self.ended = False
        self._hash = hashlib.sha256() if hashing else None
        self._opcode = 0
        self._left = 0  # of the payload that is being received
        self._kept = bytearray()  # an incomplete header, or the payload of a short frame

    def take(self, buffer: memoryview) -> None:
        """Reads once."""
        count = self.socket.socket.recv_into(buffer)
        if not count:
            raise WireError(f"A viewer was dropped after {self.seen.size} bytes.")
        at = 0
        while at < count:
            at = self._payload(buffer, at, count) if self._left else self._header(buffer, at)

    def _header(self, buffer: memoryview, at: int) -> int:
        self._kept.append(buffer[at])
        if len(self._kept) < 2:
            return at + 1
        extra = {126: 2, 127: 8}.get(self._kept[1], 0)
        if len(self._kept) == 2 + extra:
            self._opcode = self._kept[0] & 15
            self._left = int.from_bytes(self._kept[2:], "big") if extra else self._kept[1]
            self._kept.clear()
        return at + 1

    def _payload(self, buffer: memoryview, at: int, count: int) -> int:
        piece = buffer[at : min(count, at + self._left)]
        self._left -= len(piece)
        if self._opcode == BINARY:
            self.seen.size += len(piece)
            if self._hash is not None:
                self._hash.update(piece)
        else:
            self._kept += piece
            if not self._left:
                self._control(bytes(self._kept))
                self._kept.clear()
        return at + len(piece)

    def _control(self, payload: bytes) -> None:
        if self._opcode == PING:
            self.socket.send(payload, PONG)
        elif self._opcode == TEXT:
            message = json.loads(payload)
            self.seen.skipped += message.get("skipped", 0)
            if "exit" in message:
                self.ended = True
                self.seen.digest = self._hash.hexdigest() if self._hash else ""


def watch(target: Product, run_id: str, gate: Path, readers: int, frozen: int) -> list[Seen]:
    """Opens the gate of a run that all watch; what the readers saw once each has its end."""
    idle = [target.follow_bytes(run_id, FROZEN_BUFFER) for _ in range(frozen)]
    viewers = [Viewer(target.follow_bytes(run_id), hashing=number == 0) for number in range(readers)]
    open_gate(gate)
    buffer, deadline = memoryview(bytearray(RECEIVE)), time.monotonic() + SECONDS
    with selectors.DefaultSelector() as selector:
        for viewer in viewers:
            selector.register(viewer.socket.socket, selectors.EVENT_READ, viewer)
        while selector.get_map():
            if time.monotonic() > deadline:
                raise WireError("The viewers did not see the end in time.")
            for key, _ in selector.select(1):
                key.data.take(buffer)
                if key.data.ended:
                    selector.unregister(key.fileobj)
    time.sleep(LINGER_SECONDS)
    for socket in [*idle, *(viewer.socket for viewer in viewers)]:
        socket.close()
    return [viewer.seen for viewer in viewers]
