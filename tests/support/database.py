"""A fresh database for each test, copied from one that was made as the product makes it."""

import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import Session

from app.core.clock import Clock
from app.core.database import Database
from app.core.migrate import prepare_database


class MovedClock(Clock):
    """The real time plus what a test adds to it, or a moment at which it stands still."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)
        self.stands_at: datetime | None = None

    def now(self) -> datetime:
        return self.stands_at or super().now() + self.ahead

    def move(self, **by: float) -> None:
        """Moves on (or back): `clock.move(minutes=3)`."""
        self.ahead += timedelta(**by)


LOCK = (
    "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None); c.execute('BEGIN EXCLUSIVE');"
    "print('locked', flush=True); sys.stdin.readline()"
)


@asynccontextmanager
async def locked_by_another(database: Database) -> AsyncIterator[None]:
    """Another process holds the file; we give up after a twentieth of a second, for good, instead of after five."""

    def impatient(session: Session) -> None:
        session.connection().exec_driver_sql("PRAGMA busy_timeout=50")

    await database.write(impatient)
    command = [sys.executable, "-I", "-S", "-c", LOCK, str(database.path)]
    holder = await asyncio.create_subprocess_exec(*command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    if holder.stdout is None or await holder.stdout.readline() != b"locked\n":
        raise AssertionError("the file could not be locked")
    try:
        yield
    finally:
        await holder.communicate(b"\n")


@pytest.fixture(scope="session")
async def database_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file that nobody opens."""
    path = tmp_path_factory.mktemp("template") / "toru.db"
    await prepare_database(path)
    return path


@pytest.fixture
def clock() -> MovedClock:
    """The time, which a test may move."""
    return MovedClock()


@pytest.fixture
async def database(database_template: Path, tmp_path: Path) -> AsyncIterator[Database]:
    """An open database without rows."""
    path = tmp_path / "toru.db"
    shutil.copy(database_template, path)
    database = Database(path)
    await database.open()
    yield database
    await database.close()


async def rows(database: Database, query: str) -> list[tuple[Any, ...]]:
    """What a query gives."""
    return await database.read(lambda session: [tuple(row) for row in session.execute(text(query))])


async def recorded(database: Database, what: str) -> list[tuple[str, str, dict[str, Any]]]:
    """(actor, target, detail) of the audit's rows about `what`, oldest first."""
    found = await rows(database, f"SELECT actor, target, detail FROM audit WHERE what = '{what}' ORDER BY id")
    return [(actor, target, json.loads(detail)) for actor, target, detail in found]
