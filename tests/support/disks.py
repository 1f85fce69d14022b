"""Real disks that are small, full or read-only: file systems of the test's own."""

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

MIB = 1 << 20


class SmallDisk:
    """A file system in memory, mounted at a folder.

    Args:
        folder: where; it is made.
        mebibytes: how large.
    """

    def __init__(self, folder: Path, mebibytes: int) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"
        folder.mkdir(parents=True, exist_ok=True)
        mount = ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m,mode=0700", "tmpfs", str(folder)]
        subprocess.run(mount, check=True, capture_output=True)

    def fill(self) -> None:
        """Writes until there is no room, not even for a byte."""
        with self._ballast.open("ab", buffering=0) as out, contextlib.suppress(OSError):
            while True:
                out.write(bytes(64 * 1024))
        with self._ballast.open("ab", buffering=0) as out, contextlib.suppress(OSError):
            while True:
                out.write(b"\0")

    def free(self) -> None:
        """Makes room again."""
        self._ballast.unlink(missing_ok=True)

    def make_read_only(self, *, on: bool = True) -> None:
        """As the kernel does it where a disk is broken; False turns it back."""
        subprocess.run(["mount", "-o", f"remount,{'ro' if on else 'rw'}", str(self.folder)], check=True)

    def close(self) -> None:
        """Takes it away, whoever still uses it."""
        subprocess.run(["umount", "--lazy", str(self.folder)], check=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MiB."""
    disk = SmallDisk(tmp_path / "small", 2)
    yield disk.folder
    disk.close()
