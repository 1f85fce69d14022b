"""A connection to a plugin's socket: frames out and in, read no faster than leaves time for everybody else."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import orjson

from app.core.clock import iso
from app.core.framing import HEADER, FrameError, FrameTooLarge, Message
from app.core.unix_socket import RETRY, NotOurs, connected_to_own
from app.plugins.frames import PluginFrames, Unreadable
from app.plugins.pace import Allowance
from app.plugins.wire import MAX_FRAME

SHARE = 0.25
"""Of a second that reading one plugin's frames may take; answers of ordinary size stay far below it."""

BURST = 0.01


def encode(kind: str, payload: Any, request_id: str | None = None) -> bytes:
    """A whole frame, header and body in one piece: some plugins read no further than the first arrival.

    Raises:
        FrameTooLarge: the JSON takes more than MAX_FRAME bytes.
    """
    message = {"type": kind, "timestamp": iso(datetime.now(UTC)), "request_id": request_id, "payload": payload}
    body = orjson.dumps(message)
    if len(body) > MAX_FRAME:
        raise FrameTooLarge(f"a frame of {len(body)} bytes, the limit is {MAX_FRAME}")
    return len(body).to_bytes(HEADER, "big") + body


class Channel(asyncio.Protocol):
    """One connection; made by `connect`.

    Args:
        heard: takes each message.
        lost: called once when the connection has ended, with a sentence when the plugin broke the rules, else with
            nothing; not after `close`.
        unread: takes each message that cannot be read, after which the connection goes on; without it, it ends.
    """

    def __init__(
        self,
        heard: Callable[[Message], None],
        lost: Callable[[str], None],
        unread: Callable[[Unreadable], None] | None = None,
    ) -> None:
        self.amid_since: float | None = None
        """The monotonic second at which a frame began that has not ended yet."""

        self._heard = heard
        self._lost = lost
        self._unread = unread or self._fail_unread
        self._frames = PluginFrames()
        self._allowance = Allowance(SHARE, BURST)
        self._transport: asyncio.Transport | None = None
        self._problem = ""
        self._writable = asyncio.Event()
        self._writable.set()
        self._holds: set[str] = set()
        self._breath: asyncio.TimerHandle | None = None

    @property
    def is_open(self) -> bool:
        """Whether frames can be sent."""
        return self._transport is not None and not self._transport.is_closing()

    def send(self, frame: bytes) -> None:
        """Queues one frame; what is sent on a connection that has ended is lost."""
        if self._transport is not None and self.is_open:
            self._transport.write(frame)

    async def send_slowly(self, frame: bytes) -> None:
        """The same, as soon as the plugin has taken what was sent before."""
        await self._writable.wait()
        self.send(frame)

    def close(self) -> None:
        """Ends the connection after what was sent has gone out."""
        self._lost = _ignore
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Ends it at once."""
        self._lost = _ignore
        if self._transport is not None:
            self._transport.abort()

    def fail(self, problem: str) -> None:
        """Ends it at once because of what the plugin did; `lost` is told."""
        self._problem = problem
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio."""
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Called by asyncio."""
        began = time.perf_counter()
        try:
            messages = self._frames.feed(data)
        except FrameError as error:
            self.fail(f"It sent {error}.")
            return
        if messages or not self._frames.is_amid:
            self.amid_since = None
        if self._frames.is_amid and self.amid_since is None:
            self.amid_since = time.monotonic()
        for message in messages:
            if isinstance(message, Unreadable):
                self._unread(message)
            else:
                self._heard(message)
        self._breathe(self._allowance.take(time.perf_counter() - began))

    def pause_writing(self) -> None:
        """Called by asyncio."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Called by asyncio."""
        self._writable.set()

    def connection_lost(self, error: Exception | None) -> None:
        """Called by asyncio."""
        if self._breath is not None:
            self._breath.cancel()
        self._writable.set()
        self._transport = None
        lost, self._lost = self._lost, _ignore
        lost(self._problem)

    def hold(self, why: str) -> None:
        """Reads no more until `release` was called for every reason to hold."""
        if not self._holds and self.is_open and self._transport is not None:
            self._transport.pause_reading()
        self._holds.add(why)

    def release(self, why: str) -> None:
        """Takes a reason away."""
        if why in self._holds:
            self._holds.remove(why)
            if not self._holds and self.is_open and self._transport is not None:
                self._transport.resume_reading()

    def _fail_unread(self, message: Unreadable) -> None:
        self.fail(f"It sent a frame that is {message.problem}.")

    def _breathe(self, seconds: float) -> None:
        if seconds and self.is_open:
            self.hold("pace")
            self._breath = asyncio.get_running_loop().call_later(seconds, self.release, "pace")


def _ignore(_: str) -> None:
    pass


async def connect(
    path: str,
    heard: Callable[[Message], None],
    lost: Callable[[str], None],
    unread: Callable[[Unreadable], None] | None = None,
) -> Channel:
    """A connection to the socket at `path`, tried again while nobody has room for it.

    Raises:
        OSError: nobody listens there, or NotOurs.
    """
    handle = await connected_to_own(path)
    loop = asyncio.get_running_loop()
    try:
        _, channel = await loop.create_unix_connection(lambda: Channel(heard, lost, unread), sock=handle)
    except BaseException:
        handle.close()
        raise
    return channel


async def connect_when_there(
    path: str,
    heard: Callable[[Message], None],
    lost: Callable[[str], None],
    unread: Callable[[Unreadable], None] | None = None,
) -> Channel:
    """The same, waiting for the socket to be made and listened on; the caller sets the limit. Raises NotOurs."""
    while True:
        try:
            return await connect(path, heard, lost, unread)
        except NotOurs:
            raise
        except OSError:
            await asyncio.sleep(RETRY)
