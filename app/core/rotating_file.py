"""A log file that is appended to and, when it has grown, renamed; whatever others do to it meanwhile."""

import contextlib
import os
from pathlib import Path

MAX_BYTES = 10_000_000
KEPT_FILES = 5
FILE_MODE = 0o640
"""An agent of the file's group may read it, whatever the umask."""


class RotatingFile:
    """One file; older ones are `path.1` (newest) to `path.5`. Blocks; one thread owns an instance."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd = -1
        self._size = 0

    def append(self, lines: bytes) -> None:
        """Writes whole lines, or nothing of them; opens the file when it is not.

        Raises:
            OSError: the disk is full, the folder is gone or not ours.
        """
        if self._fd < 0 or self._moved():
            self.open()
        if self._size and self._size + len(lines) > MAX_BYTES:
            with contextlib.suppress(OSError):  # a file that grows is better than no lines
                self._rotate()
        self._write_whole(lines)

    def open(self) -> None:
        """Makes the file, and the folder that it lies in; raises OSError."""
        self.close()
        self.path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        try:
            self._fd = os.open(self.path, flags | os.O_EXCL, FILE_MODE)
            os.fchmod(self._fd, FILE_MODE)
        except FileExistsError:
            self._fd = os.open(self.path, flags, FILE_MODE)
        self._size = os.fstat(self._fd).st_size

    def close(self) -> None:
        """Lets go of the file; the next line opens it again."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _write_whole(self, lines: bytes) -> None:
        start, rest = self._size, lines
        try:
            while rest:
                rest = rest[os.write(self._fd, rest) :]
        except OSError:
            # What a full disk took of a line would spoil the next one.
            os.ftruncate(self._fd, min(start, os.fstat(self._fd).st_size))
            raise
        self._size += len(lines)

    def _moved(self) -> bool:
        """Whether somebody renamed or removed the file (logrotate does); what truncated it in place is noticed too."""
        try:
            there, ours = os.stat(self.path), os.fstat(self._fd)
        except FileNotFoundError:
            return True
        self._size = ours.st_size
        return (there.st_ino, there.st_dev) != (ours.st_ino, ours.st_dev)

    def _rotate(self) -> None:
        for number in range(KEPT_FILES - 1, 0, -1):
            older = self.path.with_name(f"{self.path.name}.{number}")
            if older.exists():
                older.rename(self.path.with_name(f"{self.path.name}.{number + 1}"))
        self.path.rename(self.path.with_name(f"{self.path.name}.1"))
        self.open()
