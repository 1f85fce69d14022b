"""The log of a plugin: JSON lines on standard output, which Toru keeps as they are."""

import json
import os
import sys
import threading

from toru_plugin.times import now

STDOUT = 1
MOST = 15_000
"""Characters of a message or an error: Toru takes lines of 64 KiB."""


class Log:
    """Writes lines. A message is one sentence; `error` says what is behind it."""

    def __init__(self) -> None:
        self._turn = threading.Lock()

    def trace(self, message: str) -> None:
        """What nobody wants to read but for a search."""
        self._write("trace", message)

    def debug(self, message: str) -> None:
        """What helps to find a mistake."""
        self._write("debug", message)

    def info(self, message: str) -> None:
        """What happened."""
        self._write("info", message)

    def warn(self, message: str, error: str | None = None) -> None:
        """What should be looked at."""
        self._write("warn", message, error)

    def error(self, message: str, error: str | None = None) -> None:
        """What went wrong."""
        self._write("error", message, error)

    def exception(self, message: str) -> None:
        """What went wrong, with the traceback of the exception that is being handled."""
        import traceback

        self._write("error", message, traceback.format_exc().rstrip())

    def _write(self, level: str, message: str, error: str | None = None) -> None:
        line = {"timestamp": now(), "level": level, "message": message[:MOST]}
        if error is not None:
            line["error"] = error[-MOST:]
        raw = json.dumps(line, ensure_ascii=False).encode(errors="replace") + b"\n"
        with self._turn:
            try:
                sys.stdout.flush()  # what was printed before comes before
                while raw:
                    raw = raw[os.write(STDOUT, raw) :]
            except (OSError, ValueError):
                pass  # nobody listens: a log is no reason to fail
