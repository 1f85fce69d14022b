"""A run as Server-Sent Events: for `curl`, and for whoever resumes by Last-Event-ID."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator

from app.core.errors import BadValue
from app.runs.schemas import Cancelled, Ended, LineEvent
from app.runs.wire import message, outcome, sse_event, sse_text

HEARTBEAT_SECONDS = 15.0
"""Proxies close what is silent for longer than a minute or two."""


def resume_offset(offset: int, last_event_id: str | None) -> int:
    """Where a stream begins. Raises BadValue for a Last-Event-ID that is none of ours."""
    if not last_event_id:
        return offset
    if not (last_event_id.isascii() and last_event_id.isdigit() and len(last_event_id) < 19):
        raise BadValue("Last-Event-ID must be the id of an event of this stream.")
    return int(last_event_id)


async def event_stream(
    events: AsyncIterator[LineEvent], over: asyncio.Event, heartbeat: float = HEARTBEAT_SECONDS
) -> AsyncGenerator[str, None]:
    """The text of the stream: events as they come, a comment when nothing comes, until the end or `over`."""
    ended = asyncio.ensure_future(over.wait())
    following = asyncio.ensure_future(anext(events))
    try:
        while True:
            done, _ = await asyncio.wait({following, ended}, timeout=heartbeat, return_when=asyncio.FIRST_COMPLETED)
            if ended in done:
                return
            if following not in done:
                yield ":\n\n"
                continue
            text = _text(following.result())
            if text:
                yield text
            following = asyncio.ensure_future(anext(events))
    except StopAsyncIteration:
        return
    finally:
        for task in (ended, following):
            task.cancel()
        await asyncio.gather(ended, following, return_exceptions=True)


def _text(event: LineEvent) -> str:
    if isinstance(event, Ended):
        return sse_event("exit", event.offset, message(**outcome(event.run)))
    if isinstance(event, Cancelled):
        return ""
    return "".join(map(sse_text, event))
