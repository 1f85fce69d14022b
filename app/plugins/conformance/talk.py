"""One connection of the conformance kit to a plugin, byte by byte: nothing is mended, everything is noticed."""

import asyncio
import contextlib
import json
from typing import Any

from app.core.framing import HEADER, Message
from app.plugins.conformance.findings import TooMuch, Violation
from app.plugins.frames import MOST_VALUES, SKIPPED_FRAME, SMALL, ValueCount
from app.plugins.wire import MAX_FRAME

CONNECT_SECONDS = 5.0
MAX_PIECE = 1 << 16


class Closed(Exception):
    """The plugin closed the connection between two frames."""


class Talk:
    """An open connection; `close` it in the end."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._amid_frame = asyncio.Lock()

    @classmethod
    async def open(cls, path: str) -> "Talk":
        """Connects. Raises Violation when nobody takes the connection."""
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                return cls(*await asyncio.open_unix_connection(path))
        except OSError as error:  # TimeoutError is one
            reason = error.strerror or f"nobody took the connection within {CONNECT_SECONDS:.0f} seconds"
            raise Violation(f"Its socket cannot be connected to: {reason}.") from None

    async def send(self, *parts: bytes, pause: float = 0.0) -> None:
        """Writes the parts of a frame, or whole frames, and waits until the plugin has room for them.

        Args:
            pause: seconds after each part; nothing else, such as the answer to what the plugin asks, comes in between.

        Raises:
            Closed: it hung up.
        """
        try:
            async with self._amid_frame:
                for part in parts:
                    self._writer.write(part)
                    if pause:
                        await asyncio.sleep(pause)
            await self._writer.drain()
        except ConnectionError:
            raise Closed from None

    async def receive(self) -> Message:
        """The next message. The caller sets the limit.

        Raises:
            Closed: there is none any more.
            TooMuch: it was a frame, and is over.
            Violation: what came is no frame.
        """
        try:
            header = await self._reader.readexactly(HEADER)
            length = int.from_bytes(header, "big")
            if length > MAX_FRAME:
                await self._skip(length)
            body = await self._reader.readexactly(length)
        except asyncio.IncompleteReadError as error:
            if error.expected == HEADER and not error.partial:
                raise Closed from None
            raise Violation(
                f"It hung up amid a frame, {error.expected} bytes of which {len(error.partial)} came."
            ) from None
        except ConnectionError:
            raise Closed from None
        return _message(body)

    async def _skip(self, length: int) -> None:
        told = f"It announced a frame of {length} bytes; {MAX_FRAME} are allowed."
        if length > SKIPPED_FRAME:
            raise Violation(told)
        for start in range(0, length, MAX_PIECE):
            await self._reader.readexactly(min(MAX_PIECE, length - start))
        raise TooMuch(told)

    async def close(self) -> None:
        """Hangs up."""
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()


def _message(body: bytes) -> Message:
    try:
        message = json.loads(body.decode(), parse_constant=_refuse)
    except UnicodeDecodeError:
        raise Violation("It sent a frame that is not UTF-8.") from None
    except (ValueError, RecursionError) as error:
        raise Violation(f"It sent a frame that is not JSON: {error}.") from None
    if not isinstance(message, dict):
        raise Violation("It sent a frame that is not a JSON object.")
    count = ValueCount()
    count.feed(body)
    if len(body) > SMALL and count.values > MOST_VALUES:
        raise Violation(f"It sent a frame of {len(body)} bytes that is made of more than {MOST_VALUES:,} values.")
    return message


def _refuse(name: str) -> Any:
    raise ValueError(f"JSON has no {name}")
