"""Whether the folders of a deployment are there, safe, writable and not full; and what lies in them."""

import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from app.core.errors import NotFound, ToruError
from app.doctor.findings import Finding, fail, ok, warn
from app.doctor.scene import Scene
from app.plugins.folder import PluginFolder
from app.runs.catalog import CannotStart, ScriptCatalog
from app.second_factor.vault import KEY_BYTES, KEY_FILE

LITTLE_SPACE, TOO_LITTLE_SPACE = 1 << 30, 100 << 20
FEW_INODES = 1000
MOST_TOLD = 10
"""Of many scripts with the same trouble."""

PRIVATE = ("toru.db", "toru.db-wal", "toru.db-shm", KEY_FILE)


def check_data(scene: Scene) -> Iterator[Finding]:
    """The data folder, and the files in it that hold secrets."""
    folder = scene.config.data_dir
    if not folder.exists():
        yield from _missing("data folder", folder)
        return
    status = folder.stat()
    if not stat.S_ISDIR(status.st_mode):
        yield fail("data folder", f"{folder} is no folder.", "Set TORU_DATA_DIR to one.")
    elif status.st_mode & stat.S_IWOTH:
        yield fail("data folder", f"Everybody may write in {folder}, so Toru refuses it.", f"chmod 700 {folder}")
    elif not _is_ours(status):
        yield fail("data folder", f"{folder} belongs to another user than you.", "Run this as who runs Toru.")
    elif not os.access(folder, os.W_OK | os.X_OK):
        yield fail("data folder", f"{folder} cannot be written.", f"chmod 700 {folder}, or mount it writable")
    else:
        yield ok("data folder", f"{folder} can be written.")
        yield from _private_files(folder, status.st_uid)


def _private_files(folder: Path, owner: int) -> Iterator[Finding]:
    found = [path for path in (folder / name for name in PRIVATE) if path.exists()]
    for path in found:
        status = path.stat()
        if status.st_mode & 0o077:
            yield fail("secrets", f"{path} can be used by other users of this machine.", f"chmod 600 {path}")
        elif status.st_uid != owner:
            yield fail(
                "secrets", f"{path} belongs to another user than its folder.", f"chown --reference {folder} {path}"
            )
    key = folder / KEY_FILE
    if key in found and key.stat().st_size != KEY_BYTES:
        says = f"{key} is damaged: codes of second factors cannot be checked."
        yield fail("secrets", says, "Put it back from a backup; recovery codes work meanwhile.")
    if all(path.stat().st_mode & 0o077 == 0 for path in found):
        yield ok("secrets", "Database and keys are their owner's only.")


def check_logs(scene: Scene) -> Iterator[Finding]:
    """The log folder."""
    folder = scene.config.log_dir
    if not folder.exists():
        yield from _missing("log folder", folder)
    elif folder.stat().st_mode & stat.S_IWOTH and not folder.stat().st_mode & stat.S_ISVTX:
        yield warn("log folder", f"Everybody may change what lies in {folder}.", f"chmod o-w {folder}")
    elif not os.access(folder, os.W_OK | os.X_OK):
        yield fail("log folder", f"{folder} cannot be written.", "chown it to who runs Toru, or set TORU_LOG_DIR")
    else:
        yield ok("log folder", f"{folder} can be written.")


def check_space(scene: Scene) -> Iterator[Finding]:
    """Room on the disks."""
    folders = {"data": scene.config.data_dir, "logs": scene.config.log_dir}
    for name, folder in folders.items():
        there = next(path for path in (folder, *folder.parents) if path.exists())
        disk = os.statvfs(there)
        left = disk.f_bavail * disk.f_frsize
        mend = "Make room: old runs and their output, old logs; or give the folder a disk of its own."
        if left < LITTLE_SPACE:
            level = fail if left < TOO_LITTLE_SPACE else warn
            yield level("disk space", f"The disk with the {name} has only {left >> 20} MiB left.", mend)
        elif disk.f_files > 0 and disk.f_favail < FEW_INODES:
            yield fail("disk space", f"The disk with the {name} has room for only {disk.f_favail} more files.", mend)
        else:
            yield ok("disk space", f"The disk with the {name} has {left / (1 << 30):.0f} GiB left.")


def check_scripts(scene: Scene) -> Iterator[Finding]:
    """The scripts folder, and whether each script in it can be run."""
    folder = Path(scene.status["scripts_dir"]) if scene.status else scene.config.scripts_dir
    catalog = ScriptCatalog(folder)
    try:
        scripts = catalog.scripts()
    except ToruError as error:
        yield fail("scripts", str(error), "Make it, or change the setting scripts_dir.")
        return
    if folder.stat().st_mode & stat.S_IWOTH:
        yield fail("scripts", f"Everybody may put scripts into {folder}.", f"chmod o-w {folder}")
    troubles = []
    for script in scripts:
        try:
            catalog.argv(script.name)
        except CannotStart as error:
            troubles.append(warn("scripts", str(error), ""))
        except NotFound:
            continue
        if script.warning:
            troubles.append(warn("scripts", f"{script.name}: {script.warning}", f"chmod o-w {folder / script.name}"))
    yield from troubles[:MOST_TOLD]
    if len(troubles) > MOST_TOLD:
        yield warn("scripts", f"{len(troubles) - MOST_TOLD} more have something wrong.", "Mend the first ones first.")
    if not troubles:
        yield ok("scripts", f"{len(scripts)} in {folder}, each can be started.")


def check_plugins(scene: Scene) -> Iterator[Finding]:
    """The plugins folder, and which files in it may not be run."""
    folder = scene.config.plugins_dir
    if not folder.exists():
        yield ok("plugins", f"There is no folder {folder}, and so no plugins.")
        return
    if not folder.is_dir():
        yield fail("plugins", f"{folder} is no folder.", "Set TORU_PLUGINS_DIR to one.")
        return
    if not os.access(folder, os.R_OK | os.X_OK):
        yield fail(
            "plugins", f"{folder} cannot be read by you.", "Run this as who runs Toru, or chown it to that user."
        )
        return
    if folder.stat().st_mode & stat.S_IWOTH:
        yield fail("plugins", f"Everybody may put plugins into {folder}.", f"chmod o-w {folder}")
        return
    if os.statvfs(folder).f_flag & os.ST_NOEXEC:
        says = f"{folder} is mounted noexec, so no plugin can be started."
        yield fail("plugins", says, "Mount it without noexec, or set TORU_PLUGINS_DIR.")
    found = PluginFolder(folder, time.monotonic).look()
    for name, reason in list(found.refused.items())[:MOST_TOLD]:
        yield warn("plugins", f"{name} is not run. {reason}", "")
    for file in found.files.values():
        if file.warning:
            yield warn("plugins", f"{file.name}: {file.warning}", "")
    if not found.refused:
        yield ok("plugins", f"{len(found.files) + len(found.busy)} in {folder}.")


def _missing(check: str, folder: Path) -> Iterator[Finding]:
    parent = next(path for path in folder.parents if path.exists())
    if parent.is_dir() and os.access(parent, os.W_OK | os.X_OK):
        yield ok(check, f"{folder} will be made at the first start.")
    else:
        yield fail(check, f"{folder} is not there and cannot be made.", "Make it, and chown it to who runs Toru.")


def _is_ours(status: os.stat_result) -> bool:
    return status.st_uid == os.geteuid() or os.geteuid() == 0
