"""A run as Server-Sent Events: for `curl`, and for whoever resumes by Last-Event-ID."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator

from app.core.errors import BadValue
from app.core.event_stream import HEARTBEAT_SECONDS, event_stream
from app.runs.schemas import Cancelled, Ended, LineEvent
from app.runs.wire import message, outcome, sse_event, sse_text


def resume_offset(offset: int, last_event_id: str | None) -> int:
    """Where a stream begins. Raises BadValue for a Last-Event-ID that is none of ours."""
    if not last_event_id:
        return offset
    if not (last_event_id.isascii() and last_event_id.isdigit() and len(last_event_id) < 19):
        raise BadValue("Last-Event-ID must be the id of an event of this stream.")
    return int(last_event_id)


def run_stream(
    events: AsyncIterator[LineEvent], over: asyncio.Event, heartbeat: float = HEARTBEAT_SECONDS
) -> AsyncGenerator[str, None]:
    """The text of the stream: lines as they come, until the run's end or `over`."""
    return event_stream(events, _text, over, heartbeat)


def _text(event: LineEvent) -> str:
    if isinstance(event, Ended):
        return sse_event("exit", event.offset, message(**outcome(event.run)))
    if isinstance(event, Cancelled):
        return ""
    return "".join(map(sse_text, event))
