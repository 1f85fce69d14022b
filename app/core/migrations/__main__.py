"""Migrates one database file: `python -m app.core.migrations FILE`. A process of its own, so that the server never
carries Alembic."""

import sqlite3
import sys
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, event
from sqlalchemy.pool import StaticPool


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
    migrate(Path(sys.argv[1]))
