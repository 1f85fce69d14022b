"""The bodies of requests: how large one may be, and how slowly it may come."""

import asyncio
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.exceptions import HTTPException

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]

MAX_BODY = 1024 * 1024
MAX_PLUGIN_BODY = 8 * MAX_BODY
# What plugins are sent, and the values of their pages, which JSON can write six times as long.
OF_PLUGINS = re.compile(r"/api/plugins/(route/.*|[^/]+/kv)", re.DOTALL)
BODY_SECONDS = 5.0
BODY_BYTES_A_SECOND = 32 * 1024
"""A body has BODY_SECONDS, and a second more for each of these."""


def max_body(path: str) -> int:
    """Bytes that the body of a request to this address may have; said here and nowhere else."""
    return MAX_PLUGIN_BODY if OF_PLUGINS.fullmatch(path) else MAX_BODY


def with_limits(receive: Receive, most: int = MAX_BODY) -> Receive:
    """`receive` that gives a body up which comes in too slowly to be meant, or has more than `most` bytes."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + BODY_SECONDS
    whole = False
    left = most

    async def limited() -> Message:
        nonlocal deadline, whole, left
        if whole:
            return await receive()
        try:
            async with asyncio.timeout_at(deadline):
                message = await receive()
        except TimeoutError:
            raise HTTPException(408, "The request took too long.", {"Connection": "close"}) from None
        size = len(message.get("body", b""))
        left -= size
        if left < 0:
            raise HTTPException(413, "The request is too large.", {"Connection": "close"})
        deadline += size / BODY_BYTES_A_SECOND
        whole = not message.get("more_body", False)
        return message

    return limited
