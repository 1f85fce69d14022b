"""Whether this machine has what Toru needs: Python, SQLite, programs, limits, memory, a clock."""

import ctypes
import errno
import os
import re
import resource
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from app.core.database import SOUND_SQLITE
from app.doctor.findings import Finding, fail, ok, warn
from app.doctor.scene import Scene

OLDEST, NEWEST = (3, 11), (3, 14)
FEW_FILES, TOO_FEW_FILES = 4096, 256
LITTLE_MEMORY, TOO_LITTLE_MEMORY = 256 << 20, 64 << 20
FIRST_YEAR = 2025
UNSYNCHRONIZED = 5  # what adjtimex answers
LOCKED = re.compile(r"(?m)^[A-Za-z0-9._-]+==[^\\\n]+")
KIB = 1024


def check_python(_: Scene) -> Iterator[Finding]:
    """The version that runs this."""
    told = ".".join(map(str, sys.version_info[:3]))
    if OLDEST <= sys.version_info[:2] <= NEWEST:
        yield ok("python", f"Python {told}.")
    else:
        yield fail("python", f"Python {told} is none that Toru is made for.", "Install Python 3.11 to 3.14.")


def check_packages(scene: Scene) -> Iterator[Finding]:
    """Whether the libraries are those of the lock."""
    lock = scene.root / "requirements.lock"
    try:
        wanted = _locked(lock.read_text())
    except OSError as error:
        yield fail("packages", f"{lock} cannot be read: {error.strerror}.", "Install Toru anew; your data stays.")
        return
    wrong = []
    for name, locked in wanted.items():
        try:
            if version(name) != locked:
                wrong.append(f"{name} is {version(name)} instead of {locked}")
        except PackageNotFoundError:
            wrong.append(f"{name} is missing")
    if wrong:
        shown = f"{wrong[0]}{f', and {len(wrong) - 1} more' if len(wrong) > 1 else ''}"
        mend = f"Remove {scene.root / '.venv'}; the next ./toru makes it anew."
        yield warn("packages", f"They are not those of requirements.lock: {shown}.", mend)
    else:
        yield ok("packages", f"All {len(wanted)} are those of requirements.lock.")


def _locked(lock: str) -> dict[str, str]:
    """The version of each library that this Python and this system take; others may take another."""
    from packaging.requirements import Requirement

    lines = (Requirement(line) for line in LOCKED.findall(lock))
    here = (line for line in lines if line.marker is None or line.marker.evaluate())
    return {line.name: str(line.specifier).removeprefix("==") for line in here}


def check_sqlite(_: Scene) -> Iterator[Finding]:
    """Its version: older ones can damage a database that two connections write, which ours never has."""
    told = f"SQLite {sqlite3.sqlite_version}"
    if sqlite3.sqlite_version_info >= SOUND_SQLITE:
        yield ok("sqlite", f"{told}.")
    else:
        sound = ".".join(map(str, SOUND_SQLITE))
        yield ok("sqlite", f"{told}; what was mended in {sound} does not concern a database with one writer.")


def check_programs(_: Scene) -> Iterator[Finding]:
    """Programs that are called."""
    needs = {"setpriv": ("plugins", "util-linux"), "sh": ("scripts", "dash"), "bash": ("scripts in bash", "bash")}
    for name, (what, package) in needs.items():
        if shutil.which(name) is None:
            yield fail("programs", f"{name} is missing, so {what} cannot run.", f"Install {package}, or mend PATH.")
    if all(shutil.which(name) for name in needs):
        yield ok("programs", f"{', '.join(needs)} are there.")


def check_open_files(_: Scene) -> Iterator[Finding]:
    """How many files and sockets a process may have open; each viewer of a run takes three."""
    files, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    mend = "Raise it: LimitNOFILE= in the systemd unit, or ulimit -n before ./toru serve."
    if files == resource.RLIM_INFINITY or files >= FEW_FILES:
        yield ok("open files", "The limit is high enough.")
    elif files < TOO_FEW_FILES:
        yield fail("open files", f"A process may open {files}, which is not enough to serve.", mend)
    else:
        yield ok("open files", f"A process may open {files}: {files // 3} connections at once.")


