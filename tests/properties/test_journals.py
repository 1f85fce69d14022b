"""Journals of runs: what the runner wrote is read from anywhere, and no damage on the disk is more than damage."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.runner.journal import RECORD, Journal
from app.runs.journal import JournalReader, state
from app.runs.lines import LineReader
from app.runs.schemas import Lines, Skipped
from tests.properties.support import examples, spoilt
from tests.support.evidence import Evidence

pytestmark = pytest.mark.timeout(1200)

WRITES = st.lists(
    st.tuples(st.sampled_from([0, 1]), st.text("ab\n\r\x1bü🚀", max_size=30).map(str.encode)), max_size=12
)
TURNS = 2_000
DAMAGES = 6


@contextmanager
def folder() -> Iterator[Path]:
    place = Path(tempfile.mkdtemp(prefix="toru-journal-"))
    try:
        yield place / "run"
    finally:
        shutil.rmtree(place)


def write(place: Path, writes: list[tuple[int, bytes]], status: int = 0) -> bytes:
    journal = Journal(str(place), 1 << 20)
    for stream, data in writes:
        if data:
            journal.append(stream, data)
    journal.end(status)
    journal.close()
    return b"".join(data for _, data in writes)


async def everything(place: Path, offset: int, until: int, limit: int) -> tuple[bytes, int]:
    """(all bytes, how many were skipped) from an offset on."""
    reader, found, skipped = JournalReader(place, offset), bytearray(), 0
    try:
        for _ in range(TURNS):
            before = reader.position
            part = await reader.read(limit, until)
            if part is None:
                return bytes(found), skipped
            assert before < reader.position <= until
            if isinstance(part, Skipped):
                skipped += part.count
            else:
                found += part
    finally:
        reader.close()
    raise AssertionError("it never came to its end")


async def lines(place: Path, offset: int, until: int, limit: int) -> list[tuple[bool, bytes]]:
    reader, found = LineReader(place, offset), list[tuple[bool, bytes]]()
    try:
        for _ in range(TURNS):
            parts = await reader.read(limit, until)
            if parts is None:
                return found + [(part.stderr, bytes(part.data)) for part in await reader.rest()]
            found += [(p.stderr, line) for p in parts if isinstance(p, Lines) for line in p.data.split(b"\n")]
    finally:
        reader.close()
    raise AssertionError("it never came to its end")


@examples(25, 2_500)
@given(WRITES, st.integers(0, 400), st.integers(1, 64), st.integers(0, 0xFFFF))
def test_what_was_written_is_read_from_any_offset(
    evidence: Evidence, writes: list[tuple[int, bytes]], offset: int, limit: int, status: int
) -> None:
    with folder() as place:
        evidence.inputs["journal segments"] += 1
        whole = write(place, writes, status)
        told = state(place)
        assert told is not None
        assert told.size == len(whole)
        assert told.end is not None
        assert told.end.length == status
        offset = min(offset, len(whole))
        assert asyncio.run(everything(place, offset, len(whole), limit)) == (whole[offset:], 0)


@examples(25, 2_500)
@given(WRITES, st.integers(1, 64))
def test_each_streams_lines_are_its_own(evidence: Evidence, writes: list[tuple[int, bytes]], limit: int) -> None:
    with folder() as place:
        evidence.inputs["journal segments"] += 1
        whole = write(place, writes)
        found = asyncio.run(lines(place, 0, len(whole), limit))
        for stream in (0, 1):
            wanted = b"".join(data for one, data in writes if one == stream)
            told = b"\n".join(line for stderr, line in found if stderr == bool(stream))
            assert told == wanted.removesuffix(b"\n")


@examples(15, 3_000)
@given(WRITES, st.integers(0), st.integers(0, 400), st.integers(1, 64), st.booleans())
def test_damaged_records_cost_output_and_nothing_else(
    evidence: Evidence, writes: list[tuple[int, bytes]], seed: int, offset: int, limit: int, bytes_too: bool
) -> None:
    with folder() as place:
        size = len(write(place, writes))
        (segments,), (output,) = place.glob("*.seg"), place.glob("*.out")
        records, kept = segments.read_bytes(), output.read_bytes()
        for damaged in chain(
            spoilt(records, seed, DAMAGES), [records[: seed % (len(records) + 1)], b"", b"\xff" * RECORD.size]
        ):
            evidence.inputs["journal segments"] += 1
            segments.write_bytes(damaged)
            if bytes_too:
                output.write_bytes(kept[: seed % (len(kept) + 1)])
            state(place)
            found, skipped = asyncio.run(everything(place, min(offset, size), size, limit))
            assert len(found) + skipped == size - min(offset, size)
            asyncio.run(lines(place, min(offset, size), size, limit))
