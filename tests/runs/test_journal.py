"""Reading journals that the runner's own writer made."""

import asyncio
import os
from pathlib import Path

import pytest

from app.runner.journal import STDERR, STDOUT, Journal
from app.runs.journal import JournalReader, Part, bases, state, sync
from app.runs.schemas import Skipped
from tests.runs.support import write_journal

pytestmark = pytest.mark.allows_blocking  # the runner's writer works in the tests' own loop

SMALL = 64 << 10  # the smallest cap: parts of 16 KiB


async def read_all(folder: Path, size: int, offset: int = 0, limit: int = 5000) -> tuple[bytes, list[Skipped]]:
    """Everything from an offset on, and what was skipped."""
    reader = JournalReader(folder, offset)
    found, skips = bytearray(), []
    while (data := await reader.read(limit, size)) is not None:
        if isinstance(data, Skipped):
            skips.append(data)
        else:
            found += data
    reader.close()
    return bytes(found), skips


async def test_reads_from_any_offset_across_parts(tmp_path: Path) -> None:
    content = os.urandom(50_000)
    journal = write_journal(tmp_path / "run", [(STDOUT, content)], cap=256 << 10)
    assert len(bases(tmp_path / "run")) == 1
    for offset in (0, 1, 4999, 5000, 49_999, 50_000):
        assert await read_all(tmp_path / "run", journal.size, offset) == (content[offset:], [])


async def test_parts_are_joined_seamlessly(tmp_path: Path) -> None:
    content = os.urandom(55_000)
    journal = write_journal(tmp_path / "run", [(STDOUT, content)], cap=SMALL)
    assert len(bases(tmp_path / "run")) == 4
    for offset in (0, 16_000, 16_384, 40_000):
        assert await read_all(tmp_path / "run", journal.size, offset) == (content[offset:], [])


async def test_what_the_cap_dropped_is_skipped_and_said(tmp_path: Path) -> None:
    content = os.urandom(300_000)
    journal = write_journal(tmp_path / "run", [(STDOUT, content)], cap=SMALL)
    head, *_ = bases(tmp_path / "run")[1:]
    found, (skip,) = await read_all(tmp_path / "run", journal.size)
    assert found == content[: skip.offset - skip.count] + content[skip.offset :]
    assert skip.offset == head
    found, (skip,) = await read_all(tmp_path / "run", journal.size, 100_000)
    assert (skip.count, skip.offset) == (head - 100_000, head)
    assert found == content[head:]


async def test_nothing_is_read_beyond_what_is_told(tmp_path: Path) -> None:
    write_journal(tmp_path / "run", [(STDOUT, b"0123456789")])
    assert await read_all(tmp_path / "run", 4) == (b"0123", [])


async def test_bytes_without_a_record_do_not_exist(tmp_path: Path) -> None:
    """A full disk can leave bytes behind that no record covers; the next part begins where the records end."""
    journal = Journal(str(tmp_path / "run"), SMALL)
    journal.append(STDOUT, b"a" * 10_000)
    with open(tmp_path / "run" / "00000000000000000000.out", "ab") as out:
        out.write(b"garbage")
    journal._roll()
    journal.append(STDOUT, b"b" * 10)
    journal.close()
    assert await read_all(tmp_path / "run", journal.size) == (b"a" * 10_000 + b"b" * 10, [])


async def test_follows_a_journal_that_grows_rolls_and_drops(tmp_path: Path) -> None:
    journal = Journal(str(tmp_path / "run"), SMALL)
    reader = JournalReader(tmp_path / "run")
    written, found = bytearray(), bytearray()
    for number in range(400):
        data = bytes([number % 256]) * 1000
        written += data
        journal.append(STDOUT, data)
        piece = await reader.read(4096, journal.size)
        assert isinstance(piece, bytearray)
        found += piece
    assert found == written
    assert await reader.read(4096, journal.size) is None
    assert len(bases(tmp_path / "run")) < 6
    reader.close()
    journal.close()


