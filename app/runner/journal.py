"""The journal of a run: its output in the order of arrival, on disk, as parts with head and tail kept.

`<data>/runs/<id>/` holds parts, a part is two files named by the absolute offset of its first byte: `….out` are raw
bytes, `….seg` are records that say when and on which stream they came. On disk come first the bytes, then the record,
then (by the runner) the word to the core: what no record covers does not exist yet.
"""

import contextlib
import errno
import os
import struct
import time

RECORD = struct.Struct("<QQIBB2x")  # absolute offset, unix time in ns, length, stream, flags
LENGTH = struct.Struct("<I")
LENGTH_AT = 16  # where the length stands in a record

STDOUT, STDERR, NOTICE, END = 0, 1, 2, 255  # streams; a terminal is STDOUT, END's length is the wait status
CANCELLED, TRUNCATED, LOST, TIMED_OUT = 1, 2, 4, 8  # flags

PART_SIZE = 8 << 20  # bytes of output and records in a part
MIN_CAP = 64 << 10
RESERVE = "reserve"  # a file that keeps room for the record of the end, should the disk get full
RESERVE_SIZE = 4096
MERGE_NS = 20_000_000  # neighbours of one stream within this time share a record

Data = bytes | bytearray | memoryview


def out_name(base: int) -> str:
    """The file with the bytes of the part that begins at offset `base`."""
    return f"{base:020d}.out"


def seg_name(base: int) -> str:
    """The file with its records."""
    return f"{base:020d}.seg"


class _Part:
    """The part that is being written."""

    __slots__ = ("base", "length", "out", "records", "seg")

    def __init__(self, folder: str, base: int) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self.base = base
        self.length = 0
        self.records = 0
        self.out = os.open(os.path.join(folder, out_name(base)), flags, 0o600)
        try:
            self.seg = os.open(os.path.join(folder, seg_name(base)), flags, 0o600)
        except OSError:
            os.close(self.out)
            os.unlink(os.path.join(folder, out_name(base)))
            raise

    @property
    def size(self) -> int:
        return self.length + self.records * RECORD.size

    def close(self) -> None:
        for fd in (self.out, self.seg):
            with contextlib.suppress(OSError):  # what a quota or a network disk says late changes nothing any more
                os.close(fd)


