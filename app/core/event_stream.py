"""A body of Server-Sent Events that stays alive while nothing happens, and ends when its reader's session does."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import TypeVar

T = TypeVar("T")

HEARTBEAT_SECONDS = 15.0
"""Proxies close what is silent for longer than a minute or two."""


async def event_stream(
    events: AsyncIterator[T], text_of: Callable[[T], str], over: asyncio.Event, heartbeat: float = HEARTBEAT_SECONDS
) -> AsyncGenerator[str, None]:
    """The text of the stream: events as they come, a comment when nothing comes, until their end or `over`.

    Args:
        text_of: an event as it is sent, empty for one that is not.
    """
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
            text = text_of(following.result())
            if text:
                yield text
            following = asyncio.ensure_future(anext(events))
    except StopAsyncIteration:
        return
    finally:
        for task in (ended, following):
            task.cancel()
        await asyncio.gather(ended, following, return_exceptions=True)
