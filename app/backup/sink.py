"""Where files go, one after the other: a tar archive or a folder; each is hashed on its way, and none is read twice."""

import gzip
import hashlib
import io
import os
import stat
import tarfile
import tempfile
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Protocol, Self

from app.backup.sealed import SealingWriter

SUMS: Final = "SHA256SUMS"
PIECE: Final = 1 << 20
LEVEL: Final = 6


class Sink(Protocol):
    """Takes files by name."""

    @property
    def files(self) -> int:
        """How many it took."""

    @property
    def bytes(self) -> int:
        """How long they are together."""

    def add(self, name: str, path: Path) -> None:
        """Takes a copy of a file as long as it is now; one that went meanwhile is left out."""

    def add_text(self, name: str, text: str) -> None:
        """Takes a text as a file."""

    def add_stream(self, name: str, file: BinaryIO, size: int) -> None:
        """Takes so many bytes as a file."""


class ArchiveSink:
    """A compressed tar archive, encrypted where there is a passphrase; the last file in it is `SHA256SUMS`.

    Bounded in memory whatever the number and size of files: the list of hashes waits in a file without a name.

    Args:
        path: made anew, readable by its owner only; the caller removes it when anything goes wrong.
    """

    def __init__(self, path: Path, passphrase: str | None) -> None:
        self.files = 0
        self.bytes = 0
        self._file = open(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600), "wb")  # noqa: SIM115 - closed by close
        self._sealing = SealingWriter(self._file, passphrase) if passphrase is not None else None
        to = io.BufferedWriter(self._sealing, PIECE) if self._sealing is not None else self._file
        self._buffer = to
        self._zip = gzip.GzipFile(filename="", mode="wb", compresslevel=LEVEL, fileobj=to)
        self._tar = tarfile.TarFile(fileobj=self._zip, mode="w", format=tarfile.PAX_FORMAT)
        self._sums = tempfile.TemporaryFile(dir=path.parent)  # noqa: SIM115 - as the other

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            self._zip.fileobj = None  # type: ignore[assignment]  # else what is left of it writes its end into a closed file
            self._sums.close()
            self._file.close()

    def add(self, name: str, path: Path) -> None:
        """Takes a copy of a file as long as it is now; one that went meanwhile is left out."""
        try:
            handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError:
            return
        with open(handle, "rb") as file:
            about = os.fstat(handle)
            if stat.S_ISREG(about.st_mode):
                self._add(name, file, about.st_size, about.st_mode, about.st_mtime)

    def add_text(self, name: str, text: str) -> None:
        """Takes a text as a file."""
        content = text.encode("utf-8", "surrogateescape")
        self.add_stream(name, io.BytesIO(content), len(content))

    def add_stream(self, name: str, file: BinaryIO, size: int) -> None:
        """Takes so many bytes as a file."""
        self._add(name, file, size, 0o600, 0)

    def _add(self, name: str, file: BinaryIO, size: int, mode: int, changed: float) -> None:
        about = tarfile.TarInfo(name)
        about.size, about.mode, about.mtime = size, mode & 0o755, int(changed)
        hashed = Hashing(file, size)
        self._tar.addfile(about, hashed)
        self._tar.members.clear()  # type: ignore[attr-defined]  # else it remembers every file for nothing
        self.files += 1
        self.bytes += size
        self._sums.write(sum_line(hashed.digest.hexdigest(), name))

    def _finish(self) -> None:
        size = self._sums.tell()
        self._sums.seek(0)
        about = tarfile.TarInfo(SUMS)
        about.size, about.mode = size, 0o600
        self._tar.addfile(about, self._sums)
        self._tar.close()
        self._zip.close()
        if self._sealing is not None:
            self._buffer.close()  # flushes, and has the last piece written
        self._file.flush()
        os.fsync(self._file.fileno())


class FolderSink:
    """A folder with the same files in it.

    Args:
        path: made anew, for its owner only.
    """

    def __init__(self, path: Path) -> None:
        path.mkdir(mode=0o700)
        self.files = 0
        self.bytes = 0
        self._path = path
        self._sums = open(path / SUMS, "wb", opener=_private)  # noqa: SIM115 - closed at the end of the block

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._sums.close()

    def add(self, name: str, path: Path) -> None:
        """Takes a copy of a file as long as it is now; one that went meanwhile is left out."""
        try:
            handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError:
            return
        with open(handle, "rb") as file:
            about = os.fstat(handle)
            if stat.S_ISREG(about.st_mode):
                self.add_stream(name, file, about.st_size)

    def add_text(self, name: str, text: str) -> None:
        """Takes a text as a file."""
        content = text.encode("utf-8", "surrogateescape")
        self.add_stream(name, io.BytesIO(content), len(content))

    def add_stream(self, name: str, file: BinaryIO, size: int) -> None:
        """Takes so many bytes as a file."""
        target = self._path / name
        make_folders(target.parent, 0o700)
        hashed = Hashing(file, size)
        with open(target, "xb", opener=_private) as copy:
            while piece := hashed.read(PIECE):
                copy.write(piece)
        self.files += 1
        self.bytes += size
        self._sums.write(sum_line(hashed.digest.hexdigest(), name))


class Hashing:
    """So many bytes of a file, hashed while they are read; where it became shorter meanwhile, zeros take the place."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self.digest = hashlib.sha256()
        self._file = file
        self._left = size

    def read(self, most: int = -1) -> bytes:
        """The next bytes."""
        wanted = self._left if most < 0 else min(most, self._left)
        if not wanted:
            return b""
        piece = self._file.read(wanted)
        piece += bytes(wanted - len(piece))
        self._left -= wanted
        self.digest.update(piece)
        return piece


def sum_line(digest: str, name: str) -> bytes:
    """A line as `sha256sum` writes and checks it."""
    escaped = name.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    start = "\\" if escaped != name else ""
    return os.fsencode(f"{start}{digest}  {escaped}\n")


def read_sum_line(line: bytes) -> tuple[str, str]:
    """The hash and the name. Raises ValueError."""
    text = os.fsdecode(line.removesuffix(b"\n"))
    is_escaped = text.startswith("\\")
    digest, gap, name = text.removeprefix("\\").partition("  ")
    if not gap or len(digest) != 64 or not name:
        raise ValueError("no line of SHA256SUMS")
    if is_escaped:
        parts = (part.replace("\\n", "\n").replace("\\r", "\r") for part in name.split("\\\\"))
        name = "\\".join(parts)
    return digest, name


def make_folders(folder: Path, mode: int) -> None:
    """Makes a folder and those above it that are missing, all with this mode; Path.mkdir gives it to the last only."""
    if not folder.is_dir():
        make_folders(folder.parent, mode)
        folder.mkdir(mode=mode)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)
