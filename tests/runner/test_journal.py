"""The journal on disk: parts, records, the cap, full disks."""

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.runner import journal as writer
from app.runner.journal import END, LOST, NOTICE, PART_SIZE, RECORD, STDERR, STDOUT, TRUNCATED
from tests.runner.support import Journal

MIB = 1 << 20


class Clock:
    """Time as the journal sees it."""

    def __init__(self) -> None:
        self.now = 1_000_000_000

    def time_ns(self) -> int:
        return self.now

    def pass_ms(self, milliseconds: float) -> None:
        self.now += int(milliseconds * 1_000_000)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(writer, "time", clock)
    return clock


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[writer.Journal]:
    journal = writer.Journal(str(tmp_path / "runs" / "a"), 64 * MIB)
    yield journal
    journal.close()


def on_disk(tmp_path: Path) -> Journal:
    return Journal(tmp_path, "a")


def test_a_part_is_two_files_named_by_its_first_offset_for_nobody_else(tmp_path: Path, journal: writer.Journal) -> None:
    folder = tmp_path / "runs" / "a"
    parts = [folder / ("0" * 20 + ".out"), folder / ("0" * 20 + ".seg")]
    assert [stat.S_IMODE(path.stat().st_mode) for path in parts] == [0o600, 0o600]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    journal.close()
    assert sorted(folder.iterdir()) == parts


def test_a_record_is_24_bytes_of_offset_time_length_stream_and_flags(
    tmp_path: Path, journal: writer.Journal, clock: Clock
) -> None:
    journal.append(STDOUT, b"hello")
    journal.append(STDERR, b"err")
    journal.flags |= 1
    journal.end(256)
    raw = (tmp_path / "runs" / "a" / writer.seg_name(0)).read_bytes()
    assert raw == (
        RECORD.pack(0, clock.now, 5, STDOUT, 0)
        + RECORD.pack(5, clock.now, 3, STDERR, 0)
        + RECORD.pack(8, clock.now, 256, END, 1)
    )
    assert RECORD.size == 24
    assert (journal.size, journal.records) == (8, 3)


def test_neighbours_of_one_stream_within_20_ms_share_a_record(
    tmp_path: Path, journal: writer.Journal, clock: Clock
) -> None:
    for text in (b"a", b"b", b"c", b"d"):
        journal.append(STDOUT, text)
        clock.pass_ms(9)
    journal.append(STDERR, b"E")
    journal.append(STDOUT, b"e")
    assert [(offset, length, stream) for offset, _, length, stream, _ in on_disk(tmp_path).records()] == [
        (0, 3, STDOUT),
        (3, 1, STDOUT),
        (4, 1, STDERR),
        (5, 1, STDOUT),
    ]


@pytest.mark.fault("X44")
def test_a_clock_that_jumps_back_begins_a_record_and_keeps_the_order(
    tmp_path: Path, journal: writer.Journal, clock: Clock
) -> None:
    journal.append(STDOUT, b"before")
    clock.now -= 3600 * 10**9 // 10**4
    journal.append(STDOUT, b"after")
    assert on_disk(tmp_path).bytes() == b"beforeafter"
    assert journal.records == 2


def test_parts_stay_below_their_size_and_records_within_them(tmp_path: Path, journal: writer.Journal) -> None:
    data = os.urandom(3 * MIB + 17)
    for _ in range(8):
        journal.append(STDOUT, data)
    journal.end(0)
    disk = on_disk(tmp_path)
    assert disk.bytes() == data * 8
    assert len(disk.bases) == 4
    folder = tmp_path / "runs" / "a"
    for base in disk.bases:
        size = (folder / writer.out_name(base)).stat().st_size + (folder / writer.seg_name(base)).stat().st_size
        assert size <= PART_SIZE
    assert not journal.flags


def test_records_count_towards_the_part(tmp_path: Path, clock: Clock) -> None:
    journal = writer.Journal(str(tmp_path / "runs" / "a"), 4 * 64 << 10)  # parts of 64 KiB
    for i in range(6000):
        journal.append(i % 2, b"x")
    journal.end(0)
    journal.close()
    assert len(on_disk(tmp_path).bases) == 3
    assert on_disk(tmp_path).bytes(STDOUT) == b"x" * 3000


