"""One core a data folder."""

import fcntl
import os
import stat
from pathlib import Path
from types import TracebackType
from typing import Self


class AlreadyRunning(Exception):
    """Another process holds the data folder."""


class UnsafeFolder(Exception):
    """Everybody on this machine could replace what lies in the data folder."""


class InstanceLock:
    """Makes the data folder when it is missing, and holds `<data>/toru.lock` for as long as its `with` block lasts.

    Raises:
        AlreadyRunning: on entering, when another process holds it.
        UnsafeFolder: on entering, when everybody may write in the folder.
    """

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / "toru.lock"
        self._fd = -1

    def __enter__(self) -> Self:
        folder = self._path.parent
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # A folder that was there keeps its mode: it may be somebody else's, too.
        if folder.stat().st_mode & stat.S_IWOTH:
            raise UnsafeFolder(f"Everybody may write in {folder}; Toru's data needs a folder of its own.")
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(fd, 32, 0).decode("ascii", "replace").strip()
            os.close(fd)
            named = f" (process {holder})" if holder else ""
            raise AlreadyRunning(f"Toru already runs on {folder}{named}.") from None
        os.ftruncate(fd, 0)
        os.pwrite(fd, str(os.getpid()).encode(), 0)
        self._fd = fd
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._fd)
