"""Frames on a local socket: 4 bytes big-endian length, then that many bytes of UTF-8 JSON.

Standard library only: the runner imports this file and nothing else of the core.
"""

import json
from typing import Any

MAX_FRAME = 1 << 20  # bytes of JSON, where nothing else is said
HEADER = 4

Message = dict[str, Any]


class FrameError(ValueError):
    """What came in is no frame of ours; the connection cannot be used any further."""


class FrameTooLarge(FrameError):
    """A frame is longer than its limit."""


def encode(message: Message, limit: int = MAX_FRAME) -> bytes:
    """The message as one frame. Raises FrameTooLarge when its JSON takes more than `limit` bytes.

    Plain ASCII JSON: file names that are no UTF-8 (lone surrogates) survive it.
    """
    body = json.dumps(message, separators=(",", ":")).encode()
    if len(body) > limit:
        raise FrameTooLarge(f"a frame of {len(body)} bytes, the limit is {limit}")
    return len(body).to_bytes(HEADER, "big") + body


class FrameReader:
    """Takes bytes as they arrive and gives messages back; it never holds more than one frame and one arrival.

    Args:
        limit: bytes of JSON that a frame may have.
    """

    def __init__(self, limit: int = MAX_FRAME) -> None:
        self._limit = limit
        self._buffer = bytearray()

    @property
    def is_amid(self) -> bool:
        """Whether a frame has begun and not ended."""
        return bool(self._buffer)

    def feed(self, data: bytes | bytearray | memoryview) -> list[Message]:
        """The messages that are complete now.

        Raises FrameTooLarge as soon as a header announces more than the limit, FrameError for anything but a JSON
        object. The reader is of no use after either.
        """
        self._buffer += data
        messages: list[Message] = []
        start = 0
        while (end := self._end_of_frame(start)) is not None:
            messages.append(self._decode(self._buffer[start + HEADER : end]))
            start = end
        del self._buffer[:start]
        return messages

    def _end_of_frame(self, start: int) -> int | None:
        if len(self._buffer) < start + HEADER:
            return None
        length = int.from_bytes(self._buffer[start : start + HEADER], "big")
        if length > self._limit:
            self._buffer = bytearray()
            raise FrameTooLarge(f"a frame of {length} bytes, the limit is {self._limit}")
        end = start + HEADER + length
        return end if end <= len(self._buffer) else None

    def _decode(self, body: bytearray) -> Message:
        try:
            message = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise FrameError(f"a frame that is not JSON: {error}") from error
        if not isinstance(message, dict):
            raise FrameError("a frame that is not a JSON object")
        return message
