"""A power cut at any moment: whatever the disk took back, the database is sound and holds what was acknowledged."""

import contextlib
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.power_cut import disks_after
from tests.faults.recording_vfs import can_record
from tests.support.evidence import Evidence, often
from tests.support.server import ROOT

pytestmark = pytest.mark.skipif(not can_record(), reason="this Python's SQLite is built into it, out of reach")

Write = Callable[[str], tuple[Path, bytes]]


@pytest.fixture
def write(database_template: Path, tmp_path: Path) -> Write:
    """Writes rows under the recorder; answers the record, and the database as it was before."""

    def run(synchronous: str) -> tuple[Path, bytes]:
        shutil.copy(database_template, tmp_path / "toru.db")
        before = (tmp_path / "toru.db").read_bytes()
        where = [str(tmp_path), str(tmp_path / "record")]
        command = [sys.executable, "-m", "tests.faults.power_cut", *where, "150", synchronous]
        subprocess.run(command, cwd=ROOT, check=True, timeout=50)
        return tmp_path / "record", before

    return run


def found_on(folder: Path, database: bytes, log: bytes) -> tuple[str, int, bool]:
    """(what the integrity check says, how many rows there are, whether they are the first ones) on such a disk."""
    folder.mkdir(exist_ok=True)
    for path in folder.iterdir():
        path.unlink()
    (folder / "toru.db").write_bytes(database)
    (folder / "toru.db-wal").write_bytes(log)
    with contextlib.closing(sqlite3.connect(folder / "toru.db")) as connection:
        told: str = connection.execute("PRAGMA integrity_check").fetchone()[0]
        if not connection.execute("SELECT * FROM sqlite_master WHERE name = 'ledger'").fetchone():
            return told, 0, True
        numbers = [number for (number,) in connection.execute("SELECT number FROM ledger ORDER BY number")]
        return told, len(numbers), numbers == list(range(len(numbers)))


@pytest.mark.fault("S06")
def test_nothing_acknowledged_is_lost_and_nothing_is_damaged(write: Write, tmp_path: Path, evidence: Evidence) -> None:
    record, before = write("as it is")
    cuts = often(50, 1_000)
    for acknowledged, database, log in disks_after(record, before, cuts, seed=7):
        told, rows, in_order = found_on(tmp_path / "disk", database, log)
        evidence.kept["rows after power cuts"] += min(rows, acknowledged)
        evidence.lost["rows after power cuts"] += max(0, acknowledged - rows)
        assert told == "ok"
        assert in_order
        assert rows >= acknowledged
    evidence.attacks["power cuts"] += cuts


def test_without_syncs_the_same_cuts_lose_rows(write: Write, tmp_path: Path) -> None:
    """So the test above can fail: here SQLite is told not to wait for the disk."""
    record, before = write("OFF")
    lost = 0
    for acknowledged, database, log in disks_after(record, before, 30, seed=7):
        try:
            told, rows, in_order = found_on(tmp_path / "disk", database, log)
        except sqlite3.DatabaseError:
            lost += 1
            continue
        lost += told != "ok" or not in_order or rows < acknowledged
    assert lost > 5