@pytest.mark.parametrize("cap", [64 << 10, 1 * MIB, 20 * MIB, 33 * MIB])
def test_past_the_cap_the_middle_goes_and_head_and_tail_stay(tmp_path: Path, cap: int) -> None:
    journal = writer.Journal(str(tmp_path / "runs" / "a"), cap)
    line = b"%019d\n"
    numbers = iter(range(10**9))
    written = bytearray()
    for _ in range(30):
        chunk = b"".join(line % next(numbers) for _ in range(cap // 200))
        written += chunk
        journal.append(STDOUT, chunk)
        assert on_disk(tmp_path).disk() <= cap + writer.RESERVE_SIZE
    journal.end(0)
    journal.close()
    disk = on_disk(tmp_path)
    pieces = disk.pieces()
    kept = b"".join(data for _, data in pieces)
    assert disk.end() == (len(written), 0, TRUNCATED)
    first_part = (disk.folder / writer.out_name(0)).read_bytes()
    assert written.startswith(first_part), "the head is there"
    assert len(first_part) > cap // 5
    tail = kept[len(first_part) :]
    assert written.endswith(tail), "the tail is there, without a gap"
    assert len(tail) > cap // 3
    assert disk.bases[1] > len(first_part), "what lies between is gone, offsets stay"


def test_there_is_one_journal_for_a_run(tmp_path: Path, journal: writer.Journal) -> None:
    with pytest.raises(FileExistsError):
        writer.Journal(str(tmp_path / "runs" / "a"), MIB)


def test_a_journal_that_is_discarded_leaves_nothing(tmp_path: Path) -> None:
    journal = writer.Journal(str(tmp_path / "runs" / "b"), MIB)
    journal.discard()
    assert not (tmp_path / "runs" / "b").exists()


# -- disks that take no more; the real ones are in test_full_disk.py


class Disk:
    """Lets `room` bytes of output through, then says that there is no space. Records always fit, unless told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.room = 1 << 62
        self.records_fail = False
        self._pwrite = os.pwrite
        monkeypatch.setattr(os, "pwrite", self.write)

    def write(self, fd: int, data: bytes | memoryview, offset: int) -> int:
        name = os.readlink(f"/proc/self/fd/{fd}")
        if name.endswith(".seg"):
            if self.records_fail:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return self._pwrite(fd, data, offset)
        if not self.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written = self._pwrite(fd, data[: self.room], offset)
        self.room -= written
        return written


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


@pytest.mark.fault("X31")
def test_what_a_full_disk_takes_is_kept_the_rest_is_counted_and_noted_later(
    tmp_path: Path, journal: writer.Journal, disk: Disk
) -> None:
    disk.room = 5
    journal.append(STDOUT, b"12345678")
    journal.append(STDERR, b"lost")
    assert (journal.size, journal.flags) == (5, LOST)
    disk.room = 1 << 62
    journal.append(STDOUT, b"again")
    journal.end(0)
    note = b"\n[output lost 7 bytes: No space left on device]\n"
    assert on_disk(tmp_path).pieces() == [(STDOUT, b"12345"), (NOTICE, note), (STDOUT, b"again")]
    assert on_disk(tmp_path).end() == (10 + len(note), 0, LOST)


def test_a_note_that_fits_only_in_part_is_not_there_at_all(tmp_path: Path, journal: writer.Journal, disk: Disk) -> None:
    disk.room = 0
    journal.append(STDOUT, b"x" * 10)
    disk.room = 7
    journal.append(STDOUT, b"y" * 10)
    assert journal.size == 0
    disk.room = 1 << 62
    journal.append(STDOUT, b"z")
    assert on_disk(tmp_path).bytes() == b"\n[output lost 20 bytes: No space left on device]\nz"


def test_bytes_without_a_record_do_not_exist_and_are_written_over(
    tmp_path: Path, journal: writer.Journal, disk: Disk
) -> None:
    journal.append(STDOUT, b"good")
    disk.records_fail = True
    journal.append(STDERR, b"half there")
    assert journal.size == 4
    assert on_disk(tmp_path).bytes() == b"good"
    disk.records_fail = False
    journal.append(STDERR, b"back")
    assert on_disk(tmp_path).bytes() == b"good\n[output lost 10 bytes: No space left on device]\nback"


def test_an_end_that_cannot_be_recorded_is_an_error_and_can_be_tried_again(
    tmp_path: Path, journal: writer.Journal, disk: Disk
) -> None:
    journal.append(STDOUT, b"x")
    disk.records_fail = True
    with pytest.raises(OSError, match="No space"):
        journal.end(0)
    assert on_disk(tmp_path).end() is None
    disk.records_fail = False
    journal.end(9)
    assert on_disk(tmp_path).end() == (1, 9, 0)


def test_room_for_the_end_is_kept_and_a_run_without_it_does_not_begin(
    tmp_path: Path, journal: writer.Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    reserve = tmp_path / "runs" / "a" / writer.RESERVE
    assert reserve.stat().st_blocks * 512 >= 4096
    pwrite = os.pwrite

    def full(fd: int, data: bytes, offset: int) -> int:
        if reserve.exists():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return pwrite(fd, data, offset)

    monkeypatch.setattr(os, "pwrite", full)
    journal.end(0)
    assert on_disk(tmp_path).end() == (0, 0, 0)

    monkeypatch.setattr(os, "write", lambda fd, data: 100)
    with pytest.raises(OSError, match="No space"):
        writer.Journal(str(tmp_path / "runs" / "b"), MIB)
    assert not (tmp_path / "runs" / "b").exists()


def test_output_lost_at_the_very_end_is_noted(tmp_path: Path, journal: writer.Journal, disk: Disk) -> None:
    disk.room = 0
    journal.append(STDOUT, b"lost")
    disk.room = 1 << 62
    journal.end(0)
    assert on_disk(tmp_path).bytes() == b"\n[output lost 4 bytes: No space left on device]\n"


def test_a_part_that_cannot_be_begun_is_lost_output_and_no_error(tmp_path: Path, journal: writer.Journal) -> None:
    journal.append(STDOUT, b"x" * (PART_SIZE - 100))
    folder = tmp_path / "runs" / "a"
    folder.rename(tmp_path / "runs" / "elsewhere")
    journal.append(STDOUT, b"y" * 1000)
    assert journal.flags == LOST
    (tmp_path / "runs" / "elsewhere").rename(folder)
    journal.append(STDOUT, b"z")
    journal.end(0)
    disk = on_disk(tmp_path)
    assert len(disk.bases) == 2
    note = b"\n[output lost %d bytes: No such file or directory]\n" % (1000 - (disk.bases[1] - (PART_SIZE - 100)))
    assert disk.bytes().endswith(note + b"z")
    assert disk.end() == (journal.size, 0, LOST)
