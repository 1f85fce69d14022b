"""A stretch of a run's output as a body."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from app.core.permissions import Actor
from app.runs.schemas import Chunk, Ended, Skipped
from app.runs.service import RunsService


async def output_bytes(
    runs: RunsService, actor: Actor, run_id: str, start: int, until: int
) -> AsyncGenerator[bytes, None]:
    """The bytes from `start` to `until`, all of which are there already; a line says what the cap dropped."""
    if start >= until:
        return
    async with aclosing(runs.follow(actor, run_id, start)) as events:
        async for event in events:
            if isinstance(event, Ended):
                return
            if isinstance(event, Skipped):
                yield f"\n[{event.count} bytes of output are not kept]\n".encode()
            if isinstance(event, Chunk):
                yield bytes(event.data[: len(event.data) - max(0, event.offset - until)])
            if event.offset >= until:
                return
