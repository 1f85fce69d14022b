"""The copies of the database that are made before it is migrated, in the folder `backups` beside it."""

import os
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from app.core.database import create_private

FOLDER = "backups"
KEPT = 3
PREFIX, SUFFIX, UNFINISHED = "before-", ".db", ".part"


def back_up(path: Path, revision: str) -> Path:
    """Copies the database by SQLite's online backup; returns the copy, once it is safe on the disk. Blocks.

    Args:
        revision: the schema that comes next.

    Raises:
        OSError, sqlite3.Error: it could not be copied; nothing is left of the copy.
    """
    folder = path.parent / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    for left in folder.glob(f"{PREFIX}*{UNFINISHED}*"):  # of a start that was killed
        left.unlink(missing_ok=True)
    copy = _unused(folder, revision)
    part = copy.with_name(copy.name + UNFINISHED)
    try:
        create_private(part)
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(part)) as target:
            source.backup(target)
            target.execute("PRAGMA journal_mode=DELETE")  # one file, that can be read where nothing can be written
        _sync(part, os.O_RDONLY)
        part.rename(copy)
        _sync(folder, os.O_RDONLY | os.O_DIRECTORY)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return copy


def keep_newest(folder: Path, most: int = KEPT) -> None:
    """Removes all but the newest of these copies; what else lies there is not ours. Blocks."""
    copies = sorted(folder.glob(f"{PREFIX}*{SUFFIX}"), key=lambda copy: (copy.stat().st_mtime_ns, copy.name))
    for copy in copies[:-most]:
        copy.unlink(missing_ok=True)


def _unused(folder: Path, revision: str) -> Path:
    stem = f"{PREFIX}{revision}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    number, copy = 1, folder / f"{stem}{SUFFIX}"
    while copy.exists():
        number += 1
        copy = folder / f"{stem}-{number}{SUFFIX}"
    return copy


def _sync(path: Path, flags: int) -> None:
    handle = os.open(path, flags | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
