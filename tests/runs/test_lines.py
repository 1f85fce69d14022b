"""Lines of two streams in one journal, from any offset on."""

import random
from pathlib import Path

import pytest

from app.runner.journal import NOTICE, STDERR, STDOUT, Journal
from app.runs.halves import LONG_LINE, halves_before, unfinished_character
from app.runs.lines import LineReader
from app.runs.schemas import Lines, Skipped
from tests.runs.support import Entry, told, write_journal

pytestmark = pytest.mark.allows_blocking  # the runner's writer works in the tests' own loop

Told = list[tuple[str, bytes, int]]


async def read_lines(folder: Path, size: int, offset: int = 0, limit: int = 4096) -> Told:
    """All lines from an offset on."""
    reader = LineReader(folder, offset)
    found: list[Lines | Skipped] = []
    while (batch := await reader.read(limit, size)) is not None:
        found += batch
    found += await reader.rest()
    reader.close()
    return told(found)


async def test_lines_come_in_the_order_in_which_they_end(tmp_path: Path, separate_records: None) -> None:
    entries = [(STDOUT, b"one "), (STDERR, b"oops\nagain "), (STDOUT, b"line\ntwo\n"), (STDERR, b"and again\n")]
    journal = write_journal(tmp_path / "run", entries)
    assert await read_lines(tmp_path / "run", journal.size) == [
        ("stderr", b"oops", 9),
        ("stdout", b"one line", 20),
        ("stdout", b"two", 24),
        ("stderr", b"again and again", 34),
    ]


async def test_notes_of_the_runner_come_as_errors(tmp_path: Path) -> None:
    journal = write_journal(tmp_path / "run", [(STDOUT, b"half"), (NOTICE, b"\n[lost]\n"), (STDOUT, b" line\n")])
    assert await read_lines(tmp_path / "run", journal.size) == [
        ("stderr", b"", 5),
        ("stderr", b"[lost]", 12),
        ("stdout", b"half line", 18),
    ]


async def test_an_unfinished_line_ends_with_the_output(tmp_path: Path, separate_records: None) -> None:
    journal = write_journal(tmp_path / "run", [(STDERR, b"prompt> "), (STDOUT, b"done\nno end")])
    assert await read_lines(tmp_path / "run", journal.size) == [
        ("stdout", b"done", 13),
        ("stdout", b"no end", 20),
        ("stderr", b"prompt> ", 21),
    ]


@pytest.mark.fault("X36")
@pytest.mark.parametrize("seed", range(4))
async def test_resuming_at_any_offset_repeats_and_loses_nothing(
    tmp_path: Path, separate_records: None, seed: int
) -> None:
    """Two streams that write over each other, in parts of 16 KiB: from N come the lines that end after N."""
    generator = random.Random(seed)
    entries: list[Entry] = []
    for number in range(3000):
        text = b"%d " % number * generator.randrange(1, 4)
        entries.append((generator.choice((STDOUT, STDERR)), text + generator.choice((b"", b"\n", b"\n\n", b"\r\n"))))
    journal = write_journal(tmp_path / "run", entries, cap=256 << 10)
    everything = await read_lines(tmp_path / "run", journal.size)
    assert b"".join(line for _, line, _ in everything).replace(b"\r", b"") != b""
    offsets = [0, 1, journal.size - 1, journal.size, *(generator.randrange(journal.size) for _ in range(40))]
    for offset in offsets:
        expected = [line for line in everything if line[2] > offset]
        assert await read_lines(tmp_path / "run", journal.size, offset, generator.choice((7, 100, 4096))) == expected


@pytest.mark.parametrize("limit", [100, 4096, 32 << 10])
async def test_however_it_is_read_the_lines_are_the_same(tmp_path: Path, separate_records: None, limit: int) -> None:
    entries = [(STDOUT, b"a" * 70_000), (STDERR, b"b" * 3 + b"\n"), (STDOUT, b"a" * 70_000 + b"\nshort\n")]
    journal = write_journal(tmp_path / "run", entries)
    lines = await read_lines(tmp_path / "run", journal.size, limit=limit)
    assert [(stream, len(line), end) for stream, line, end in lines] == [
        ("stdout", 65_536, 65_536),
        ("stderr", 3, 70_004),
        ("stdout", 65_536, 131_076),
        ("stdout", 140_000 - 2 * 65_536, 140_005),
        ("stdout", 5, 140_011),
    ]


