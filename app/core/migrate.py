"""Brings the database file to the schema of this version before anything opens it."""

import asyncio
import logging
import os
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from app.core.before_migration import back_up, keep_newest
from app.core.config import ROOT
from app.core.database import create_private

KNOWN = ("0001", "0002", "0003", "0004", "0005")
"""Every revision in app/core/migrations/versions, oldest first; a test holds the two together."""

HEAD = KNOWN[-1]


log = logging.getLogger(__name__)


class UnusableDatabase(Exception):
    """The file is damaged, foreign, newer than this version or not to be opened; it was left as it is."""


async def prepare_database(path: Path) -> None:
    """Makes or migrates the file. Before a migration it is copied into the folder `backups` beside it.

    Raises:
        UnusableDatabase: with a sentence that says what to do.
    """
    revision = await asyncio.to_thread(revision_of, path)
    if revision is None:
        await _create(path)
    elif revision not in KNOWN:
        raise UnusableDatabase(
            f"{path} was written by a newer version of Toru (schema {revision}). Install that version or newer."
        )
    elif revision != HEAD:
        await _upgrade(path, revision)


async def _upgrade(path: Path, revision: str) -> None:
    try:
        copy = await asyncio.to_thread(back_up, path, HEAD)
        await asyncio.to_thread(keep_newest, copy.parent)
    except (OSError, sqlite3.Error) as error:
        raise UnusableDatabase(
            f"{path} must be copied to {path.parent / 'backups'} before it is migrated, and that failed: {error}. "
            f"Nothing was changed. Make room for {_mebibytes(path)} MiB there and start again."
        ) from None
    log.info("migrating from schema %s to %s, copy in %s", revision, HEAD, copy, extra={"event": "migrating"})
    try:
        await _migrate_in_child(path)
    except UnusableDatabase:
        await asyncio.to_thread(copy.unlink, missing_ok=True)  # of a file that is as it was
        raise
    log.info("migrated to schema %s", HEAD, extra={"event": "migrated", "backup": str(copy)})


def _mebibytes(path: Path) -> int:
    return path.stat().st_size // (1 << 20) + 1


async def _create(path: Path) -> None:
    # Made beside its place: a start that is killed in the middle must not leave half a database under the real name.
    new = path.with_name(f"{path.name}.new")
    await asyncio.to_thread(_begin_anew, new)
    await _migrate_in_child(new)
    await asyncio.to_thread(_put_in_place, new, path)


def _begin_anew(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    create_private(path)


def _put_in_place(new: Path, path: Path) -> None:
    new.rename(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def revision_of(path: Path) -> str | None:
    """The file's schema revision, None where there is no file. Blocks, and changes nothing.

    Raises:
        UnusableDatabase: it is none of ours.
    """
    if path.is_dir():
        raise UnusableDatabase(f"{path} is a folder, not a database.")
    if not path.exists():
        return None
    try:
        # What is refused must be found as it was, without files beside it. Unless a core was killed there is no log
        # of changes; only then may SQLite take the file as it is, and needs no such files to read it.
        how = "mode=ro" if path.with_name(f"{path.name}-wal").exists() else "immutable=1"
        with closing(sqlite3.connect(f"file:{quote(str(path))}?{how}", uri=True, timeout=5)) as connection:
            return _read_revision(connection)
    except sqlite3.OperationalError as error:  # locked, no permission, a broken disk: the file itself may be sound
        raise UnusableDatabase(f"{path} cannot be opened: {error}.") from None
    except sqlite3.DatabaseError as error:
        copy = path.with_name(f"{path.name}.corrupt-{time.strftime('%Y%m%dT%H%M%S')}")
        raise UnusableDatabase(
            f"{path} cannot be used as Toru's database ({error}). Nothing was changed. Move it away "
            f"(mv {path} {copy}) to start anew, or put a backup in its place."
        ) from None


def _read_revision(connection: sqlite3.Connection) -> str:
    if connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
        raise sqlite3.DatabaseError("it is damaged")
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone() is None:
        raise sqlite3.DatabaseError("it is empty or not ours")
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    if row is None:
        raise sqlite3.DatabaseError("it does not tell its version")
    return str(row[0])


async def _migrate_in_child(path: Path) -> None:
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "app.core.migrations",
        str(path),
        str(os.getpid()),
        cwd=ROOT,
        env={"PATH": os.environ.get("PATH", os.defpath)},
        stdin=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await child.communicate()
    if child.returncode != 0:
        last = errors.decode("utf-8", "replace").strip().splitlines()[-1:] or ["no reason given"]
        raise UnusableDatabase(f"{path} could not be migrated: {last[0]}")
