"""The database file: how its connections are set up, what is durable, and what happens when it does not answer."""

import asyncio
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlmodel import Session

from app.core import database as module
from app.core.database import Database, create_private
from app.core.errors import BadValue, Unavailable

PRAGMAS = {
    "journal_mode": "wal",
    "synchronous": 2,  # FULL
    "busy_timeout": 5000,
    "foreign_keys": 1,
    "trusted_schema": 0,
    "mmap_size": 0,
    "journal_size_limit": 16 * 1024 * 1024,
}

LOCK = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.readline()
"""


def pragmas(session: Session) -> dict[str, Any]:
    return {name: session.connection().exec_driver_sql(f"PRAGMA {name}").scalar() for name in PRAGMAS}


def put(key: str, value: str = "x") -> Any:
    return lambda session: session.execute(text("INSERT INTO settings VALUES (:k, :v)"), {"k": key, "v": value})


def keys(session: Session) -> list[str]:
    return [row[0] for row in session.execute(text("SELECT key FROM settings ORDER BY key"))]


@contextmanager
def locked(path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Another process holds the file; a line on its standard input lets go."""
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", LOCK, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"locked\n"
    yield process
    if process.returncode is None:
        process.communicate(b"\n")


async def opened_copy(template: Path, folder: Path) -> Database:
    """For tests that close it themselves."""
    shutil.copy(template, folder / "toru.db")
    database = Database(folder / "toru.db")
    await database.open()
    return database


@pytest.mark.fault("S01")
async def test_both_connections_are_set_up_alike_and_the_reader_only_reads(database: Database) -> None:
    assert await database.write(pragmas) == PRAGMAS
    assert await database.read(pragmas) == PRAGMAS
    with pytest.raises(Unavailable, match="readonly"):
        await database.read(put("a"))


@pytest.mark.fault("S01")
async def test_a_connection_that_is_made_again_is_set_up_alike(database: Database) -> None:
    database._writer.dispose()
    assert await database.write(pragmas) == PRAGMAS


@pytest.mark.fault("S02", "S17")
async def test_there_are_two_connections_however_many_ask(database: Database) -> None:
    here = str(database.path)
    await asyncio.gather(*(database.read(keys) for _ in range(20)), *(database.write(put(str(n))) for n in range(20)))
    held = [os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if _links(fd)]
    assert held.count(here) == 2


def _links(fd: str) -> bool:
    return os.path.lexists(f"/proc/self/fd/{fd}")


async def test_what_is_written_is_there_for_every_reader(database: Database) -> None:
    await database.write(put("a"))
    assert await database.read(keys) == ["a"]
    with closing(sqlite3.connect(database.path)) as other:
        assert other.execute("SELECT key FROM settings").fetchall() == [("a",)]


async def test_work_that_fails_leaves_nothing_behind(database: Database) -> None:
    def half(session: Session) -> None:
        put("a")(session)
        raise BadValue("No.")

    with pytest.raises(BadValue, match="No"):
        await database.write(half)
    assert await database.read(keys) == []


async def test_mistakes_of_ours_are_not_told_as_an_outage(database: Database) -> None:
    await database.write(put("a"))
    with pytest.raises(IntegrityError):
        await database.write(put("a"))
    with pytest.raises(OperationalError, match="no such table"):
        await database.read(lambda session: session.execute(text("SELECT * FROM no_table")))


@pytest.mark.fault("S02")
async def test_a_read_that_turns_into_a_write_never_meets_a_lock(database: Database) -> None:
    """Forty of them at once, with another writer beside: an upgrade of a read lock would fail at once."""

    def more(session: Session) -> None:
        put(f"{len(keys(session)):02d}")(session)

    stop = asyncio.Event()

    async def other_writer() -> None:
        with closing(sqlite3.connect(database.path, timeout=5)) as other:
            while not stop.is_set():
                await asyncio.to_thread(lambda: None)
                other.execute("DELETE FROM users")
                other.commit()

    beside = asyncio.create_task(other_writer())
    await asyncio.gather(*(database.write(more) for _ in range(40)))
    stop.set()
    await beside
    assert await database.read(keys) == [f"{n:02d}" for n in range(40)]


@pytest.mark.fault("S03")
async def test_a_short_lock_is_waited_for(database: Database) -> None:
    with locked(database.path) as holder:
        writing = asyncio.create_task(database.write(put("a")))
        await asyncio.sleep(0.2)
        assert not writing.done()
        holder.communicate(b"\n")
        await writing
    assert await database.read(keys) == ["a"]