async def test_a_reader_that_is_overtaken_goes_on_where_there_is_something(tmp_path: Path) -> None:
    journal = Journal(str(tmp_path / "run"), SMALL)
    journal.append(STDOUT, b"x" * 20_000)
    reader = JournalReader(tmp_path / "run", 18_000)
    assert await reader.read(100, journal.size) == bytearray(b"x" * 100)
    for _ in range(30):
        journal.append(STDOUT, b"y" * 10_000)
    rest, skipped = 0, 0
    while (data := await reader.read(1 << 16, journal.size)) is not None:
        if isinstance(data, Skipped):
            skipped += data.count
        else:
            rest += len(data)
    assert skipped > 200_000
    assert 18_100 + rest + skipped == journal.size
    reader.close()
    journal.close()


async def test_output_that_the_disk_lost_is_skipped_not_waited_for(tmp_path: Path) -> None:
    journal = write_journal(tmp_path / "run", [(STDOUT, b"x" * 100)])
    os.truncate(tmp_path / "run" / "00000000000000000000.out", 40)
    found, (skip,) = await read_all(tmp_path / "run", journal.size)
    assert (found, skip) == (b"x" * 40, Skipped(60, 100))


async def test_a_journal_that_is_gone_is_skipped_as_a_whole(tmp_path: Path) -> None:
    assert await read_all(tmp_path / "run", 1000) == (b"", [Skipped(1000, 1000)])


def test_the_state_is_what_the_records_say(tmp_path: Path) -> None:
    assert state(tmp_path / "never") is None
    write_journal(tmp_path / "begun", [(STDOUT, b"abc"), (STDERR, b"de")], status=None)
    begun = state(tmp_path / "begun")
    assert begun is not None
    assert (begun.size, begun.end) == (5, None)
    write_journal(tmp_path / "ended", [(STDOUT, b"abc")], status=3 << 8)
    ended = state(tmp_path / "ended")
    assert ended is not None
    assert ended.end is not None
    assert (ended.size, ended.end.length) == (3, 3 << 8)
    write_journal(tmp_path / "silent", [], status=None)
    silent = state(tmp_path / "silent")
    assert silent is not None
    assert (silent.size, silent.end) == (0, None)


def test_a_record_that_was_half_written_does_not_exist(tmp_path: Path) -> None:
    write_journal(tmp_path / "run", [(STDOUT, b"abc")], status=0)
    seg = tmp_path / "run" / "00000000000000000000.seg"
    os.truncate(seg, seg.stat().st_size - 1)
    found = state(tmp_path / "run")
    assert found is not None
    assert (found.size, found.end) == (3, None)


def test_syncs_every_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_journal(tmp_path / "run", [(STDOUT, b"x" * 40_000)], cap=SMALL)
    synced = []

    def fsync(handle: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{handle}"))

    monkeypatch.setattr(os, "fsync", fsync)
    sync(tmp_path / "run")
    assert set(synced) == {str(path) for path in (tmp_path / "run").iterdir()} | {str(tmp_path / "run"), str(tmp_path)}


def test_a_part_that_nobody_closes_is_closed(tmp_path: Path) -> None:
    write_journal(tmp_path / "run", [(STDOUT, b"x")])
    before = len(os.listdir("/proc/self/fd"))
    Part(tmp_path / "run", 0)
    assert len(os.listdir("/proc/self/fd")) == before


async def test_a_viewer_that_leaves_while_a_part_is_opened_leaves_no_descriptor(tmp_path: Path) -> None:
    journal = write_journal(tmp_path / "run", [(STDOUT, b"x" * 100)])
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        reader = JournalReader(tmp_path / "run")
        task = asyncio.create_task(reader.read(10, journal.size))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        reader.close()
        del reader, task
    await asyncio.to_thread(lambda: None)
    assert len(os.listdir("/proc/self/fd")) <= before + 1
