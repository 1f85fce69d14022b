"""Output cut into lines, stream by stream, from any offset on.

Standard output and standard error lie in one journal in the order of arrival, so an offset can cut the half line of
both. From offset N come exactly the lines whose end lies after N, whole: what each stream had begun before N is read
back first (app/runs/halves.py).
"""

import asyncio
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from app.runner.journal import END, NOTICE, STDOUT
from app.runs.halves import LONG_LINE, HalfLine, halves_before, unfinished_character
from app.runs.journal import JournalReader, Part, Record
from app.runs.schemas import Lines, Skipped

STREAMS = 3
RECORDS_AT_ONCE = 512


class LineReader:
    """Reads lines from a journal.

    Args:
        folder: where the journal lies.
        offset: lines that end after it come.
    """

    def __init__(self, folder: Path, offset: int = 0) -> None:
        self._folder = folder
        self._bytes = JournalReader(folder, offset)
        self._halves = [HalfLine() for _ in range(STREAMS)]
        self._must_look_back = offset > 0
        self._splitter: _Splitter | None = None

    @property
    def position(self) -> int:
        """How far the journal is read."""
        return self._bytes.position

    async def read(self, limit: int, until: int) -> list[Lines | Skipped] | None:
        """What the next `limit` bytes complete, in the order in which it ended; None when all up to `until` is read.

        The list is empty when the bytes complete no line.
        """
        await self._look_back()
        start = self.position
        data = await self._bytes.read(limit, until)
        if data is None:
            return None
        if isinstance(data, Skipped):
            return [*self._finish(start), data]
        out: list[Lines | Skipped] = []
        for stream, begin, end in self._runs(start):
            self._cut(stream, data if end - begin == len(data) else data[begin - start : end - start], begin, out)
        return out

    async def rest(self) -> list[Lines]:
        """The lines that the end of the output leaves without a line end.

        The positions after them go on as if each had one: they all end where the output does, and whoever was cut off
        between two of them must be able to say which one came last.
        """
        await self._look_back()
        end = self.position
        left = self._finish(end)
        return [replace(line, start=end + place, end=end + place) for place, line in enumerate(left, 1)]

    def close(self) -> None:
        """Closes the journal."""
        self._bytes.close()

    async def _look_back(self) -> None:
        if self._must_look_back:
            self._halves = await asyncio.to_thread(halves_before, self._folder, self.position, STREAMS)
            self._must_look_back = False

    def _finish(self, at: int) -> list[Lines]:
        left = [
            Lines(stream != STDOUT, bytes(half.pending), at, at)
            for stream, half in enumerate(self._halves)
            if half.pending
        ]
        self._halves = [HalfLine() for _ in range(STREAMS)]
        return left

    def _runs(self, start: int) -> list[tuple[int, int, int]]:
        part = self._bytes.part
        if part is None:
            return []
        if self._splitter is None or self._splitter.part is not part:
            self._splitter = _Splitter(part)
        return self._splitter.split(start, self.position)

    def _cut(self, stream: int, data: bytes | bytearray, at: int, out: list[Lines | Skipped]) -> None:
        half = self._halves[stream]
        stderr = stream != STDOUT
        while True:
            first_end = data.find(b"\n")
            length = first_end if first_end >= 0 else len(data)
            room = LONG_LINE - half.count % LONG_LINE
            if length < room:
                break
            piece = half.pending + data[:room]
            kept = len(piece) - unfinished_character(piece)
            at += room
            out.append(Lines(stderr, bytes(piece[:kept]), at, at))
            half.pending, half.count = piece[kept:], half.count + room
            data = data[room:]
        if first_end == 0 and half.count and not half.pending:
            at, data, half.count = at + 1, data[1:], 0  # the line end of a line that was told in pieces
        last = data.rfind(b"\n") + 1
        if last:
            out.append(Lines(stderr, bytes(half.pending + data[: last - 1]), at - len(half.pending)))
            half.pending, half.count = bytearray(data[last:]), len(data) - last
        else:
            half.pending += data
            half.count += len(data)


class _Splitter:
    """Says which stream the bytes of a part came from, going forward."""

    def __init__(self, part: Part) -> None:
        self.part = part
        self._records: list[Record] = []

    def split(self, begin: int, end: int) -> list[tuple[int, int, int]]:
        """(stream, begin, end) of each run of bytes between two covered offsets."""
        cuts: list[tuple[int, int]] = []
        while begin < end:
            record = self._record_at(begin)
            stream = NOTICE if record.stream == END else record.stream  # the end covers no bytes but on a damaged disk
            if not cuts or cuts[-1][0] != stream:
                cuts.append((stream, begin))
            begin = min(end, record.end) if record.end > begin else end
        return [(stream, start, stop) for (stream, start), (_, stop) in pairwise([*cuts, (STDOUT, end)])]

    def _record_at(self, offset: int) -> Record:
        for used, record in enumerate(self._records):
            if record.end > offset:
                del self._records[:used]
                return record
        # All are used up, or the last one has grown since it was read.
        self._records = self.part.records(self.part.find(offset), RECORDS_AT_ONCE)
        return self._records[0] if self._records else Record(offset, 0, 0, STDOUT, 0)  # the disk lost them meanwhile
