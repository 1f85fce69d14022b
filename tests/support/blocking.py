"""The blocking-I/O guard: our own code must not sleep, open files or start programs inside the event loop.

Python's audit events tell what is about to block. A call is blamed on the nearest frame that is not the standard
library's (nor psutil's or SQLAlchemy's), and only when that frame is in the product; what NiceGUI does
is its own affair.
"""

import asyncio
import sys
import sysconfig
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, SupportsIndex

from sqlalchemy import Engine, event

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = tuple(str(ROOT / part) + "/" for part in ("app", "ui", "theme"))
PATHS = sysconfig.get_paths()
STANDARD_LIBRARY = (PATHS["stdlib"] + "/", PATHS["platstdlib"] + "/", "<frozen ")
TRANSPARENT_PACKAGES = ("psutil", "sqlalchemy", "sqlmodel")
BLOCKING = {
    "glob.glob", "open", "os.listdir", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.scandir", "os.system",
    "shutil.copyfile", "shutil.move", "shutil.rmtree", "socket.connect", "socket.getaddrinfo", "sqlite3.connect",
    "subprocess.Popen",
}  # fmt: skip
HARMLESS_CALLERS = {
    "importlib",  # an import at first use reads a file once
    "asyncio",  # its own way to start a child, and non-blocking connects
    "linecache",  # tracebacks
    "traceback",
}


class BlockingGuard:
    """Collects what blocked; installed once, as audit hooks cannot be removed."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self._active = False
        self._looking = False
        sys.addaudithook(self._heard)
        event.listen(Engine, "before_cursor_execute", self._database_used)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Within it, blocking calls of the product inside the event loop are collected in `found`."""
        self.found.clear()
        self._active = True
        sleep = time.sleep

        def watched_sleep(seconds: float | SupportsIndex) -> None:  # an audit event of its own only since Python 3.13
            self._judge(f"time.sleep({seconds})")
            sleep(seconds)

        time.sleep = watched_sleep
        try:
            yield
        finally:
            time.sleep = sleep
            self._active = False

    def _heard(self, name: str, arguments: tuple[Any, ...]) -> None:
        if self._active and name in BLOCKING and not self._looking:
            self._judge(f"{name}{arguments[:1]}")

    def _database_used(self, *arguments: Any) -> None:
        if self._active:
            self._judge(f"SQL: {arguments[2]}")

    def _judge(self, what: str) -> None:
        if asyncio._get_running_loop() is None:
            return
        self._looking = True  # what we do here ourselves raises audit events too
        try:
            culprit = _culprit(sys._getframe(2))
            if culprit is not None:
                self.found.append(f"{culprit} blocks the event loop: {what}. Do it in a thread (asyncio.to_thread).")
        finally:
            self._looking = False


def _culprit(frame: FrameType | None) -> str | None:
    """The product's line that is to blame, if it is the product's."""
    while frame is not None:
        path = frame.f_code.co_filename
        if path != __file__:
            if path.startswith(PRODUCT):
                return f"{path.removeprefix(str(ROOT) + '/')}:{frame.f_lineno}"
            module = str(frame.f_globals.get("__name__", "")).partition(".")[0]
            if module in HARMLESS_CALLERS or not _is_transparent(path):
                return None
        frame = frame.f_back
    return None


def _is_transparent(path: str) -> bool:
    if "/site-packages/" in path:
        return any(f"/site-packages/{name}/" in path for name in TRANSPARENT_PACKAGES)
    return path.startswith(STANDARD_LIBRARY)
