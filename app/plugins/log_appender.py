"""Appends to the log files of all plugins in one thread, so that a slow or full disk never stops the caller."""

import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path

from app.core.rotating_file import RotatingFile
from app.plugins.log_lines import log_line

MAX_WAITING = 4 * 1024 * 1024
"""Bytes of one file that may wait for the disk; a thread a plugin would cost more memory than its log."""

BATCH = 1024 * 1024
CLOSE_SECONDS = 4.0


class LogTarget:
    """One file, and what waits for it.

    Args:
        plugin: whose lines they are, for the notice about lost ones.
    """

    def __init__(self, path: Path, plugin: str) -> None:
        self.file = RotatingFile(path)
        self.plugin = plugin
        self.waiting: list[bytes] = []
        self.size = 0
        self.lost = 0


class LogAppender:
    """The thread; it begins with the first line."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._due: dict[LogTarget, None] = {}
        self._wake = threading.Event()
        self._closing = False
        self._thread: threading.Thread | None = None

    def append(self, target: LogTarget, lines: Sequence[bytes]) -> None:
        """Queues lines, their ends included; drops and counts those for which too much waits."""
        with self._lock:
            for number, line in enumerate(lines):
                if self._closing or target.size + len(line) > MAX_WAITING:
                    target.lost += len(lines) - number
                    break
                target.waiting.append(line)
                target.size += len(line)
            self._due[target] = None
        self._wake.set()
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="plugin-logs", daemon=True)
            self._thread.start()

    async def close(self) -> None:
        """Writes what is queued and ends the thread."""
        with self._lock:
            self._closing = True
        self._wake.set()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, CLOSE_SECONDS)

    def _work(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            while (batch := self._take()) is not None:
                self._write(*batch)
            if self._closing and not self._due:
                return

    def _take(self) -> tuple[LogTarget, list[bytes]] | None:
        """The next file and what waits for it; files take turns."""
        with self._lock:
            if not self._due:
                return None
            target = next(iter(self._due))
            del self._due[target]
            lines, target.waiting = target.waiting, []
            target.size = 0
            return target, lines

    def _write(self, target: LogTarget, lines: list[bytes]) -> None:
        batch: list[bytes] = []
        size = 0
        for line in lines:
            batch.append(line)
            size += len(line)
            if size >= BATCH:
                self._append(target, batch)
                batch, size = [], 0
        if batch:
            self._append(target, batch)
        target.file.close()  # between its lines an idle plugin holds no descriptor

    def _append(self, target: LogTarget, batch: list[bytes]) -> None:
        with self._lock:
            lost = target.lost
        text = b"".join(batch)
        try:
            target.file.append(_notice(target.plugin, lost) + text if lost else text)
        except OSError:
            target.file.close()
            lost = -len(batch)
        with self._lock:
            target.lost -= lost


def _notice(plugin: str, lost: int) -> bytes:
    message = f"{lost} log lines were lost: the disk was full or too slow."
    return log_line("warn", plugin, message, event="log_lines_lost", lost=lost)
