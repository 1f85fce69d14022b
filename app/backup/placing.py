"""Putting restored files into their places: a list of moves on the disk, made once and followed to its end.

Once the list is there, the new state counts: whatever opens the data folder next finishes it first. Before, the old
state does. So a restore that is killed leaves the one or the other, never a mixture.
"""

import ctypes
import json
import os
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from app.backup.archive import sync_folder
from app.backup.pending import PENDING
from app.backup.sources import STAGE

LIST: Final = PENDING

Move = tuple[Path, Path]


def commit(data_dir: Path, moves: Sequence[Move], roots: Sequence[Path]) -> None:
    """Writes the list, which decides; then follows it. Blocks.

    Args:
        moves: from where to where, in this order; no target may be there.
        roots: the folders whose stages go when all is done.
    """
    for root in roots:
        _sync_files(root)
    text = json.dumps(
        {
            "moves": [[os.fspath(path) for path in move] for move in moves],
            "roots": [os.fspath(root) for root in roots],
        }
    )
    draft = data_dir / f"{LIST}.new"
    draft.unlink(missing_ok=True)
    with open(draft, "x", encoding="utf-8", errors="surrogateescape", opener=_private) as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(data_dir / LIST)
    sync_folder(data_dir)
    finish_restore(data_dir)


def finish_restore(data_dir: Path) -> bool:
    """Follows a list that is there, from wherever it was left; returns whether there was one. Blocks.

    Raises:
        OSError: a file cannot be moved; the list stays for another try.
    """
    try:
        told = json.loads((data_dir / LIST).read_text(encoding="utf-8", errors="surrogateescape"))
    except FileNotFoundError:
        return False
    changed: dict[Path, None] = {}
    for source, target in ((Path(one), Path(other)) for one, other in told["moves"]):
        # Moved already, where the target is there: what has the source's name by now is the new file.
        if os.path.lexists(source) and not os.path.lexists(target):
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            source.rename(target)
        changed |= dict.fromkeys((source.parent, target.parent, target.parent.parent))
    for folder in changed:
        if folder.is_dir():
            sync_folder(folder)
    (data_dir / LIST).unlink()
    sync_folder(data_dir)
    remove_stages(map(Path, told["roots"]))
    return True


def remove_stages(roots: Iterable[Path]) -> None:
    """Removes what was unpacked and did not come to count."""
    for root in roots:
        shutil.rmtree(root / STAGE, ignore_errors=True)


def _sync_files(root: Path) -> None:
    """Has everything on the disk that the root's file system was told: one call instead of one a file."""
    handle = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if ctypes.CDLL(None, use_errno=True).syncfs(handle) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), os.fspath(root))
    finally:
        os.close(handle)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)
