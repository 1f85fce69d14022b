"""The SQLite file: one writer thread with one connection, one reader beside it, and nothing else in this process."""

import asyncio
import logging
import os
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Engine, create_engine, event, exc
from sqlalchemy.pool import StaticPool
from sqlmodel import Session

from app.core.errors import DiskFull, Unavailable
from app.core.histogram import Distribution, Histogram

T = TypeVar("T")

log = logging.getLogger(__name__)

BUSY_TIMEOUT_MS = 5000
WAITING_SECONDS = 10.0
"""Work that waited longer for its thread is refused unheard: behind a locked file, five seconds a piece, it would
answer long after everybody has left."""

JOURNAL_SIZE_LIMIT = 16 * 1024 * 1024
WRITE_BOUNDS = (0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10.0)
SOUND_SQLITE = (3, 51, 3)
OUT_OF_OUR_HANDS = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_READONLY,
}
IN_USE = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}

# trusted_schema and mmap_size: a damaged or foreign file must not run code or map memory we do not control.
PRAGMAS = (
    f"busy_timeout={BUSY_TIMEOUT_MS}",
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "trusted_schema=OFF",
    "mmap_size=0",
    f"journal_size_limit={JOURNAL_SIZE_LIMIT}",
)


@dataclass(frozen=True, slots=True)
class DatabaseFigures:
    """How writing goes, since the core was started.

    Attributes:
        waiting: writes that wait or are being done.
        writes: seconds that each took, the wait included.
    """

    waiting: int
    writes: Distribution


class Database:
    """Runs functions over a SQLModel session in worker threads.

    Writes are transactions that begin IMMEDIATE (a transaction that reads first and writes later fails at once with
    "database is locked", whatever the timeout) and are on the disk before `write` returns.

    Args:
        path: the database file; its schema must be there (`app.core.migrate`).
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._writer = _engine(path, read_only=False)
        self._reader = _engine(path, read_only=True)
        self._write_thread = ThreadPoolExecutor(1, "database-writer")
        self._read_thread = ThreadPoolExecutor(1, "database-reader")
        self._waiting = 0
        self._writes = Histogram(WRITE_BOUNDS)

    async def open(self) -> None:
        """Opens both connections; raises Unavailable when the file cannot be used."""
        if sqlite3.sqlite_version_info < SOUND_SQLITE:
            sentence = "SQLite %s can damage a database that several connections write; Toru writes through one only"
            log.warning(sentence, sqlite3.sqlite_version, extra={"event": "old_sqlite", "quiet": True})
        # The writer comes first: it switches the file to WAL, which a query-only connection could not.
        await self.write(lambda session: None)
        await self.read(lambda session: None)

    async def write(self, work: Callable[[Session], T]) -> T:
        """Runs `work` in one transaction and returns its result once it is durable.

        Raises:
            Unavailable: the file is locked, full or read-only; nothing of `work` was kept.
        """
        began = time.monotonic()
        self._waiting += 1
        try:
            return await self._submit(self._write_thread, self._writer, work)
        finally:
            self._waiting -= 1
            self._writes.observe(time.monotonic() - began)

    async def read(self, work: Callable[[Session], T]) -> T:
        """Runs `work` on the query-only connection.

        Raises:
            Unavailable: the file cannot be read.
        """
        return await self._submit(self._read_thread, self._reader, work)

    async def answers(self) -> bool:
        """Whether work gets through to the file: not while another process locks it, or the disk hangs.

        A disk that is full, or read-only, does answer.
        """
        try:
            await self.write(_begin)
        except Unavailable as refused:
            problem = refused.__cause__.orig if isinstance(refused.__cause__, exc.DBAPIError) else None
            return isinstance(problem, sqlite3.Error) and problem.sqlite_errorcode & 0xFF not in IN_USE
        return True

    def figures(self) -> DatabaseFigures:
        """How writing goes."""
        return DatabaseFigures(self._waiting, self._writes.seen())

    async def _submit(self, thread: ThreadPoolExecutor, engine: Engine, work: Callable[[Session], T]) -> T:
        deadline = time.monotonic() + WAITING_SECONDS
        return await asyncio.get_running_loop().run_in_executor(thread, _transact, engine, work, deadline)

    async def close(self) -> None:
        """Waits for work in flight and closes both connections."""
        loop = asyncio.get_running_loop()
        # The reader goes first: whoever closes last checkpoints, and only the writer may.
        await loop.run_in_executor(self._read_thread, self._reader.dispose)
        await loop.run_in_executor(self._write_thread, self._writer.dispose)
        self._read_thread.shutdown()
        self._write_thread.shutdown()


def _transact(engine: Engine, work: Callable[[Session], T], deadline: float) -> T:
    if time.monotonic() > deadline:
        raise _unavailable("it has been busy for too long")
    try:
        with Session(engine, expire_on_commit=False) as session, session.begin():
            return work(session)
    except exc.DatabaseError as error:
        # The other codes (no such table, a broken constraint …) are mistakes of ours.
        if isinstance(error.orig, sqlite3.Error) and error.orig.sqlite_errorcode & 0xFF in OUT_OF_OUR_HANDS:
            raise _told(error.orig) from error
        raise


def _begin(session: Session) -> None:
    session.connection()  # without a statement there would be no transaction


def _told(error: sqlite3.Error) -> Unavailable:
    if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_FULL:
        return _unavailable(str(error))
    log.warning("the database cannot grow: the disk is full", extra={"event": "database_full"})
    return DiskFull("The disk of the data folder is full, so this could not be kept. Make room and try again.")


def _unavailable(reason: str) -> Unavailable:
    log.warning("the database does not answer: %s", reason, extra={"event": "database_unavailable"})
    return Unavailable(f"The database does not answer: {reason}. Try again in a moment.")


def _engine(path: Path, *, read_only: bool) -> Engine:
    # creator: as part of a URL, a `?` or `#` in the path would have a meaning.
    engine = create_engine(
        "sqlite://",
        poolclass=StaticPool,
        creator=lambda: sqlite3.connect(path, check_same_thread=False),
        hide_parameters=True,  # an error's text may reach a log
    )

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we begin transactions ourselves
        for pragma in PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
        if read_only:
            connection.execute("PRAGMA query_only=ON")

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine


def create_private(path: Path) -> None:
    """Makes the file readable by its owner only before SQLite, which would follow the umask, opens it."""
    os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
    path.chmod(0o600)
