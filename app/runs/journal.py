"""Reading the journal that the runner writes: from any offset, part by part, while it grows and while parts go.

A part is two files named by the offset of its first byte: the bytes, and the records that say when and on which stream
they came (app/runner/journal.py writes them). What no record covers does not exist yet.
"""

import asyncio
import contextlib
import os
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

from app.runner.journal import END, NOTICE, RECORD, RESERVE, STDERR, STDOUT, out_name, seg_name
from app.runs.schemas import Skipped

SUFFIX = ".out"
STREAMS = frozenset({STDOUT, STDERR, NOTICE, END})


class Record(NamedTuple):
    """One entry of a segment file; `length` is the wait status where `stream` is END."""

    offset: int
    time_ns: int
    length: int
    stream: int
    flags: int

    @property
    def end(self) -> int:
        """The position after the bytes it covers."""
        return self.offset if self.stream == END else self.offset + self.length


@dataclass(frozen=True, slots=True)
class JournalState:
    """What a journal says about its run; `end` is its last record, None while there is none."""

    size: int
    end: Record | None


class Part:
    """One open part. Opening blocks; reading what the page cache holds does not."""

    def __init__(self, folder: Path, base: int) -> None:
        """Opens both files. Raises FileNotFoundError when the cap has dropped the part."""
        self.base = base
        self.out = os.open(folder / out_name(base), os.O_RDONLY | os.O_CLOEXEC)
        try:
            self.seg = os.open(folder / seg_name(base), os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            os.close(self.out)
            raise

    def close(self) -> None:
        """Closes both files."""
        if self.out >= 0:
            os.close(self.out)
            os.close(self.seg)
            self.out = self.seg = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        # A viewer that leaves while a thread opens its next part has nobody left to close it.
        if hasattr(self, "seg"):
            self.close()

    @property
    def count(self) -> int:
        """How many whole records there are."""
        return os.fstat(self.seg).st_size // RECORD.size

    def records(self, first: int, limit: int) -> list[Record]:
        """At most `limit` records from number `first` on. The last one of a growing part may be longer next time."""
        data = os.pread(self.seg, limit * RECORD.size, first * RECORD.size)
        whole = data[: len(data) // RECORD.size * RECORD.size]
        return [_sound(Record(*fields)) for fields in RECORD.iter_unpack(whole)]

    def last(self) -> Record | None:
        """The newest record."""
        count = self.count
        found = self.records(count - 1, 1) if count else []
        return found[0] if found else None

    def covered(self) -> int:
        """The position after the last byte that a record covers."""
        last = self.last()
        return self.base if last is None else last.end

    def find(self, offset: int) -> int:
        """The number of the record that covers `offset`; the last one's when none does."""
        low, high = 0, self.count
        while low < high:
            middle = (low + high) // 2
            if self.records(middle, 1)[0].offset <= offset:
                low = middle + 1
            else:
                high = middle
        return max(0, low - 1)


def _sound(record: Record) -> Record:
    """The record; one of a stream that there is not, which only a damaged disk tells of, becomes a notice."""
    return record if record.stream in STREAMS else record._replace(stream=NOTICE)


def bases(folder: Path) -> list[int]:
    """The first offsets of the parts that are there, ascending; none without a journal. Blocks."""
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return []
    return sorted(int(name.removesuffix(SUFFIX)) for name in names if name.endswith(SUFFIX))


def state(folder: Path) -> JournalState | None:
    """How far a journal goes and how its run ended; None when the run never began. Blocks."""
    for base in reversed(bases(folder)):
        with contextlib.suppress(FileNotFoundError), Part(folder, base) as part:
            last = part.last()
            if last is not None:
                return JournalState(last.end, last if last.stream == END else None)
            if base == 0:
                return JournalState(0, None)
    return None


def kept(folder: Path) -> int:
    """Bytes that a journal takes, records included; 0 without one. Blocks."""
    total = 0
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):  # the cap dropped the part
                total += entry.stat(follow_symlinks=False).st_size if entry.name != RESERVE else 0
    return total


def sync(folder: Path) -> None:
    """Has the kernel put the whole journal onto the disk, so that a power loss cannot take it back. Blocks."""
    for name in os.listdir(folder):
        with contextlib.suppress(FileNotFoundError):  # the cap dropped the part
            _sync(folder / name, os.O_RDONLY)
    for path in (folder, folder.parent):
        _sync(path, os.O_RDONLY | os.O_DIRECTORY)


def _sync(path: Path, flags: int) -> None:
    handle = os.open(path, flags | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class JournalReader:
    """A reading position in one journal.

    Args:
        folder: where its parts lie.
        offset: where to begin.
    """

    def __init__(self, folder: Path, offset: int = 0) -> None:
        self.position = offset
        self.part: Part | None = None
        self._folder = folder
        self._covered = 0

    async def read(self, limit: int, until: int) -> bytearray | Skipped | None:
        """The next bytes, all from one part: at most `limit`, none from `until` on.

        Returns:
            The bytes; how many are not there any more; or None when the position has reached `until`.
        """
        while self.position < until:
            if self.part is None or not self._look():
                skipped = await asyncio.to_thread(self._enter, until)
                if skipped is not None:
                    return skipped
                continue
            length = min(limit, until - self.position, self._covered - self.position)
            data = await _read(self.part.out, length, self.position - self.part.base)
            if data:
                self.position += len(data)
                return data
            self._covered = self.position  # the disk lost what the records promise: treat it as dropped
            self.close()
            self.position += length
            return Skipped(length, self.position)
        return None

    def move(self, offset: int) -> None:
        """Goes on reading at another offset."""
        if not (self.part is not None and self.part.base <= offset < self._covered):
            self.close()
        self.position = offset

    def close(self) -> None:
        """Closes the open part."""
        if self.part is not None:
            self.part.close()
            self.part = None

    def _look(self) -> bool:
        """Whether the open part holds bytes from the position on."""
        if self.part is not None and self._covered <= self.position:
            self._covered = self.part.covered()
        return self._covered > self.position

    def _enter(self, until: int) -> Skipped | None:
        """Opens the part that covers the position, or the next one there is; says what lay between."""
        self.close()
        for _ in range(3):  # a part may be dropped between the listing and the opening
            for base in _from(bases(self._folder), self.position):
                try:
                    part = Part(self._folder, base)
                except FileNotFoundError:
                    break
                covered = part.covered()
                if covered > self.position:
                    self.part, self._covered = part, covered
                    return self._skip_to(base) if base > self.position else None
                part.close()
        return self._skip_to(until)

    def _skip_to(self, offset: int) -> Skipped:
        skipped = Skipped(offset - self.position, offset)
        self.position = offset
        return skipped


def _from(found: Sequence[int], offset: int) -> Sequence[int]:
    """The parts that may cover `offset` or begin after it."""
    return found[max(0, bisect_right(found, offset) - 1) :]


async def _read(handle: int, length: int, offset: int) -> bytearray:
    """Reads without leaving the loop what lies in the page cache, anything else in a thread."""
    buffer = bytearray(length)
    try:
        count = os.preadv(handle, [buffer], offset, os.RWF_NOWAIT)
    except OSError:  # not in the cache, or a file system that cannot say
        count = await asyncio.to_thread(os.preadv, handle, [buffer], offset)
    del buffer[count:]
    return buffer
