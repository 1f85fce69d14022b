"""The connection of the core: its frames in order, and word of runs that moved, one frame on its way at a time."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import struct
from typing import TYPE_CHECKING

from app.core.framing import FrameError, FrameReader, Message, encode

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from app.runner.run import Run

CHUNK = 16 << 10
log = logging.getLogger(__name__)

PEER = struct.Struct("3i")  # pid, uid, gid


class Link:
    """One connection. It holds at most one frame of progress and the answers that fit its buffer."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._moved: dict[str, Run] = {}
        self._credit = True
        self._planned = False

    async def messages(self) -> AsyncIterator[Message]:
        """The commands that arrive, until the connection ends or says something that is no frame."""
        frames = FrameReader()
        with contextlib.suppress(OSError):
            while data := await self._reader.read(CHUNK):
                try:
                    messages = frames.feed(data)
                except FrameError as error:
                    log.warning("The core sent %s", error)
                    return
                for message in messages:
                    if "ack" in message:
                        self._credit = True
                        self._plan()
                    else:
                        yield message

    async def answer(self, message: Message) -> None:
        """Sends an answer; waits while the core does not read."""
        with contextlib.suppress(OSError):
            self._writer.write(encode(message))
            await self._writer.drain()

    def moved(self, run: Run) -> None:
        """Tells the core how far the run got: at once, or as soon as it has taken the last word."""
        self._moved[run.id] = run
        self._plan()

    def finish(self) -> None:
        """Sends what is still to be sent, then closes."""
        self._writer.close()

    def close(self) -> None:
        """Drops the connection, also when the other side does not read."""
        self._writer.transport.abort()

    def peer_uid(self) -> int:
        """The user on the other side, as the kernel knows it."""
        peer = self._writer.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, PEER.size)
        return int(PEER.unpack(peer)[1])

    def _plan(self) -> None:
        if self._moved and self._credit and not self._planned:
            self._planned = True  # once per turn of the loop, for all runs that moved in it
            asyncio.get_running_loop().call_soon(self._tell)

    def _tell(self) -> None:
        self._planned = False
        if not self._moved or not self._credit or self._writer.is_closing():
            return
        self._credit = False
        rows = [run.row() for run in self._moved.values()]
        self._moved.clear()
        self._writer.write(encode({"p": rows}))
