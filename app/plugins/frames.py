"""The frames that a plugin sends, taken apart as they arrive: what cannot be read costs its own message and no more."""

import asyncio
import re
from dataclasses import dataclass
from typing import Final

import orjson

from app.core.framing import HEADER, FrameError, FrameTooLarge, Message
from app.plugins.wire import MAX_FRAME

SKIPPED_FRAME = 64 << 20
"""Bytes of a frame that is still skipped; whoever announces more has lost count of its own bytes."""

MOST_VALUES = 100_000
"""In a frame. Reading JSON takes longer by the value than by the byte, and nothing else can be done meanwhile."""

SMALL = 256 << 10
"""Bytes; so many cannot hold enough values to matter."""

EDGE = 4 << 10
"""Bytes at both ends of a frame in which its type is looked for."""

KIND: Final = re.compile(rb'"type"\s*:\s*"(http|kv|event|page)"')
REQUEST: Final = re.compile(rb'"request_id"\s*:\s*"([!#-\[\]-~]{1,200})"')
STRING: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A message that came whole and cannot be read; the next one can.

    Attributes:
        kind: its type.
        request_id: None where it names none.
        problem: continues "It is".
    """

    kind: str
    request_id: str | None
    problem: str


class ValueCount:
    """Counts the values of a JSON text that comes in pieces, by what stands before or between them."""

    def __init__(self) -> None:
        self.values = 0
        self._carried = b""  # the beginning of the string, and half of the escape, in which the last piece ended

    def feed(self, piece: bytes) -> None:
        """The next piece."""
        text = self._carried + piece
        slashes = len(text) - len(text.rstrip(b"\\"))
        escape = b"\\" * (slashes % 2)
        if self._carried and b'"' not in piece:
            self._carried = b'"' + escape
            return
        # A quote at the end closes a string that goes on; otherwise it is what remains.
        outside = STRING.sub(b"", text[: len(text) - len(escape)] + b'"')
        self._carried = (b"" if outside.endswith(b'"') else b'"') + escape
        self.values += sum(map(outside.count, (b",", b"[", b"{")))


async def has_too_many_values(text: str) -> bool:
    """Whether a JSON text would take too long to read; others have their turn while it is looked at."""
    count = ValueCount()
    if len(text) > SMALL:
        for start in range(0, len(text), SMALL):
            count.feed(text[start : start + SMALL].encode())
            if count.values > MOST_VALUES:
                return True
            await asyncio.sleep(0)
    return False


class PluginFrames:
    """Takes bytes and gives messages; it holds one frame that is allowed, and nothing of one that is not."""

    def __init__(self) -> None:
        self._header = b""
        self._body: bytearray | None = None
        self._left = 0
        self._count: ValueCount | None = None
        self._problem = ""

    @property
    def is_amid(self) -> bool:
        """Whether a frame has begun and not ended."""
        return self._body is not None or bool(self._header)

    def feed(self, data: bytes) -> list[Message | Unreadable]:
        """The messages that are complete now.

        Raises:
            FrameError: what came is none, and not to be told from one; the connection is of no use any more.
        """
        found: list[Message | Unreadable] = []
        at = 0
        while at < len(data):
            if self._body is None:
                taken = HEADER - len(self._header)
                self._header += data[at : at + taken]
                if len(self._header) == HEADER:
                    self._begin()
            else:
                taken = self._left
                self._take(self._body, data[at : at + taken])
            at += taken
            if self._body is not None and not self._left:
                found.append(self._end(self._body))
        return found

    def _begin(self) -> None:
        length, self._header = int.from_bytes(self._header, "big"), b""
        if length > SKIPPED_FRAME:
            raise FrameTooLarge(f"a frame of {length} bytes, the limit is {MAX_FRAME}")
        self._body, self._left = bytearray(), length
        self._problem = f"larger than {MAX_FRAME >> 20} MiB" if length > MAX_FRAME else ""
        self._count = ValueCount() if SMALL < length <= MAX_FRAME else None

    def _take(self, body: bytearray, piece: bytes) -> None:
        self._left -= len(piece)
        body += piece
        if self._count is not None:
            self._count.feed(piece)
            if self._count.values > MOST_VALUES:
                self._problem = f"made of more than {MOST_VALUES:,} values"
                self._count = None
        if self._problem:
            del body[EDGE:-EDGE]

    def _end(self, body: bytearray) -> Message | Unreadable:
        self._body = None
        problem = self._problem
        if not problem:
            try:
                message = orjson.loads(body)
            except ValueError as error:
                problem = f"not JSON: {error}"
            else:
                if isinstance(message, dict):
                    return message
                raise FrameError("a frame that is not a JSON object")
        edges = bytes(body) if len(body) <= 2 * EDGE else bytes(body[:EDGE] + body[-EDGE:])
        kind, request_id = KIND.search(edges), REQUEST.search(edges)
        if kind is None:
            raise FrameError(f"a frame that is {problem}")
        return Unreadable(kind[1].decode(), request_id[1].decode() if request_id else None, problem)
