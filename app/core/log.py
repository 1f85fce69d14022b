"""The product's own log: one JSON object a line, written by one thread."""

import contextlib
import errno
import json
import logging
import queue
import sys
import threading
from pathlib import Path
from typing import Any

from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.json import JsonFormatter

from app.core.clock import now_iso
from app.core.rotating_file import RotatingFile

QUEUE_LINES = 10_000
CLOSE_SECONDS = 5

LEVELS = {"WARNING": "warn", "CRITICAL": "error"}
FULL = (errno.ENOSPC, errno.EDQUOT)
QUIET = "quiet"
"""Records with this attribute go to the file only."""


class LogFile:
    """Appends lines from a bounded queue, so that a slow or full disk never stops the caller.

    Args:
        path: the file; older ones are `path.1` (newest) to `path.5`.

    Raises:
        OSError: the file cannot be opened, for another reason than a full disk.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lost = self._lost_ever = 0
        self._counting = threading.Lock()
        self._queue: queue.Queue[bytes | None] = queue.Queue(QUEUE_LINES)
        self._file = RotatingFile(path)
        try:
            self._file.open()
        except OSError as error:
            if error.errno not in FULL:
                raise
        self._thread = threading.Thread(target=self._work, name=f"log:{path.name}", daemon=True)
        self._thread.start()

    def write(self, line: str) -> None:
        """Queues one line (without its end); drops and counts it when 10,000 are waiting."""
        try:
            self._queue.put_nowait(line.encode("utf-8", "backslashreplace") + b"\n")
        except queue.Full:
            self._count_lost(1)

    def close(self) -> None:
        """Writes what is queued and ends the thread."""
        with contextlib.suppress(queue.Full):
            self._queue.put(None, timeout=CLOSE_SECONDS)
        self._thread.join(CLOSE_SECONDS)

    @property
    def lost(self) -> int:
        """Lines that were dropped, or that no disk took, since the file was opened."""
        return self._lost_ever

    def _count_lost(self, number: int) -> None:
        with self._counting:
            self._lost += number
            self._lost_ever += max(0, number)

    def _work(self) -> None:
        while (line := self._queue.get()) is not None:
            try:
                self._append(line)
            except OSError:
                self._count_lost(1)
                self._file.close()
        self._file.close()

    def _append(self, line: bytes) -> None:
        lost = self._lost
        self._file.append(_lost_notice(lost) + line if lost else line)
        self._count_lost(-lost)


def _lost_notice(lost: int) -> bytes:
    fields = {
        "timestamp": now_iso(),
        "level": "warn",
        "plugin": "toru",
        "message": f"{lost} log lines were lost: the disk was full or too slow.",
        "event": "log_lines_lost",
    }
    return json.dumps(fields).encode() + b"\n"


class JsonLines(JsonFormatter):
    """The line format of the log files: timestamp, level, plugin, message, and event, error, pid where they apply."""

    def __init__(self) -> None:
        super().__init__(reserved_attrs=[*RESERVED_ATTRS, "taskName", "color_message", QUIET])

    def add_fields(self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]) -> None:
        """Replaces the library's field names by ours."""
        extra: dict[str, Any] = {}
        super().add_fields(extra, record, message_dict)
        extra.pop("message", None)
        error = extra.pop("exc_info", None)
        log_data["timestamp"] = now_iso()
        log_data["level"] = LEVELS.get(record.levelname, record.levelname.lower())
        log_data["plugin"] = "toru"
        log_data["message"] = record.getMessage()
        if error:
            log_data["error"] = error
        log_data.update(extra)


class TerminalLines(logging.Formatter):
    """The same records for a terminal or a service manager's journal."""

    def __init__(self) -> None:
        super().__init__("%(levelname)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """One line, whatever a name in it holds: no line end, no escape sequence."""
        return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in super().formatMessage(record))


class FileHandler(logging.Handler):
    """Hands formatted records to a LogFile."""

    def __init__(self, target: LogFile) -> None:
        super().__init__()
        self.target = target
        self.setFormatter(JsonLines())

    def emit(self, record: logging.LogRecord) -> None:
        """Formats in the caller's thread and queues the line."""
        try:
            self.target.write(self.format(record))
        except Exception:  # noqa: BLE001 - logging never breaks the work it reports on
            self.handleError(record)


def start_logging(log_dir: Path) -> LogFile:
    """Sends the root logger to `toru.log` in `log_dir` and warnings to the terminal; the caller closes the file.

    Raises:
        OSError: as LogFile.
    """
    target = LogFile(log_dir / "toru.log")
    terminal = logging.StreamHandler(sys.stderr)
    terminal.setLevel(logging.WARNING)
    terminal.setFormatter(TerminalLines())
    terminal.addFilter(lambda record: not hasattr(record, QUIET))
    logging.basicConfig(level=logging.INFO, handlers=[FileHandler(target), terminal], force=True)
    # uvicorn tells of every socket, with its query string, which may hold what no log should, and warns of every
    # request that is none.
    logging.getLogger("uvicorn").setLevel(logging.ERROR)
    return target
