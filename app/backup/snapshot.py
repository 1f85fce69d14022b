"""A copy of the database as it is at one moment, taken beside whoever writes it."""

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from app.backup.errors import ArchiveError
from app.core.database import BUSY_TIMEOUT_MS, create_private


@contextmanager
def snapshot(database: Path, copy: Path) -> Iterator[sqlite3.Connection]:
    """The copy, open for reading, one file without a log of changes; it is removed at the end.

    The source is read in one go, from one state of it: page by page, a busy writer would make it begin anew for ever.
    Readers hold up no writer. The connection is read-only, so that it never checkpoints.

    Raises:
        ArchiveError: it cannot be read, or the copy is not sound.
        OSError: there is no space for the copy.
    """
    if not database.is_file():
        raise ArchiveError(f"There is no database in {database.parent}.")
    try:
        _remove(copy)
        create_private(copy)
        with (
            closing(sqlite3.connect(f"file:{quote(str(database))}?mode=ro", uri=True, timeout=30)) as source,
            closing(sqlite3.connect(copy, isolation_level=None)) as target,
        ):
            source.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
            source.backup(target)
            target.execute("PRAGMA journal_mode=DELETE")
        with closing(sqlite3.connect(f"file:{quote(str(copy))}?immutable=1", uri=True)) as connection:
            if connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
                raise ArchiveError(f"{database} is damaged.")
            yield connection
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(copy)) from None
        raise ArchiveError(f"The database cannot be copied: {error}.") from None
    finally:
        _remove(copy)


def schema_of(connection: sqlite3.Connection) -> str:
    """The revision of its schema. Raises ArchiveError when it is not Toru's."""
    try:
        (revision,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except (sqlite3.Error, TypeError):
        raise ArchiveError("The database is not Toru's.") from None
    return str(revision)


def _remove(copy: Path) -> None:
    for suffix in ("", "-wal", "-shm", "-journal"):
        copy.with_name(copy.name + suffix).unlink(missing_ok=True)