def check_watching(scene: Scene) -> Iterator[Finding]:
    """Whether the kernel would tell of changes in a folder."""
    libc = ctypes.CDLL(None, use_errno=True)
    handle = libc.inotify_init1(os.O_CLOEXEC)
    if handle < 0:
        mend = "Raise it: sysctl fs.inotify.max_user_instances=512"
        yield warn("inotify", "The kernel's limit is reached, so changes of plugins are noticed late.", mend)
        return
    try:
        folder = scene.config.plugins_dir
        refused = folder.is_dir() and libc.inotify_add_watch(handle, os.fsencode(folder), 0x100) < 0
    finally:
        os.close(handle)
    if refused and ctypes.get_errno() == errno.ENOSPC:
        mend = "Raise it: sysctl fs.inotify.max_user_watches=65536"
        yield warn("inotify", f"The kernel watches no more folders, so changes in {folder} are noticed late.", mend)
    else:
        yield ok("inotify", "Changes of plugins are noticed at once.")


def check_leases(_: Scene) -> Iterator[Finding]:
    """Whether the kernel tells who still writes a file."""
    try:
        enabled = Path("/proc/sys/fs/leases-enable").read_text().strip() != "0"
    except OSError:
        enabled = True
    if enabled:
        yield ok("leases", "It is known when a plugin's file is written to its end.")
    else:
        mend = "Allow them: sysctl fs.leases-enable=1"
        yield warn("leases", "File leases are switched off, so new plugins are noticed two seconds later.", mend)


def check_memory(_: Scene) -> Iterator[Finding]:
    """What programs can still have."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        left = next(int(line.split()[1]) * KIB for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration):
        yield ok("memory", "The kernel does not tell.")
        return
    told = f"{left >> 20} MiB are free for programs"
    if left >= LITTLE_MEMORY:
        yield ok("memory", f"{told}.")
    else:
        level = fail if left < TOO_LITTLE_MEMORY else warn
        yield level("memory", f"Only {told}; Toru alone takes 100.", "End what is not needed, or add memory or swap.")


def check_clock(scene: Scene) -> Iterator[Finding]:
    """Whether the clock is right: sessions, codes of second factors and licences hang on it."""
    mend = "Set it right: timedatectl set-ntp true"
    newest = scene.database.stat().st_mtime if scene.database.exists() else 0.0
    if time.gmtime().tm_year < FIRST_YEAR or newest > time.time() + 60:
        yield fail("clock", "The clock is behind: what is stored here is from its future.", mend)
    elif ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(512)) == UNSYNCHRONIZED:
        yield warn("clock", "Nothing keeps the clock right; second factors fail when it is half a minute off.", mend)
    else:
        yield ok("clock", "It is kept right.")


def check_temporary_folder(_: Scene) -> Iterator[Finding]:
    """Where secrets are handed over at the start, and plugins may unpack themselves."""
    try:
        folder = tempfile.gettempdir()
    except FileNotFoundError:
        yield fail("temporary folder", "There is none that can be written.", "Make /tmp, mode 1777, or set TMPDIR.")
        return
    if os.statvfs(folder).f_flag & os.ST_NOEXEC:
        mend = "Mount it without noexec, or set TMPDIR to another folder."
        yield warn("temporary folder", f"{folder} is mounted noexec; plugins that unpack there cannot start.", mend)
    else:
        yield ok("temporary folder", f"{folder} can be used.")


def check_user(_: Scene) -> Iterator[Finding]:
    """Who runs this."""
    if os.geteuid() == 0:
        mend = "Run it as a user of its own, unless your scripts need root."
        yield warn("user", "This is root; where Toru runs as root, so does every script and plugin.", mend)
    else:
        yield ok("user", f"This is the user with the number {os.geteuid()}.")
