"""What backups are called: the time, how they came about, and what one must know to open them."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

PLAIN, SEALED = ".tar.gz", ".tar.gz.enc"
PART = ".part"
"""The end of a name of what is still being written."""

COPY = ".backup-copy.db"
"""In the data folder, while an encrypted backup is written: nothing in clear gets to the disk where that will lie."""

_NAME = re.compile(r"toru-(?P<scheduled>scheduled-)?(?P<at>\d{8}T\d{6}Z)(?:-\d+)?\.tar\.gz(?P<sealed>\.enc)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class BackupName:
    """What a name says."""

    made_at: datetime
    scheduled: bool
    sealed: bool


def read_name(name: str) -> BackupName | None:
    """What the name of a backup says, None for any other file's."""
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    try:
        made_at = datetime.strptime(found["at"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None
    return BackupName(made_at, found["scheduled"] is not None, found["sealed"] is not None)


def free_path(folder: Path, now: datetime, *, scheduled: bool, sealed: bool) -> Path:
    """A name that nothing in the folder has. Blocks."""
    stem = f"toru-{'scheduled-' if scheduled else ''}{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    ending = SEALED if sealed else PLAIN
    path, number = folder / (stem + ending), 1
    while path.exists():
        number += 1
        path = folder / f"{stem}-{number}{ending}"
    return path
