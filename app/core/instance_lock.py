"""One core a data folder."""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self


class AlreadyRunning(Exception):
    """Another process holds the data folder."""


class InstanceLock:
    """Holds `<data>/toru.lock` for as long as its `with` block lasts.

    Raises:
        AlreadyRunning: on entering, when another process holds it.
    """

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / "toru.lock"
        self._fd = -1

    def __enter__(self) -> Self:
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(fd, 32, 0).decode("ascii", "replace").strip()
            os.close(fd)
            raise AlreadyRunning(
                f"Toru already runs on {self._path.parent}" + (f" (process {holder})." if holder else ".")
            ) from None
        os.ftruncate(fd, 0)
        os.pwrite(fd, str(os.getpid()).encode(), 0)
        self._fd = fd
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._fd)
