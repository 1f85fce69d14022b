"""Which files of the plugins folder may be run now, and why the others may not. Nothing is opened that could block."""

import errno
import fcntl
import grp
import os
import pwd
import signal
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

ENDING = ".binary"
QUIET_SECONDS = 2.0
"""Without a change, where nobody can tell whether a file is still being written."""

BUSY = (errno.EAGAIN, errno.ETXTBSY)

Mark = tuple[int, int, int, int]
"""Device, inode, size and time of the last change of content: another one is another version."""


@dataclass(frozen=True, slots=True)
class PluginFile:
    """One file that may be run.

    Attributes:
        warning: a sentence about what should be mended, None without one.
    """

    path: Path
    mark: Mark
    warning: str | None = None

    @property
    def name(self) -> str:
        """In the folder."""
        return self.path.name


@dataclass(slots=True)
class Found:
    """What lies in the folder.

    Attributes:
        files: by name; they may be run.
        refused: a sentence by name.
        busy: names of files that are still being written, for all that is known.
    """

    files: dict[str, PluginFile] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    busy: set[str] = field(default_factory=set)


def printable(name: str) -> str:
    """A file's name as text that can be sent: bytes that are not UTF-8 are written out."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


class Refused(Exception):
    """This file must not be run; the text is a sentence."""


class Busy(Exception):
    """Somebody may still be writing it."""


class PluginFolder:
    """Looks into the plugins folder. Blocks; one caller at a time.

    Args:
        path: the folder; it need not be there.
        monotonic: tells seconds.
    """

    def __init__(self, path: Path, monotonic: Callable[[], float]) -> None:
        self.path = path
        self._monotonic = monotonic
        self._since: dict[str, tuple[Mark, float]] = {}

    def look(self) -> Found:
        """Every `*.binary` there."""
        found = Found()
        try:
            names = sorted(name for name in os.listdir(self.path) if name.endswith(ENDING) and name != ENDING)
            folder = self.path.stat()
        except FileNotFoundError:
            return found
        except OSError as error:
            found.refused[self.path.name] = f"The plugins folder cannot be read: {error.strerror}."
            return found
        self._since = {name: since for name, since in self._since.items() if name in names}
        for name in names:
            try:
                require_safe(folder, "The plugins folder")
                found.files[name] = self._examine(self.path / name)
            except Refused as reason:
                found.refused[name] = str(reason)
            except Busy:
                found.busy.add(name)
            except FileNotFoundError:
                continue  # gone meanwhile
            except OSError as error:
                found.refused[name] = f"It cannot be used: {error.strerror}."
        return found

    def _examine(self, path: Path) -> PluginFile:
        status = _target(path, self.path)
        if not stat.S_ISREG(status.st_mode):
            raise Refused("It is not a file.")
        require_safe(status, "It")
        if not os.access(path, os.X_OK):
            raise Refused("It may not be executed. Allow it with: chmod +x")
        mark = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
        if not self._is_written(path) and not self._is_quiet(path.name, mark):
            raise Busy
        warning = None
        if status.st_mode & stat.S_IWGRP:
            warning = "Its group may change it. Forbid that with: chmod g-w"
        return PluginFile(path, mark, warning)

    def _is_written(self, path: Path) -> bool:
        """Whether the kernel says that nobody has the file open for writing. Raises Busy when somebody has.

        False when it cannot say: it tells only a file's owner, and not on every file system.
        """
        try:
            fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except PermissionError:  # a program need not be readable
            return False
        try:
            # Whoever opens the file for writing while we hold the lease has us signalled: by one that nobody minds.
            fcntl.fcntl(fd, fcntl.F_SETSIG, signal.SIGURG)
            fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_RDLCK)
            fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
        except OSError as error:
            if error.errno in BUSY:
                raise Busy from None
            return False
        finally:
            os.close(fd)
        return True

    def _is_quiet(self, name: str, mark: Mark) -> bool:
        seen, since = self._since.get(name, (None, 0.0))
        if seen != mark:
            self._since[name] = (mark, self._monotonic())
            return False
        return self._monotonic() - since >= QUIET_SECONDS


def _target(path: Path, folder: Path) -> os.stat_result:
    """The status of the file, or of what a link leads to inside of the folder. Raises Refused."""
    status = path.lstat()
    if not stat.S_ISLNK(status.st_mode):
        return status
    try:
        target = path.resolve(strict=True)
    except FileNotFoundError:
        raise Refused("It is a link to nothing.") from None
    except (OSError, RuntimeError):  # a loop
        raise Refused("It is a link that leads nowhere.") from None
    if target.parent != folder.resolve():
        raise Refused("It is a link to a file outside of the plugins folder.")
    return target.stat()


def require_safe(status: os.stat_result, what: str) -> None:
    """Raises Refused when somebody else than the operator decides what runs."""
    if status.st_uid not in (0, os.geteuid()):
        raise Refused(f"{what} belongs to another user, {_user_name(status.st_uid)}.")
    if status.st_mode & stat.S_IWOTH:
        raise Refused(f"{what} may be changed by everybody. Forbid that with: chmod o-w")
    if status.st_mode & stat.S_IWGRP and not _is_own_group(status.st_uid, status.st_gid):
        raise Refused(f"{what} may be changed by the group {_group_name(status.st_gid)}. Forbid that with: chmod g-w")


def _is_own_group(uid: int, gid: int) -> bool:
    """Whether the group is the one that has its user's name and nobody else."""
    try:
        user, group = pwd.getpwuid(uid), grp.getgrgid(gid)
    except KeyError:  # a container's made-up ids
        return uid == gid
    return user.pw_gid == gid and group.gr_name == user.pw_name and set(group.gr_mem) <= {user.pw_name}


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
