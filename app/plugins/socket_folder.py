"""Where the sockets of plugins lie: a folder of ours alone, with a path short enough for the kernel."""

import contextlib
import hashlib
import os
import socket
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from app.plugins.metadata import MOST_ID

MOST_PATH = 107
"""Bytes of a socket's path."""

ENDING = ".sock"


class NoSocketFolder(OSError):
    """No folder can hold the sockets of plugins."""


def make_socket_folder(data_dir: Path) -> Path:
    """Makes the folder for a data folder, the same at every start. Blocks.

    Raises:
        NoSocketFolder: no place is short enough and ours.
    """
    for folder in _places(data_dir):
        if len(os.fsencode(folder)) + 1 + MOST_ID + len(ENDING) <= MOST_PATH:
            with contextlib.suppress(OSError):
                make_private(folder)
                _try(folder)
                return folder
    raise NoSocketFolder(f"No folder near {data_dir} can hold the sockets of plugins: their paths would be too long.")


def make_private(folder: Path) -> None:
    """Makes the folder when it is missing, readable by nobody else. Raises OSError when it is not ours. Blocks."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise NotADirectoryError(f"{folder} is not ours")
    folder.chmod(0o700)


def socket_path(folder: Path, plugin_id: str) -> str:
    """Where a plugin is to listen."""
    return str(folder / f"{plugin_id}{ENDING}")


def _places(data_dir: Path) -> Iterator[Path]:
    yield data_dir / "plugins"
    # The data folder's path is in the name, so that two installations of one user keep out of each other's way.
    name = f"toru-{hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]}"
    for runtime in ("RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR"):  # of a service, of a session
        if folder := os.environ.get(runtime, "").partition(":")[0]:
            yield Path(folder) / name
    yield Path("/run/user") / str(os.geteuid()) / name
    yield Path(tempfile.gettempdir()) / name


def _try(folder: Path) -> None:
    """Not every file system has sockets."""
    path = folder / "probe"
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as probe:
        probe.bind(str(path))
    path.unlink()