class Journal:
    """Writes one run's journal. `size`, `records` and `flags` are what a reader may rely on.

    A full disk never stops a run: what could not be written is counted, flagged, and noted once there is room again.
    Nothing here waits for the disk (fsync is the core's).
    """

    def __init__(self, folder: str, cap: int, line_end: str = "\n") -> None:
        """Creates the folder (0700) and the first part.

        Raises OSError when there is no room for an end, FileExistsError when there is a journal.
        """
        self.size = 0
        self.records = 0
        self.flags = 0
        self._folder = folder
        self._cap = max(cap, MIN_CAP)
        self._part_size = min(PART_SIZE, self._cap // 4)
        self._line_end = line_end
        self._lost = 0
        self._reason = ""
        self._stream = -1  # of the last record, -1 when nothing may be added to it
        self._since = 0
        self._grown = 0  # its length
        self._full: list[tuple[int, int]] = []  # base and size of the parts that are complete
        self._full_size = 0
        os.makedirs(folder, 0o700, exist_ok=True)
        self._part = _Part(folder, 0)
        try:
            self._make_reserve()
        except OSError:
            self.discard()
            raise

    def append(self, stream: int, data: Data) -> None:
        """Keeps what a stream gave. Never raises: what cannot be kept is counted as lost."""
        now = time.time_ns()
        if self._lost:
            self._note_loss(now)
        self._keep(stream, data, now)

    def end(self, status: int) -> None:
        """Records the end, the wait status and the flags. Raises OSError when it could not; try again later."""
        now = time.time_ns()
        if self._lost:
            self._note_loss(now)
        record = RECORD.pack(self.size, now, status, END, self.flags)
        try:
            self._write_record(record)
        except OSError:
            self._free_reserve()
            self._write_record(record)

    def close(self) -> None:
        """Closes the files."""
        self._part.close()
        self._free_reserve()

    def discard(self) -> None:
        """Closes and removes the journal of a run that never started."""
        self.close()
        with contextlib.suppress(OSError):
            for name in (out_name(0), seg_name(0)):
                os.unlink(os.path.join(self._folder, name))
            os.rmdir(self._folder)

    def _make_reserve(self) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC
        reserve = os.open(os.path.join(self._folder, RESERVE), flags, 0o600)
        try:
            if os.write(reserve, bytes(RESERVE_SIZE)) < RESERVE_SIZE:
                raise _no_room()
        finally:
            os.close(reserve)

    def _free_reserve(self) -> None:
        with contextlib.suppress(OSError):
            os.unlink(os.path.join(self._folder, RESERVE))

    def _note_loss(self, now: int) -> None:
        text = f"{self._line_end}[output lost {self._lost} bytes: {self._reason}]{self._line_end}"
        note = memoryview(text.encode())
        try:
            if self._free(NOTICE, now) < len(note):
                self._roll()
            written = 0
            while written < len(note):
                written += os.pwrite(self._part.out, note[written:], self._part.length + written)
            self._cover(NOTICE, written, now)
        except OSError:
            return
        self._lost = 0

    def _keep(self, stream: int, data: Data, now: int) -> None:
        view = memoryview(data)
        try:
            while view:
                room = self._room(stream, len(view), now)
                # At its exact place: what a full disk left without a record is written over.
                written = os.pwrite(self._part.out, view[:room], self._part.length)
                self._cover(stream, written, now)
                view = view[written:]
        except OSError as error:
            self._lost += len(view)
            self._reason = error.strerror or str(error)
            self.flags |= LOST

    def _room(self, stream: int, wanted: int, now: int) -> int:
        """How many of the bytes fit into the part, a new one if there is none; drops old parts past the cap."""
        room = self._free(stream, now)
        if room <= 0:
            self._roll()
            room = self._free(stream, now)
        take = min(room, wanted)
        while self._full_size + self._part.size + take + RECORD.size > self._cap and len(self._full) > 1:
            self._drop_oldest()
        return take

    def _free(self, stream: int, now: int) -> int:
        """Bytes that fit into the part; there is always room left for the record of the end."""
        records = 1 if self._merges(stream, now) else 2
        return self._part_size - self._part.size - records * RECORD.size

    def _merges(self, stream: int, now: int) -> bool:
        return stream == self._stream and 0 <= now - self._since < MERGE_NS

    def _roll(self) -> None:
        part = _Part(self._folder, self.size)
        self._part.close()
        self._full.append((self._part.base, self._part.size))
        self._full_size += self._part.size
        self._part = part
        self._stream = -1

    def _drop_oldest(self) -> None:
        base, size = self._full.pop(1)  # the first stays: it is the head
        self._full_size -= size
        self.flags |= TRUNCATED
        for name in (seg_name(base), out_name(base)):
            with contextlib.suppress(OSError):
                os.unlink(os.path.join(self._folder, name))

    def _cover(self, stream: int, length: int, now: int) -> None:
        if self._merges(stream, now):
            place = (self._part.records - 1) * RECORD.size + LENGTH_AT
            os.pwrite(self._part.seg, LENGTH.pack(self._grown + length), place)
        else:
            self._write_record(RECORD.pack(self.size, now, length, stream, 0))
            self._stream, self._since, self._grown = stream, now, 0
        self._grown += length
        self._part.length += length
        self.size += length

    def _write_record(self, record: bytes) -> None:
        place = self._part.records * RECORD.size
        written = os.pwrite(self._part.seg, record, place)
        if written < len(record):  # a disk that is just full took half of it
            written += os.pwrite(self._part.seg, record[written:], place + written)
        if written < len(record):
            raise _no_room()
        self._part.records += 1
        self.records += 1


def _no_room() -> OSError:
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
