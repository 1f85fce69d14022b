"""The scripts folder: what may be run from it, and how a file's name becomes the program and arguments to execute.

Only a regular file directly inside the folder with one of the two endings runs, named exactly as it is listed. Symbolic
links are neither listed nor run. No shell ever parses a name or an argument. Whoever may write into the folder decides
what runs; these rules are for everybody else.
"""

import errno
import logging
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from app.core.clock import iso
from app.core.errors import NotFound, ToruError, Unavailable
from app.runs.schemas import ScriptView

log = logging.getLogger(__name__)

INTERPRETERS = {".sh": "sh", ".bash": "bash"}
HEAD = 512
UTF8_BOM = b"\xef\xbb\xbf"
UTF16_BOMS = (b"\xff\xfe", b"\xfe\xff")


class CannotStart(ToruError):
    """The file is there but cannot be executed; the sentence says why and what to do."""

    status = 409


class ScriptCatalog:
    """One scripts folder; every method looks at the disk and belongs into a worker thread."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def names(self) -> list[str]:
        """The file names that may be run, sorted.

        Raises:
            Unavailable: the folder is missing or cannot be read.
        """
        with _folder(self.folder) as handle, os.scandir(handle) as entries:
            names = [entry.name for entry in entries if _ending(entry.name) and entry.is_file(follow_symlinks=False)]
        speakable = sorted(name for name in names if _is_text(name))
        if len(speakable) < len(names):
            log.warning("%d scripts in %s have names that are not UTF-8", len(names) - len(speakable), self.folder)
        return speakable

    def scripts(self) -> list[ScriptView]:
        """The scripts with what a person wants to know of them, by name. Raises as `names`."""
        found = []
        for name in self.names():
            try:
                with _script(self.folder, name) as (handle, status):
                    found.append(_view(name, os.pread(handle, HEAD, 0), status))
            except NotFound:
                continue  # it went since it was listed
            except CannotStart:
                found.append(_view(name, b"", os.lstat(self.folder / name)))
        return found

    def require_name(self, name: str) -> None:
        """Raises NotFound for what cannot be the name of a script. Alone here in not looking at the disk."""
        if not (_ending(name) and _is_text(name) and "/" not in name and "\0" not in name):
            raise _unknown(name)

    def argv(self, name: str, args: tuple[str, ...] = ()) -> list[str]:
        """The argv that runs the script: itself, or `sh` or `bash` by its ending without an execute bit or a shebang.

        Raises:
            NotFound: there is no such script (any more).
            CannotStart: it cannot be executed as it is.
            Unavailable: the folder cannot be read.
        """
        self.require_name(name)
        with _folder(self.folder):
            pass  # a missing folder is told apart from a missing script
        with _script(self.folder, name) as (handle, _):
            head = os.pread(handle, HEAD, 0)
            _refuse_unreadable(name, head)
            path = str(self.folder / name)
            direct = head.startswith(b"#!") and _may_execute(handle)
        if direct:
            _require_interpreter(name, head)
            return [path, *args]
        return [INTERPRETERS[_ending(name)], path, *args]


@contextmanager
def _folder(folder: Path) -> Iterator[int]:
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise Unavailable(f"The scripts folder {folder} cannot be read: {error.strerror}.") from error
    try:
        yield handle
    finally:
        os.close(handle)


@contextmanager
def _script(folder: Path, name: str) -> Iterator[tuple[int, os.stat_result]]:
    # O_NONBLOCK: opening a FIFO must not wait for a writer.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        handle = os.open(folder / name, flags)
    except OSError as error:
        if error.errno == errno.EACCES:
            raise CannotStart(
                f"{name} cannot be read by the user that Toru runs as. Mend it with: chmod a+r {name}"
            ) from error
        raise _unknown(name) from error
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise _unknown(name)
        yield handle, status
    finally:
        os.close(handle)


def _unknown(name: str) -> NotFound:
    return NotFound(f"There is no script {name[:255]!r} in the scripts folder.")


def _ending(name: str) -> str:
    """`.sh` or `.bash`, or an empty text for a file that is no script."""
    ending = os.path.splitext(name)[1]
    return ending if ending in INTERPRETERS else ""


def _is_text(name: str) -> bool:
    return name.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in name)


def _may_execute(handle: int) -> bool:
    """Whether the kernel would execute the file: the bit is set and its file system allows it."""
    if os.fstatvfs(handle).f_flag & os.ST_NOEXEC:
        return False
    return os.access(f"/proc/self/fd/{handle}", os.X_OK, effective_ids=True)


def _refuse_unreadable(name: str, head: bytes) -> None:
    first_line = head.partition(b"\n")[0]
    if not head:
        raise CannotStart(f"{name} is empty: there is nothing to run.")
    if head.startswith(UTF16_BOMS):
        raise CannotStart(f"{name} is saved as UTF-16. Save it as UTF-8 without a byte order mark.")
    if head.startswith(UTF8_BOM):
        raise CannotStart(f"{name} begins with a byte order mark (BOM), which hides its first line. Save it without.")
    if first_line.startswith(b"#!") and first_line.endswith(b"\r"):
        raise CannotStart(
            f"{name} has Windows line ends (CRLF), so the system looks for an interpreter whose name ends in a"
            f" carriage return. Mend it with: sed -i 's/\\r$//' {name}"
        )


def _require_interpreter(name: str, head: bytes) -> None:
    words = head.partition(b"\n")[0][2:].split()
    if not words:
        raise CannotStart(f"{name} begins with #! but names no interpreter after it.")
    interpreter = os.fsdecode(words[0])
    if not os.path.exists(interpreter):
        raise CannotStart(f"{name} asks for the interpreter {interpreter}, which this machine does not have.")
    if os.path.isdir(interpreter) or not os.access(interpreter, os.X_OK):
        raise CannotStart(f"{name} asks for the interpreter {interpreter}, which may not be executed.")


def _view(name: str, head: bytes, status: os.stat_result) -> ScriptView:
    return ScriptView(
        name=name,
        size=status.st_size,
        modified_at=iso(datetime.fromtimestamp(status.st_mtime, UTC)),
        executable=bool(status.st_mode & 0o111),
        description=_description(head),
        warning="Every user of this machine can change it." if status.st_mode & stat.S_IWOTH else None,
    )


def _description(head: bytes) -> str | None:
    for line in head.decode("utf-8", "replace").splitlines()[:20]:
        text = line.strip()
        if text.startswith("#") and not text.startswith("#!"):
            words = text.lstrip("#").strip()
            if words:
                return words[:200]
        elif text and not text.startswith("#"):
            break
    return None
