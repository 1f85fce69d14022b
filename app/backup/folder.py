"""The folder with the backups: what lies in it, what is left over in it, and what goes."""

import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from app.backup.names import COPY, PART, read_name
from app.backup.schemas import BackupView
from app.core.clock import iso
from app.core.errors import NotFound, Unavailable


def listed(folder: Path) -> list[BackupView]:
    """The backups, newest first. Blocks. Raises Unavailable."""
    views = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                about = read_name(entry.name)
                if about is not None and entry.is_file(follow_symlinks=False):
                    with suppress(FileNotFoundError):  # another one is being made, or an old one goes
                        size = entry.stat(follow_symlinks=False).st_size
                        views.append(BackupView(entry.name, iso(about.made_at), size, about.scheduled, about.sealed))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise Unavailable(f"The backup folder {folder} cannot be read: {error.strerror}.") from None
    return sorted(views, key=lambda view: (view.made_at, view.name), reverse=True)


def path_of(folder: Path, name: str) -> Path:
    """A backup that is there. Blocks. Raises NotFound."""
    if read_name(name) is not None:
        path = folder / name
        try:
            if stat.S_ISREG(path.lstat().st_mode):
                return path
        except OSError:
            pass
    raise NotFound("There is no such backup.")


def make_usable(folder: Path, usual: Path) -> None:
    """Makes the usual folder where it is missing; another one must be there, and either tell what is in it. Blocks.

    Raises:
        Unavailable: it cannot be used.
    """
    try:
        if folder == usual:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Unavailable(f"The backup folder {folder} cannot be made: {error.strerror}.") from None
    if (problem := problem_of(folder, usual)) is not None:
        raise Unavailable(problem)
    listed(folder)


def problem_of(folder: Path, usual: Path) -> str | None:
    """Why no backup can be put there now, None when one can. Blocks."""
    if not folder.is_dir():
        # Not made by ourselves: it may be a disk that is not there, and the place for it is another disk.
        return None if folder == usual else f"There is no backup folder {folder}. Is its disk there?"
    if not os.access(folder, os.W_OK | os.X_OK):
        return f"The backup folder {folder} cannot be written."
    return None


def superfluous(backups: Iterable[BackupView], keep: int) -> list[BackupView]:
    """Of those that the schedule made, all but the newest."""
    return [view for view in backups if view.scheduled][keep:]


def remove_leftovers(folder: Path, data_dir: Path) -> None:
    """What a killed process was writing. Blocks."""
    with suppress(OSError):
        (data_dir / COPY).unlink(missing_ok=True)
    try:
        names = os.listdir(folder)
    except OSError:
        return
    for name in names:
        whole, part, rest = name.partition(PART)
        if part and rest.startswith((".db", "")) and read_name(whole) is not None:
            (folder / name).unlink(missing_ok=True)