@pytest.mark.parametrize("offset", [1, 65_535, 65_536, 70_000, 70_004, 131_075, 131_076, 135_000, 140_004, 140_005])
async def test_long_lines_resume_at_their_pieces(tmp_path: Path, separate_records: None, offset: int) -> None:
    entries = [(STDOUT, b"a" * 70_000), (STDERR, b"b" * 3 + b"\n"), (STDOUT, b"a" * 70_000 + b"\nshort\n")]
    journal = write_journal(tmp_path / "run", entries)
    everything = await read_lines(tmp_path / "run", journal.size)
    assert await read_lines(tmp_path / "run", journal.size, offset) == [line for line in everything if line[2] > offset]


@pytest.mark.parametrize("length", [LONG_LINE - 1, LONG_LINE, LONG_LINE + 1, 2 * LONG_LINE])
async def test_a_line_of_64_kib_is_whole_a_longer_one_is_not(tmp_path: Path, length: int) -> None:
    journal = write_journal(tmp_path / "run", [(STDOUT, b"x" * length + b"\nnext\n")])
    lines = [line for _, line, _ in await read_lines(tmp_path / "run", journal.size, limit=1000)]
    assert [len(line) for line in lines[:-1]] == [LONG_LINE] * (length // LONG_LINE) + (
        [length % LONG_LINE] if length % LONG_LINE else []
    )
    assert lines[-1] == b"next"


async def test_a_piece_cuts_no_character(tmp_path: Path) -> None:
    text = "x" + "🚀" * 40_000
    journal = write_journal(tmp_path / "run", [(STDOUT, text.encode() + b"\n")])
    lines = await read_lines(tmp_path / "run", journal.size, limit=999)
    assert "".join(line.decode() for _, line, _ in lines) == text
    for offset in (LONG_LINE - 1, LONG_LINE, LONG_LINE + 1, 2 * LONG_LINE):
        expected = [line for line in lines if line[2] > offset]
        assert await read_lines(tmp_path / "run", journal.size, offset) == expected


async def test_a_gap_ends_the_lines_before_it(tmp_path: Path) -> None:
    line = b"%08d\n"
    content = b"".join(line % number for number in range(40_000))
    journal = write_journal(tmp_path / "run", [(STDOUT, content)], cap=64 << 10)
    lines = await read_lines(tmp_path / "run", journal.size)
    gap = next(place for place, (stream, _, _) in enumerate(lines) if stream == "skipped")
    _, count, offset = lines[gap]
    assert lines[gap - 1][2] == offset - int(count)
    numbers = [text for _, text, _ in [*lines[: gap - 1], *lines[gap + 2 :]]]
    assert all(len(text) == 8 for text in numbers)
    assert numbers[-1] == b"00039999"
    for later in (offset, offset + 1, offset + 3, offset + 1000):
        resumed = await read_lines(tmp_path / "run", journal.size, later)
        assert resumed == [line for line in lines if line[2] > later]


async def test_records_that_grow_while_they_are_read(tmp_path: Path) -> None:
    journal = Journal(str(tmp_path / "run"), 1 << 20)
    reader = LineReader(tmp_path / "run")
    found: list[Lines | Skipped] = []
    for number in range(500):
        journal.append(STDERR if number % 50 == 0 else STDOUT, b"%d\n" % number)
        while (batch := await reader.read(3, journal.size)) is not None:
            found += batch
    assert [line for _, line, _ in told(found)] == [b"%d" % number for number in range(500)]
    assert [stream for stream, _, _ in told(found)].count("stderr") == 10
    reader.close()
    journal.close()


def test_reading_back_stops_at_each_streams_own_line_end(tmp_path: Path, separate_records: None) -> None:
    entries = [(STDERR, b"far back"), *[(STDOUT, b"line\n")] * 9000, (STDOUT, b"half")]
    journal = write_journal(tmp_path / "run", entries)
    stdout, stderr, notice = halves_before(tmp_path / "run", journal.size, 3)
    assert (bytes(stdout.pending), bytes(stderr.pending), bytes(notice.pending)) == (b"half", b"far back", b"")


@pytest.mark.parametrize(
    ("data", "unfinished"),
    [
        ("🚀".encode()[:1], 1),
        ("🚀".encode()[:3], 3),
        ("a🚀".encode(), 0),
        ("ü".encode()[:1], 1),
        (b"\x80\x80", 0),
        (b"", 0),
    ],
)
def test_tells_unfinished_characters(data: bytes, unfinished: int) -> None:
    assert unfinished_character(data) == unfinished
