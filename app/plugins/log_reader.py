"""Reading a plugin's log files from their ends: a page of entries, newest first."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from app.core.errors import Unavailable
from app.core.rotating_file import KEPT_FILES
from app.plugins.log_lines import LogEntry, LogFilter, read_entry

BLOCK = 64 * 1024
MAX_LINE = 1024 * 1024
"""Bytes; what is longer was not written by us."""


def read_page(path: Path, plugin: str, page: int, page_size: int, wanted: LogFilter) -> list[LogEntry]:
    """Entries `page * page_size` and on of those that are wanted, newest first. Blocks.

    Raises:
        Unavailable: a file is there and cannot be read.
    """
    first = page * page_size
    try:
        with ExitStack() as stack:
            entries = _entries(plugin, _open_all(path, stack))
            return list(islice((entry for entry in entries if wanted.lets(entry)), first, first + page_size))
    except OSError as error:
        raise Unavailable(f"The log cannot be read: {error.strerror}.") from None


def _open_all(path: Path, stack: ExitStack) -> list[BinaryIO]:
    """The file and the older ones, newest first, before any is read: they are renamed while we look."""
    files: list[BinaryIO] = []
    seen: set[tuple[int, int]] = set()
    for name in (path, *(path.with_name(f"{path.name}.{number}") for number in range(1, KEPT_FILES + 1))):
        with suppress(FileNotFoundError):
            file = stack.enter_context(name.open("rb"))
            status = os.fstat(file.fileno())
            if (status.st_dev, status.st_ino) not in seen:
                seen.add((status.st_dev, status.st_ino))
                files.append(file)
    return files


def _entries(plugin: str, files: list[BinaryIO]) -> Iterator[LogEntry]:
    for file in files:
        for line in _lines_backwards(file):
            if line and (entry := read_entry(plugin, line)) is not None:
                yield entry


def _lines_backwards(file: BinaryIO) -> Iterator[bytes]:
    """The lines of a file, the last one first; of one that is too long nothing."""
    position = file.seek(0, os.SEEK_END)
    tail: list[bytes] = []  # of the line that is being put together, last piece first
    size = 0
    while position:
        start = max(0, position - BLOCK)
        file.seek(start)
        first, *lines = file.read(position - start).split(b"\n")
        position = start
        if lines:
            last = lines.pop()
            yield _joined([*tail, last], size + len(last))
            yield from reversed(lines)
            tail, size = [], 0
        size += len(first)
        if size <= MAX_LINE:
            tail.append(first)
    yield _joined(tail, size)


def _joined(pieces: list[bytes], size: int) -> bytes:
    return b"".join(reversed(pieces)) if size <= MAX_LINE else b""