@pytest.mark.fault("S03")
async def test_a_long_lock_is_told_and_nothing_is_half_done(
    database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def impatient(session: Session) -> None:
        session.connection().exec_driver_sql("PRAGMA busy_timeout=100")

    await database.write(impatient)
    with locked(database.path):
        with pytest.raises(Unavailable, match=r"database is locked\. Try again in a moment"):
            await database.write(put("a"))
        assert [record.event for record in caplog.records] == ["database_unavailable"]  # type: ignore[attr-defined]
    assert await database.read(keys) == []
    await database.write(put("b"))


@pytest.mark.fault("S03")
async def test_those_who_wait_behind_a_lock_do_not_each_wait_their_turn(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WAITING_SECONDS", 0.1)
    blocked = asyncio.create_task(database.write(lambda session: time.sleep(0.3)))
    began = time.monotonic()
    results = await asyncio.gather(*(database.write(put(str(n))) for n in range(50)), return_exceptions=True)
    assert all(isinstance(result, Unavailable) for result in results)
    assert time.monotonic() - began < 1
    await blocked


@pytest.mark.fault("S07")
async def test_a_file_that_others_damaged_is_told(database_template: Path, tmp_path: Path) -> None:
    database = await opened_copy(database_template, tmp_path)
    await database.write(put("a", "x" * 20_000))
    await database.close()
    content = bytearray(database.path.read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)
    database.path.write_bytes(content)
    damaged = Database(database.path)
    await damaged.open()
    with pytest.raises(Unavailable, match="malformed"):
        await damaged.read(keys)
    await damaged.close()


@pytest.mark.fault("S09")
@pytest.mark.needs("mounts")
async def test_a_full_disk_is_told_and_reading_goes_on(database_template: Path, tmp_path: Path) -> None:
    script = tmp_path / "fill.py"
    script.write_text(FULL_DISK)
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = f"mount -t tmpfs -o size=512k none {disk} && exec {sys.executable} {script} {database_template} {disk}"
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", mount],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.stdout.splitlines() == [
        "told: 507 The disk of the data folder is full, so this could not be kept. Make room and try again.",
        "kept: ['a']",
        "again: ['a', 'b']",
    ], done.stderr


FULL_DISK = """
import asyncio, shutil, sys
from pathlib import Path
from sqlalchemy import text
from app.core.database import Database
from app.core.errors import Unavailable

def put(key, value="x"):
    return lambda session: session.execute(text("INSERT INTO settings VALUES (:k, :v)"), {"k": key, "v": value})

def keys(session):
    return [row[0] for row in session.execute(text("SELECT key FROM settings ORDER BY key"))]

async def main(template, folder):
    path = folder / "toru.db"
    shutil.copy(template, path)
    database = Database(path)
    await database.open()
    await database.write(put("a"))
    try:
        await database.write(put("big", "x" * 1_000_000))
    except Unavailable as error:
        print("told:", error.status, error)
    print("kept:", await database.read(keys))
    await database.write(put("b"))
    print("again:", await database.read(keys))
    await database.close()

asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2])))
"""


@pytest.mark.fault("S15")
async def test_files_are_the_owners_only(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        path = tmp_path / "toru.db"
        await asyncio.to_thread(create_private, path)
        database = Database(path)
        await database.open()
        await database.write(lambda session: session.connection().exec_driver_sql("CREATE TABLE settings (key, value)"))
        modes = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()}
        await database.close()
    finally:
        os.umask(before)
    assert modes == {"toru.db": 0o600, "toru.db-wal": 0o600, "toru.db-shm": 0o600}


async def test_closing_leaves_one_file_with_everything_in_it(database_template: Path, tmp_path: Path) -> None:
    database = await opened_copy(database_template, tmp_path)
    await database.write(put("a"))
    await database.close()
    assert not database.path.with_name("toru.db-wal").exists()
    with closing(sqlite3.connect(f"file:{database.path}?mode=ro", uri=True)) as other:
        assert other.execute("SELECT key FROM settings").fetchall() == [("a",)]


@pytest.mark.fault("S10")
async def test_the_log_of_changes_stays_small_while_somebody_reads_all_the_time(database: Database) -> None:
    stop = asyncio.Event()

    async def read_on() -> None:
        while not stop.is_set():
            await database.read(keys)

    reading = asyncio.create_task(read_on())
    for number in range(200):
        await database.write(put(f"{number}", "x" * 100_000))
    stop.set()
    await reading
    assert database.path.with_name("toru.db-wal").stat().st_size <= 16 * 1024 * 1024
    assert database.path.stat().st_size > 10_000_000, "checkpoints happen"


@pytest.mark.fault("S17")
async def test_an_old_sqlite_is_named_in_the_log(
    database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 51, 2))
    await database.open()
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 51, 3))
    await database.open()
    (record,) = caplog.records
    assert record.event == "old_sqlite"  # type: ignore[attr-defined]
