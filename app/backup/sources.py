"""What belongs into a backup, file by file, and what it is called in there."""

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from app.core.config import ROOT

DATABASE: Final = "data/toru.db"
KEYS: Final = "*.key"
OURS: Final = ("README.md", "PROTOCOL.md", "sdk", "rust")
"""What lies in our own plugins folder as part of the product, and comes with it."""

ASIDE: Final = "before-restore-"
STAGE: Final = ".restore"
LEFT_OUT: Final = (".git", "__pycache__", STAGE)

MOST_SCRIPTS: Final = 5000
MOST_SCRIPT_BYTES: Final = 512 << 20
"""A scripts folder beyond that is more than scripts; then only those in it that can be run are kept."""

SCRIPT_ENDINGS: Final = (".sh", ".bash")


@dataclass(frozen=True, slots=True)
class Source:
    """One file.

    Attributes:
        name: in the archive, with slashes, as `os.fsdecode` makes it.
        path: on the disk.
    """

    name: str
    path: Path


def keys(data_dir: Path) -> Iterator[Source]:
    """What secrets of the database are encrypted with."""
    for path in sorted(data_dir.glob(KEYS)):
        yield Source(f"data/{path.name}", path)


def plugins(folder: Path) -> Iterator[Source]:
    """The plugins, what lies beside them, and which are enabled."""
    ours = OURS if folder == ROOT / "plugins" else ()
    yield from _named("plugins", folder, below(folder, ours))


def scripts(folder: Path) -> tuple[list[Source], str | None]:
    """The scripts, and a sentence when not everything in their folder is taken."""
    found: list[Path] = []
    size = 0
    for path in below(folder):
        found.append(path)
        size += path.lstat().st_size
        if len(found) > MOST_SCRIPTS or size > MOST_SCRIPT_BYTES:
            runnable = [path for path in _listed(folder) if path.name.endswith(SCRIPT_ENDINGS) and _is_file(path)]
            told = f"{folder} holds more than {MOST_SCRIPTS} files or 512 MiB; only its scripts themselves are in here."
            return list(_named("scripts", folder, runnable)), told
    return list(_named("scripts", folder, found)), None


def outputs(data_dir: Path, run_ids: Iterable[str]) -> Iterator[Source]:
    """What runs printed. Records come before the bytes that they cover, so that a growing part is whole in here."""
    for run_id in run_ids:
        folder = data_dir / "runs" / run_id
        for path in sorted(_listed(folder), key=lambda path: (path.suffix != ".seg", path.name)):
            if path.suffix in (".seg", ".out"):  # beside them the runner keeps room for its last words
                yield Source(f"data/runs/{run_id}/{path.name}", path)


def below(folder: Path, without: tuple[str, ...] = ()) -> Iterator[Path]:
    """Every plain file below a folder, sorted; links and devices are not followed or taken."""
    for path in _listed(folder):
        name = path.name
        if name in without or name in LEFT_OUT or name.startswith(ASIDE):
            continue
        if path.is_dir() and not path.is_symlink():
            yield from below(path)
        elif _is_file(path):
            yield path


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder / name for name in os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return []


def _is_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def _named(root: str, folder: Path, paths: Iterable[Path]) -> Iterator[Source]:
    for path in paths:
        yield Source(f"{root}/{path.relative_to(folder).as_posix()}", path)
