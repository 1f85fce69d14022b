"""A fresh database for each test, copied from one that was made as the product makes it."""

import shutil
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

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
