"""Reading a backup from its beginning to its end, believing nothing of what it says."""

import gzip
import io
import json
import re
import struct
import tarfile
import zlib
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO, Final, cast

from app.backup.archive import FORMAT, MANIFEST
from app.backup.errors import BadArchive
from app.backup.sealed import SealedReader, is_sealed
from app.backup.sink import PIECE, SUMS, Hashing, read_sum_line

MOST_AT_ONCE: Final = 8 << 20
MOST_MANIFEST: Final = 1 << 20
MOST_NAME: Final = 4000
MOST_HEADER: Final = 1 << 20
"""Of a file in it, with all that extends it: names, and maps of holes, which tarfile would collect without end."""

MOST_LINE: Final = 1 << 16
DATA: Final = re.compile(r"data/(toru\.db|[A-Za-z0-9._-]+\.key|runs/[A-Za-z0-9]+/[A-Za-z0-9._-]+)", re.ASCII)
TOP: Final = ("README.txt", MANIFEST, SUMS)
BROKEN: Final = (
    tarfile.TarError,
    EOFError,
    zlib.error,
    gzip.BadGzipFile,
    struct.error,
    ValueError,
    OverflowError,
    RecursionError,
)


@dataclass(frozen=True, slots=True)
class Member:
    """A file in a backup.

    Attributes:
        root: `data`, `plugins` or `scripts`.
        name: below it, with slashes.
        changed_at: seconds since 1970.
    """

    root: str
    name: str
    size: int
    mode: int
    changed_at: float

    @property
    def top(self) -> str:
        """The first part of the name: what is put in place as a whole."""
        return self.name.partition("/")[0]


@dataclass(frozen=True, slots=True)
class Contents:
    """What a backup says about itself, once all hashes fit.

    Attributes:
        schema: the database's.
        chosen_scripts_dir: where its settings say that scripts lie, None where they leave that to the deployment.
        tops: what it has in each root, by the first part of the names; in the order of the archive.
        size: of all files, in bytes.
    """

    version: str
    schema: str
    made_at: str
    outputs: bool
    chosen_scripts_dir: str | None
    left_out: tuple[str, ...]
    tops: dict[str, tuple[str, ...]]
    files: int
    size: int


Take = Callable[[Member, BinaryIO], None]


def needs_passphrase(path: Path) -> bool:
    """Whether a file is an encrypted backup. Raises OSError."""
    with path.open("rb") as file:
        return is_sealed(file.read(8))


def read_backup(path: Path, passphrase: str | None, take: Take | None = None) -> Contents:
    """Reads all of it; nothing that it says counts before the end, where the hashes are.

    Args:
        take: called with each file that belongs somewhere, and its bytes.

    Raises:
        BadArchive: it is none, it is damaged, cut off or changed, it takes a passphrase, or holds what has no place.
        OSError: it cannot be read, or `take` failed.
    """
    try:
        with ExitStack() as stack:
            file: BinaryIO = stack.enter_context(path.open("rb"))
            sealed = is_sealed(file.read(8))
            file.seek(0)
            if sealed and passphrase is None:
                raise BadArchive(f"{path} is encrypted: give its passphrase.")
            if sealed:
                file = cast("BinaryIO", io.BufferedReader(SealedReader(file, passphrase or ""), PIECE))
            plain = stack.enter_context(gzip.GzipFile(fileobj=file, mode="rb"))
            return _Walk(Forward(plain), take).contents()
    except BROKEN as error:
        told = str(error) if isinstance(error, BadArchive) else f"it is damaged, cut off, or no backup ({error})"
        raise BadArchive(f"{path} cannot be used: {told}.") from None


class Forward:
    """A stream that tarfile takes for a file; it goes forward only, and no claim of the archive fills the memory."""

    def __init__(self, file: gzip.GzipFile) -> None:
        self._file = file
        self._position = 0
        self._end: int | None = None

    def restrict(self, most: int | None) -> None:
        """Lets so many bytes be read from here on, and whatever there is where it is None."""
        self._end = None if most is None else self._position + most

    def tell(self) -> int:
        """How far it is."""
        return self._position

    def seek(self, position: int) -> None:
        """Goes on to there."""
        if position < self._position:
            raise tarfile.ReadError("it goes backwards")
        while self._position < position:
            if not self.read(min(PIECE, position - self._position)):
                raise tarfile.ReadError("it is cut off")

    def read(self, count: int) -> bytes:
        """The next bytes; fewer only at the end."""
        if count > MOST_AT_ONCE or (self._end is not None and self._position + count > self._end):
            raise tarfile.ReadError("something in it is too large")
        data = self._file.read(count)
        self._position += len(data)
        return data


