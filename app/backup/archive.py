"""Writing a backup: one archive that is there whole or not at all."""

import errno
import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from app.backup import sources
from app.backup.errors import ArchiveError
from app.backup.names import COPY, PART
from app.backup.schemas import Job, Made
from app.backup.sink import ArchiveSink
from app.backup.snapshot import schema_of, snapshot
from app.version import VERSION

MANIFEST: Final = "manifest.json"
FORMAT: Final = 1

README: Final = """\
A backup of Toru Steering Center.

  data/toru.db      the database (SQLite): users, sessions, settings, runs, audit, tokens, plugin values, licence keys
  data/*.key        the keys that secrets in the database are encrypted with
  data/runs/<id>/   what each run printed, where the backup was made with outputs: <offset>.out holds the bytes
  plugins/          the plugins, and in .metadata/config.json which of them are enabled
  scripts/          the scripts folder
  manifest.json     when and from what it was made
  SHA256SUMS        the hash of every file: sha256sum -c SHA256SUMS

Put it back:  ./toru restore THIS_FILE
Without Toru: unpack it and put data, plugins and scripts in their places, while no Toru runs.

The deployment's own configuration (.env, with the administrator's password) is not in here; keep it elsewhere.
Whoever reads this file unencrypted reads everything that Toru keeps. Keep it as you keep a key.
"""

Out = tuple[list[str], str]


def make_backup(job: Job, passphrase: str | None) -> Made:
    """Writes it beside its place, then puts it there. Blocks.

    Raises:
        ArchiveError: with a sentence; nothing is left behind.
    """
    target = Path(job.target)
    part = target.with_name(target.name + PART)
    copy = part.with_name(part.name + ".db") if passphrase is None else Path(job.data_dir) / COPY
    with told(target), removed_unless_done(part):
        with ArchiveSink(part, passphrase) as sink:
            left_out = _fill(sink, job, copy)
        put_in_place(part, target)
    return Made(str(target), target.stat().st_size, sink.files, tuple(left_out))


def _fill(sink: ArchiveSink, job: Job, copy: Path) -> list[str]:
    data_dir = Path(job.data_dir)
    sink.add_text("README.txt", README)
    with snapshot(data_dir / "toru.db", copy) as database:
        schema, chosen = schema_of(database), _scripts_dir_in(database)
        sink.add(sources.DATABASE, copy)
        for source in sources.keys(data_dir):
            sink.add(source.name, source.path)
        if job.outputs:
            for source in sources.outputs(data_dir, run_ids(database)):
                sink.add(source.name, source.path)
    for source in sources.plugins(Path(job.plugins_dir)):
        sink.add(source.name, source.path)
    scripts, left_out = sources.scripts(Path(job.scripts_dir))
    for source in scripts:
        sink.add(source.name, source.path)
    told_left_out = [left_out] if left_out else []
    about = {
        "format": FORMAT,
        "version": VERSION,
        "schema": schema,
        "made_at": job.made_at,
        "outputs": job.outputs,
        "chosen_scripts_dir": chosen,
        "configuration": dict(job.configuration),
        "left_out": told_left_out,
        "files": sink.files + 1,
        "bytes": sink.bytes,
    }
    sink.add_text(MANIFEST, json.dumps(about, indent=2, ensure_ascii=False) + "\n")
    return told_left_out


def _scripts_dir_in(database: sqlite3.Connection) -> str | None:
    """The scripts folder that the settings name, None where they leave it to the deployment."""
    row = database.execute("SELECT value FROM settings WHERE key = 'scripts_dir'").fetchone()
    return None if row is None else str(row[0])


def run_ids(database: sqlite3.Connection) -> Iterator[str]:
    """The runs of a database; a folder of output that no run has is nobody's."""
    for (run_id,) in database.execute("SELECT id FROM runs ORDER BY number"):
        if str(run_id).isalnum():  # it becomes part of a path
            yield str(run_id)


@contextmanager
def told(target: Path) -> Iterator[None]:
    """Turns what the disk says into sentences."""
    try:
        yield
    except OSError as error:
        where = Path(error.filename).parent if isinstance(error.filename, str) else target.parent
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise ArchiveError(f"There is no space left in {where}. Nothing was kept of what was begun.") from None
        if error.errno == errno.EEXIST:
            raise ArchiveError(f"{error.filename or target} is there already; nothing is overwritten.") from None
        raise ArchiveError(f"{error.filename or where} cannot be used: {error.strerror or error}.") from None


@contextmanager
def removed_unless_done(part: Path) -> Iterator[None]:
    """Leaves nothing behind of what did not get its final name."""
    if part.exists():
        raise ArchiveError(f"{part} is there: is it being written by another command? Remove it if not.")
    try:
        yield
    finally:
        if part.is_dir():
            shutil.rmtree(part, ignore_errors=True)
        else:
            part.unlink(missing_ok=True)


def put_in_place(part: Path, target: Path) -> None:
    """Gives what is on the disk its name, which must be free, and has that on the disk, too."""
    if os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, "is there already", str(target))
    part.rename(target)
    sync_folder(target.parent)


def sync_folder(folder: Path) -> None:
    """Has the names in a folder on the disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
