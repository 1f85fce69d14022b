"""`toru restore`, behind the command: on this deployment's folders, while nothing of Toru runs there."""

import asyncio
import fcntl
import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from app.audit.heads import restored_line
from app.audit.schemas import Mark
from app.audit.store import newest_mark
from app.audit.trail import AuditTrail
from app.backup.archive import told
from app.backup.errors import ArchiveError
from app.backup.placing import finish_restore
from app.backup.reading import Contents
from app.backup.restoring import Plan, plan_restore, put_all, unpacked
from app.core.clock import Clock
from app.core.config import Config
from app.core.database import Database
from app.core.instance_lock import InstanceLock
from app.core.migrate import prepare_database
from app.core.ownership import require_ours
from app.core.permissions import Actor
from app.core.rotating_file import RotatingFile
from app.runner.protocol import socket_folder
from app.settings.catalog import SCRIPTS_DIR
from app.settings.service import SettingsService

RUNNER_SECONDS: Final = 15.0
"""A runner without runs and without a core ends after ten."""

LOOK_SECONDS: Final = 0.2


@dataclass(frozen=True, slots=True)
class Restored:
    """What was done.

    Attributes:
        kept: the folders with what was there before.
        notes: sentences about what is otherwise than in the backup.
    """

    plan: Plan
    kept: tuple[str, ...]
    notes: tuple[str, ...]


def plan(config: Config, file: Path, passphrase: str | None) -> Plan:
    """What a restore would do. Blocks. Raises ArchiveError."""
    return plan_restore(file, passphrase, lambda contents: _roots(config, contents))


def restore(config: Config, file: Path, passphrase: str | None, say: Callable[[str], None]) -> Restored:
    """Puts a backup in place of what is there. Blocks.

    Args:
        say: told what it waits for.

    Raises:
        AlreadyRunning: a core runs on the data folder.
        AnotherUsers: the data folder is another user's.
        ArchiveError: it cannot be done; everything is as it was.
    """
    with suppress(FileNotFoundError):
        require_ours(config.data_dir)
    with InstanceLock(config.data_dir):
        with told(config.data_dir / "toru.db"):
            finish_restore(config.data_dir)
        planned = plan(config, file, passphrase)
        _wait_for_runners(config.data_dir, say)
        with unpacked(file, passphrase, planned) as stages:
            database = stages["data"] / "toru.db"
            notes = asyncio.run(_prepare(config, database, planned, file.name))
            kept = put_all(planned, datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ"))
    return Restored(planned, tuple(map(str, kept)), notes)


def _roots(config: Config, contents: Contents) -> dict[str, Path]:
    """Scripts go to where the backup's settings say they are, if there is such a folder here."""
    scripts = config.scripts_dir
    if contents.chosen_scripts_dir is not None:
        chosen = Path(contents.chosen_scripts_dir)
        scripts = chosen if chosen.is_absolute() and chosen.is_dir() else scripts
    return {"data": config.data_dir, "plugins": config.plugins_dir, "scripts": scripts}


async def _prepare(config: Config, path: Path, planned: Plan, name: str) -> tuple[str, ...]:
    """Brings the unpacked database to this version, tells in its audit what happens, and in the log, too."""
    await prepare_database(path)
    database, clock = Database(path), Clock()
    notes: list[str] = []
    try:
        await database.open()
        mark = await database.read(newest_mark)
        trail = AuditTrail(database, clock)
        facts = {"made_at": planned.contents.made_at, "outputs": planned.contents.outputs}
        await trail.record(Actor.system(), "backup.restored", name, detail=facts)
        settings = SettingsService(database, config, trail, clock)
        await settings.open()
        scripts = planned.roots["scripts"]
        if settings.scripts_dir != scripts:
            notes.append(f"There is no folder {settings.scripts_dir} here; the scripts folder is {scripts} now.")
            await settings.put(Actor.system(), SCRIPTS_DIR.key, str(scripts))
        # Before anything is put in place: the log may tell of a restore that came to nothing, never the other way.
        await asyncio.to_thread(_log, config.log_dir, mark or Mark(0, ""), settings.instance_id)
    finally:
        await database.close()
    return tuple(notes)


def _log(log_dir: Path, mark: Mark, instance_id: str) -> None:
    log = RotatingFile(log_dir / "toru.log")
    try:
        log.append(json.dumps(restored_line(mark, instance_id)).encode() + b"\n")
    finally:
        log.close()


def _wait_for_runners(data_dir: Path, say: Callable[[str], None]) -> None:
    """A runner that still has runs writes into the folder; one that has none ends by itself."""
    folder = Path(socket_folder(data_dir))
    until = time.monotonic() + RUNNER_SECONDS
    is_told = False
    while any(_is_held(path) for path in folder.glob("*.lock")):
        if time.monotonic() > until:
            raise ArchiveError("Scripts are still running. Let them end, or cancel them in Toru, and try again.")
        if not is_told:
            say("waiting for the runner to end")
            is_told = True
        time.sleep(LOOK_SECONDS)


def _is_held(path: Path) -> bool:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False