class _Walk:
    """One way through an archive."""

    def __init__(self, stream: Forward, take: Take | None) -> None:
        self._stream = stream
        self._take = take
        self._sums: dict[str, bytes] = {}
        self._tops: dict[str, dict[str, None]] = {"data": {}, "plugins": {}, "scripts": {}}
        self._manifest: dict[str, Any] | None = None
        self._size = 0
        self._is_summed = False

    def contents(self) -> Contents:
        """Goes to the end."""
        self._stream.restrict(MOST_HEADER)
        with tarfile.TarFile(fileobj=cast("IO[bytes]", self._stream), mode="r") as tar:
            for about in tar:
                self._stream.restrict(None)
                content = tar.extractfile(about) if about.isreg() and about.sparse is None else None
                if content is None:
                    raise BadArchive(f"{_shown(about.name)} in it is no plain file")
                self._file(about, cast("BinaryIO", content))
                tar.members.clear()  # type: ignore[attr-defined]  # else it remembers every file for nothing
                self._stream.restrict(MOST_HEADER)
        self._stream.restrict(None)
        while self._stream.read(PIECE):
            pass  # to the end, where the stream's own sums are
        if self._manifest is None or not self._is_summed:
            raise BadArchive("it is cut off, or no backup of Toru")
        return self._told(self._manifest)

    def _file(self, about: tarfile.TarInfo, content: BinaryIO) -> None:
        name = about.name
        if self._is_summed or name in self._sums:
            raise BadArchive(f"{_shown(name)} is in it twice, or behind its end")
        if name == SUMS:
            self._compare(content)
            return
        hashed = Hashing(content, about.size)
        if name == MANIFEST:
            self._read_manifest(hashed, about.size)
        elif name not in TOP:
            self._place(_member(about), cast("BinaryIO", hashed))
        while hashed.read(PIECE):
            pass
        self._sums[name] = hashed.digest.digest()
        self._size += about.size

    def _place(self, member: Member, content: BinaryIO) -> None:
        self._tops[member.root][member.top] = None
        if self._take is not None:
            self._take(member, content)

    def _read_manifest(self, content: Hashing, size: int) -> None:
        if size > MOST_MANIFEST:
            raise BadArchive("its manifest is too long")
        told = json.loads(content.read(size))
        if not isinstance(told, dict) or not isinstance(told.get("format"), int):
            raise BadArchive("its manifest cannot be understood")
        if told["format"] > FORMAT:
            raise BadArchive(f"a newer version of Toru made it ({_shown(told.get('version'))}); install that or newer")
        self._manifest = told

    def _compare(self, content: BinaryIO) -> None:
        """Every file has its line, every line its file, and the hashes fit."""
        missing = dict(self._sums)
        while line := content.readline(MOST_LINE):
            digest, name = read_sum_line(line)
            if missing.pop(name, b"").hex() != digest:
                raise BadArchive(f"{_shown(name)} in it is not what it was, or missing")
        if missing:
            raise BadArchive(f"{_shown(min(missing))} in it has no hash")
        self._is_summed = True

    def _told(self, manifest: dict[str, Any]) -> Contents:
        if "toru.db" not in self._tops["data"]:
            raise BadArchive("there is no database in it")
        texts = {key: str(manifest.get(key, "")) for key in ("version", "schema", "made_at")}
        left_out, chosen = manifest.get("left_out", []), manifest.get("chosen_scripts_dir")
        return Contents(
            **texts,
            chosen_scripts_dir=chosen if isinstance(chosen, str) else None,
            outputs=manifest.get("outputs") is True,
            left_out=tuple(map(str, left_out)) if isinstance(left_out, list) else (),
            tops={root: tuple(names) for root, names in self._tops.items()},
            files=len(self._sums),
            size=self._size,
        )


def _member(about: tarfile.TarInfo) -> Member:
    """Where a file belongs. Raises BadArchive for whatever has no place."""
    root, _, name = about.name.partition("/")
    parts = name.split("/")
    is_sound = "\0" not in name and len(about.name) <= MOST_NAME and not any(part in ("", ".", "..") for part in parts)
    if root == "data":
        is_sound = is_sound and DATA.fullmatch(about.name) is not None
    if not is_sound or root not in ("data", "plugins", "scripts"):
        raise BadArchive(f"{_shown(about.name)} in it has no place here")
    return Member(root, name, about.size, about.mode & 0o755, about.mtime)


def _shown(text: object) -> str:
    return repr(str(text)[:100])
