"""A restore: everything checked first, unpacked beside what is there, then put in place all at once."""

import os
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from app.backup.archive import put_in_place, removed_unless_done, told
from app.backup.errors import ArchiveError
from app.backup.names import PART
from app.backup.placing import Move, commit, remove_stages
from app.backup.reading import Contents, Member, read_backup
from app.backup.sink import PIECE, make_folders
from app.backup.sources import ASIDE, STAGE
from app.core.migrate import KNOWN

ROOTS: Final = ("data", "plugins", "scripts")
LOGS_OF_CHANGES: Final = ("toru.db-wal", "toru.db-shm")
SPARE: Final = 16 << 20


@dataclass(frozen=True, slots=True)
class Change:
    """What happens to one file or folder.

    Attributes:
        word: `replaced`, `added` or `moved aside`.
    """

    word: str
    path: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What a restore does, and to where.

    Attributes:
        roots: the folder for each of `data`, `plugins` and `scripts`.
        changes: in the order in which they are told.
    """

    contents: Contents
    roots: dict[str, Path]
    changes: tuple[Change, ...]
    sizes: dict[str, int]


def plan_restore(file: Path, passphrase: str | None, place: Callable[[Contents], dict[str, Path]]) -> Plan:
    """Reads the whole backup and says what it would change; changes nothing. Blocks.

    Args:
        place: where `data`, `plugins` and `scripts` of such a backup go.

    Raises:
        ArchiveError: it cannot be restored here.
    """
    sizes: dict[str, int] = defaultdict(int)

    def measure(member: Member, _: BinaryIO) -> None:
        sizes[member.root] += member.size

    with told(file):
        contents = read_backup(file, passphrase, measure)
    if contents.schema not in KNOWN:
        raise ArchiveError(
            f"A newer version of Toru ({contents.version}) wrote its database (schema {contents.schema}). "
            "Install that version or newer."
        )
    roots = place(contents)
    changes = [change for root in ROOTS for change in _changes(root, roots[root], contents)]
    return Plan(contents, roots, tuple(changes), dict(sizes))


@contextmanager
def unpacked(file: Path, passphrase: str | None, plan: Plan) -> Iterator[dict[str, Path]]:
    """Unpacks everything into a stage within each root, which goes again at the end. Blocks.

    Raises:
        ArchiveError: there is no space, a folder cannot be used, or the file is not any more what it was.
    """
    _require_space(plan)
    stages = {root: folder / STAGE for root, folder in plan.roots.items()}
    try:
        with told(plan.roots["data"] / "toru.db"):
            remove_stages(plan.roots.values())
            for root, stage in stages.items():
                plan.roots[root].mkdir(mode=0o700 if root == "data" else 0o755, parents=True, exist_ok=True)
                stage.mkdir(mode=0o700)
            if read_backup(file, passphrase, _Unpacking(stages).take) != plan.contents:
                raise ArchiveError(f"{file} was changed in the meantime.")
        yield stages
    finally:
        remove_stages(plan.roots.values())


def put_all(plan: Plan, stamp: str) -> list[Path]:
    """Puts what was unpacked in place, and what was there aside; returns the folders with the latter. Blocks.

    Raises:
        ArchiveError: a file cannot be moved; the next command or start tries to finish it.
    """
    moves: list[Move] = []
    kept: dict[Path, None] = {}
    for root in ROOTS:
        folder, aside = plan.roots[root], plan.roots[root] / f"{ASIDE}{stamp}"
        for name in _taken(root, folder, plan.contents):
            moves.append((folder / name, aside / name))
            kept[aside] = None
        moves += [(folder / STAGE / name, folder / name) for name in plan.contents.tops[root]]
    with told(plan.roots["data"] / "toru.db"):
        commit(plan.roots["data"], moves, list(dict.fromkeys(plan.roots.values())))
    return list(kept)


def restore_into(file: Path, passphrase: str | None, folder: Path) -> Contents:
    """Unpacks a backup into a folder of its own, which must not be there yet, or be empty. Blocks.

    Raises:
        ArchiveError: it cannot be read, or not be written there.
    """
    part = folder.with_name(folder.name + PART)
    with told(folder), removed_unless_done(part):
        stages = {root: part / root for root in ROOTS}
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
        if os.path.lexists(folder):
            raise ArchiveError(f"{folder} is there already, and not empty.")
        for stage in stages.values():
            make_folders(stage, 0o700)
        contents = read_backup(file, passphrase, _Unpacking(stages).take)
        put_in_place(part, folder)
    return contents


class _Unpacking:
    """Writes members below folders that nobody else knows."""

    def __init__(self, stages: dict[str, Path]) -> None:
        self._stages = stages

    def take(self, member: Member, content: BinaryIO) -> None:
        """Writes one file. Raises OSError."""
        target = self._stages[member.root] / member.name
        is_data = member.root == "data"
        make_folders(target.parent, 0o700 if is_data else 0o755)
        mode = 0o600 if is_data else member.mode | 0o600
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC
        with open(os.open(target, flags, 0o600), "wb") as file:
            while piece := content.read(PIECE):
                file.write(piece)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.utime(file.fileno(), (member.changed_at, member.changed_at))


def _changes(root: str, folder: Path, contents: Contents) -> Iterator[Change]:
    taken = list(_taken(root, folder, contents))
    for name in contents.tops[root]:
        yield Change("replaced" if name in taken else "added", str(folder / name))
    for name in taken:
        if name not in contents.tops[root] and name not in LOGS_OF_CHANGES:
            yield Change("moved aside", str(folder / name))


def _taken(root: str, folder: Path, contents: Contents) -> Iterator[str]:
    """What is there now and makes room."""
    names = dict.fromkeys(contents.tops[root])
    if root == "data":
        names |= dict.fromkeys(LOGS_OF_CHANGES)
        if contents.outputs:
            names["runs"] = None
    for name in names:
        if os.path.lexists(folder / name):
            if os.path.ismount(folder / name):
                raise ArchiveError(f"{folder / name} is a mounted disk, which cannot be moved aside. Unmount it first.")
            yield name


def _require_space(plan: Plan) -> None:
    wanted: dict[int, int] = defaultdict(lambda: SPARE)
    places: dict[int, Path] = {}
    for root, folder in plan.roots.items():
        there = next(path for path in (folder, *folder.parents) if path.exists())
        device = there.stat().st_dev
        places[device] = there
        wanted[device] += plan.sizes.get(root, 0)
    for device, size in wanted.items():
        free = shutil.disk_usage(places[device]).free
        if free < size:
            raise ArchiveError(
                f"{places[device]} has {free >> 20} MiB free, and this takes {size >> 20} MiB. Nothing was changed."
            )
