"""Migrates one database file: `python -m app.core.migrations FILE [PARENT]`. A process of its own, so that the server
never carries Alembic."""

import ctypes
import os
import signal
import sqlite3
import sys
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, event
from sqlalchemy.pool import StaticPool

PR_SET_PDEATHSIG = 1


def end_with(parent: int) -> None:
    """Has the kernel end this process with the one that wants the migration: whoever starts next must find the file
    alone."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it ended before the kernel knew
        os.kill(os.getpid(), signal.SIGKILL)


def migrate(path: Path, revision: str = "head") -> None:
    """Brings the file to the newest schema, or to an older one of the list, all or nothing."""
    # creator: as part of a URL, a `?` or `#` in the path would have a meaning.
    engine = create_engine("sqlite://", poolclass=StaticPool, creator=lambda: sqlite3.connect(path))

    @event.listens_for(engine, "connect")
    def configure(connection: object, _record: object) -> None:
        connection.isolation_level = None  # type: ignore[attr-defined]  # we begin the transaction ourselves
        connection.execute("PRAGMA journal_mode=WAL")  # type: ignore[attr-defined]
        connection.execute("PRAGMA synchronous=FULL")  # type: ignore[attr-defined]

    @event.listens_for(engine, "begin")
    def begin(connection: object) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # type: ignore[attr-defined]

    alembic = Config()
    alembic.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    with engine.begin() as connection:
        alembic.attributes["connection"] = connection
        command.upgrade(alembic, revision)
    engine.dispose()


if __name__ == "__main__":
    if len(sys.argv) > 2:
        end_with(int(sys.argv[2]))
    migrate(Path(sys.argv[1]))
