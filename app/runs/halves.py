"""The beginnings of lines that an offset cuts, read back through the journal."""

import os
from collections.abc import Iterator
from pathlib import Path

from app.runner.journal import END
from app.runs.journal import Part, bases

LONG_LINE = 64 << 10
"""Bytes; a longer line comes in pieces of this length, but for a character that would be cut."""

STEP = 64 << 10
MOST_BACK = 3  # bytes of an unfinished UTF-8 character
RECORDS_AT_ONCE = 4096


class HalfLine:
    """What a stream has of a line so far: `count` bytes, of which `pending` were not told yet."""

    __slots__ = ("count", "pending")

    def __init__(self, pending: bytearray | None = None, count: int = 0) -> None:
        self.pending = bytearray() if pending is None else pending
        self.count = count


def unfinished_character(data: bytes | bytearray) -> int:
    """How many bytes at the end (0 to 3) begin a UTF-8 character that goes on after them."""
    for back in range(1, min(MOST_BACK, len(data)) + 1):
        byte = data[-back]
        if byte & 0xC0 == 0x80:
            continue
        length = 2 if 0xC2 <= byte < 0xE0 else 3 if 0xE0 <= byte < 0xF0 else 4 if 0xF0 <= byte < 0xF5 else 1
        return back if length > back else 0
    return 0


def halves_before(folder: Path, offset: int, streams: int) -> list[HalfLine]:
    """What a reader from the beginning holds of each stream when it arrives at `offset`. Blocks.

    It goes back to each stream's last line end, or to where the journal has a gap.
    """
    found = [_Backwards() for _ in range(streams)]
    for stream, data in _pieces_before(folder, offset):
        if not found[stream].done:
            found[stream].prepend(data)
        if all(half.done for half in found):
            break
    return [half.result() for half in found]


class _Backwards:
    """One stream's line, collected from its end; only what may still be untold is kept."""

    def __init__(self) -> None:
        self.done = False
        self._count = 0
        self._kept: list[bytes] = []
        self._kept_size = 0

    def prepend(self, data: bytes) -> None:
        line_end = data.rfind(b"\n")
        if line_end >= 0:
            data, self.done = data[line_end + 1 :], True
        self._count += len(data)
        if self._kept_size < LONG_LINE + MOST_BACK:
            self._kept.append(data)
            self._kept_size += len(data)

    def result(self) -> HalfLine:
        kept = b"".join(reversed(self._kept))
        untold = self._count % LONG_LINE
        if self._count >= LONG_LINE:
            untold += unfinished_character(kept[: len(kept) - untold])
        return HalfLine(bytearray(kept[len(kept) - untold :]), self._count)


def _pieces_before(folder: Path, offset: int) -> Iterator[tuple[int, bytes]]:
    """(stream, bytes) backwards from `offset` to the first gap, a piece never larger than a step."""
    for base in reversed([base for base in bases(folder) if base < offset]):
        try:
            part = Part(folder, base)
        except FileNotFoundError:
            return
        with part:
            if part.covered() < offset:
                return
            yield from _pieces_of(part, offset)
        offset = base


def _pieces_of(part: Part, offset: int) -> Iterator[tuple[int, bytes]]:
    number = part.find(offset - 1) + 1
    while number > 0:
        first = max(0, number - RECORDS_AT_ONCE)
        for record in reversed(part.records(first, number - first)):
            end = record.offset if record.stream == END else min(record.end, offset)
            start = max(record.offset, part.base)
            while end > start:
                begin = max(start, end - STEP)
                yield record.stream, os.pread(part.out, end - begin, begin - part.base)
                end = begin
        number = first
