"""Following a log file that is rotated by rename: the lines that come, and none twice."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

LOOK_SECONDS = 0.2


def follow(path: Path, start: int) -> Iterator[bytes]:
    """Whole lines, without their ends, from the byte `start` on, for ever; the file need not be there yet. Blocks."""
    file: BinaryIO | None = None
    rest = b""
    while True:
        if file is None:
            file, rest = _open(path, start), b""
        is_last = file is not None and _is_replaced(path, file)  # looked at before the last read of it
        while file is not None and (data := file.read(65536)):
            *lines, rest = (rest + data).split(b"\n")
            yield from lines
        if is_last and file is not None:
            file.close()
            file, start = None, 0
        else:
            time.sleep(LOOK_SECONDS)


def _open(path: Path, start: int) -> BinaryIO | None:
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return None
    file.seek(start)
    return file


def _is_replaced(path: Path, file: BinaryIO) -> bool:
    """Whether another file has its name, or none yet; or it was truncated, and begins anew."""
    ours = os.fstat(file.fileno())
    try:
        there = path.stat()
    except FileNotFoundError:
        return True
    return (there.st_dev, there.st_ino) != (ours.st_dev, ours.st_ino) or ours.st_size < file.tell()
