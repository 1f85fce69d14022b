"""Following a run from any offset: the backlog and the live tail are one, each viewer at its own pace.

A viewer costs nothing but its own reading: it holds a position in the journal, nothing is kept for it.
"""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

from app.runs.journal import JournalReader
from app.runs.lines import LineReader
from app.runs.live import LiveRun
from app.runs.schemas import Cancelled, Chunk, Ended, LineEvent, Lines, Skipped
from app.runs.window import Window

CHUNK = 64 << 10
"""Bytes read at a time; with four times as much others wait half a second (GET p99)."""

BATCH = 32 << 10
"""Bytes cut into lines at a time."""

FAR_BEHIND = 4 << 20
"""Bytes after which a terminal is not shown everything any more."""

KEPT = 1 << 20
"""What it is shown then, counted from the end: more than it can scroll back through."""


class Turn:
    """One batch of lines a turn of the event loop, whoever reads it: many viewers share what one may take."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    async def __aenter__(self) -> None:
        await self._lock.acquire()

    async def __aexit__(self, *_: object) -> None:
        asyncio.get_running_loop().call_soon(self._lock.release)


async def follow_bytes(
    run: LiveRun, folder: Path, offset: int, window: Window | None = None
) -> AsyncGenerator[Chunk | Skipped | Ended, None]:
    """The output from `offset` on, then the end.

    Without a window nothing is left out but what the cap dropped from the disk. With one it waits for room, and a
    viewer that is far behind goes on near the end.
    """
    reader = JournalReader(folder, offset)
    try:
        while True:
            if window is not None:
                await window.room()
            # Looked at before the reading: what comes meanwhile is read in the next round.
            size, ended = run.size, run.state.ended
            if window is not None and size - reader.position > FAR_BEHIND:
                yield await _jump(reader, size)
            data = await reader.read(CHUNK, size)
            if isinstance(data, Skipped):
                yield data
            elif data is not None:
                if window is not None:
                    window.sent(len(data))
                yield Chunk(data, reader.position)
                await asyncio.sleep(0)  # a viewer that keeps up never lets go of the loop by itself
            elif ended:
                yield Ended(run.view, reader.position)
                return
            else:
                await run.moved()
    finally:
        reader.close()


async def _jump(reader: JournalReader, size: int) -> Skipped:
    """Moves near the end, behind the next line end: an escape sequence cut in two would be shown as text."""
    before = reader.position
    reader.move(size - KEPT)
    data = await reader.read(CHUNK, size)
    if isinstance(data, bytearray):
        reader.move(size - KEPT + data.find(b"\n") + 1)
    return Skipped(reader.position - before, reader.position)


async def follow_lines(run: LiveRun, folder: Path, offset: int, turn: Turn) -> AsyncGenerator[LineEvent, None]:
    """The lines that end after `offset`, in batches; word of a cancel when there is one; then the end.

    Lines without an end at the very end of the output have offsets behind it (`LineReader.rest`).
    """
    reader = LineReader(folder, min(offset, run.size))
    told_cancel = False
    heard = max(0, offset - run.size) if run.state.ended else 0
    try:
        while True:
            size, ended = run.size, run.state.ended
            if run.cancelling and not told_cancel:
                told_cancel = True
                yield Cancelled()
            if reader.position < size:
                async with turn:
                    batch = await reader.read(BATCH, size)
                if batch:
                    yield batch
            elif ended:
                rest: list[Lines | Skipped] = [*await reader.rest()]
                if rest[heard:]:
                    yield rest[heard:]
                yield Ended(run.view, reader.position + len(rest))
                return
            else:
                await run.moved()
    finally:
        reader.close()
