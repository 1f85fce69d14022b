"""The end of a run's output as text, for lists and histories."""

import contextlib
import os
from pathlib import Path

from app.runs.journal import Part, bases
from app.runs.text import first_whole, plain


def tail_of(folder: Path, limit: int) -> str:
    """The last `limit` bytes of a journal as plain text, from the first whole line of them. Blocks."""
    data, start = _tail(folder, limit)
    return plain(first_whole(data) if start else data)


def _tail(folder: Path, limit: int) -> tuple[bytes, int]:
    """The last bytes and the offset at which they begin; a gap in the journal ends the way back."""
    pieces: list[bytes] = []
    begin: int | None = None
    for base in reversed(bases(folder)):
        with contextlib.suppress(FileNotFoundError), Part(folder, base) as part:
            end = part.covered()
            if limit <= 0 or begin not in (None, end):
                break
            begin = max(base, end - limit)
            pieces.append(os.pread(part.out, end - begin, begin - base))
            limit -= end - begin
    return b"".join(reversed(pieces)), begin or 0
