"""The lines of a plugin's log: what a plugin printed as one JSON object a line, and what such a line says."""

import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from json.encoder import encode_basestring_ascii as quoted
from typing import Any, Final

import orjson

from app.core.clock import now_iso
from app.core.errors import BadValue

LEVELS: Final = ("trace", "debug", "info", "warn", "error")
FOREIGN_LEVELS: Final[Mapping[str, str]] = {
    "warning": "warn",
    "err": "error",
    "critical": "error",
    "fatal": "error",
    "panic": "error",
}
"""What plugins write that keep a log format of their own."""

NEEDED: Final = ("timestamp", "level", "message")
"""A plugin's line with these fields is kept as it is."""


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One line of a log.

    Attributes:
        timestamp: as it was written, ISO 8601 UTC where we wrote it.
        level: one of LEVELS.
        plugin: whose log it is.
        error: the failure behind it, None without one.
        event: a name for programs, None without one.
        pid: of the process that it tells about, None without one.
    """

    timestamp: str
    level: str
    plugin: str
    message: str
    error: str | None = None
    event: str | None = None
    pid: int | None = None

    @property
    def memory(self) -> int:
        """Bytes that its texts take."""
        return sum(map(sys.getsizeof, (self.timestamp, self.message, self.error, self.event)))

    def as_dict(self) -> dict[str, object]:
        """Its fields, without those that do not apply."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Which entries somebody wants to see.

    Attributes:
        level: at least this one, None for all.
        search: a text that the message or the error has, in any case of letters; empty for all.
    """

    level: str | None = None
    search: str = ""

    def lets(self, entry: LogEntry) -> bool:
        """Whether the entry is wanted."""
        if self.level is not None and LEVELS.index(entry.level) < LEVELS.index(self.level):
            return False
        wanted = self.search.casefold()
        return not wanted or wanted in entry.message.casefold() or wanted in (entry.error or "").casefold()


def log_filter(level: str | None, search: str | None) -> LogFilter:
    """The filter of what somebody typed. Raises BadValue for a level that there is not."""
    if level is None or not level.strip():
        return LogFilter(None, search or "")
    known = _known_level(level)
    if known is None:
        raise BadValue(f"A level is one of {', '.join(LEVELS)}.")
    return LogFilter(known, search or "")


def log_line(level: str, plugin: str, message: str, **fields: object) -> bytes:
    """A line of ours, with its end. Fields that are None are left out."""
    told = {name: value for name, value in fields.items() if value is not None}
    line = {"timestamp": now_iso(), "level": level, "plugin": plugin, "message": message, **told}
    return json.dumps(line, default=str).encode() + b"\n"


def printed_lines(plugin: str, lines: Iterable[bytes]) -> list[bytes]:
    """What a plugin printed, as lines of its log: log lines of its own as they are, anything else as a message."""
    # Written by hand: a burst of 5,000 lines takes 90 ms through `log_line`, and the event loop waits for it.
    head = f'{{"timestamp": "{now_iso()}", "level": "info", "plugin": {quoted(plugin)}, "message": '
    return [_own_line(line) or _message(head, line) for line in lines]


def read_entry(plugin: str, line: bytes) -> LogEntry | None:
    """What a line of a log file says, None when it is none (half a line, something foreign)."""
    fields = _object(line)
    if fields is None or any(name not in fields for name in NEEDED):
        return None
    pid = fields.get("pid")
    return LogEntry(
        timestamp=_text(fields["timestamp"]),
        level=_known_level(_text(fields["level"])) or "info",
        plugin=plugin,
        message=_text(fields["message"]),
        error=_optional_text(fields.get("error")),
        event=_optional_text(fields.get("event")),
        pid=pid if isinstance(pid, int) and not isinstance(pid, bool) else None,
    )


def _own_line(line: bytes) -> bytes | None:
    """A log line as the plugin wrote it, None when it is none."""
    if line.lstrip()[:1] != b"{":
        return None
    fields = _object(line)
    is_whole = fields is not None and all(name in fields for name in NEEDED)
    return line.strip() + b"\n" if is_whole else None


def _message(head: str, line: bytes) -> bytes:
    text = line.removesuffix(b"\r").decode("utf-8", "replace")
    return f"{head}{quoted(text)}}}\n".encode()


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        value = orjson.loads(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _known_level(text: str) -> str | None:
    name = text.strip().lower()
    name = FOREIGN_LEVELS.get(name, name)
    return name if name in LEVELS else None


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _optional_text(value: object) -> str | None:
    return None if value is None else _text(value)
