"""The bodies of requests: how large one may be, and how slowly it may come."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.exceptions import HTTPException

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]

MAX_BODY = 1024 * 1024
BODY_SECONDS = 5.0
BODY_BYTES_A_SECOND = 32 * 1024
"""A body has BODY_SECONDS, and a second more for each of these."""


def with_deadline(receive: Receive) -> Receive:
    """`receive` that gives a body up which comes in too slowly to be meant."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + BODY_SECONDS
    whole = False

    async def limited() -> Message:
        nonlocal deadline, whole
        if whole:
            return await receive()
        try:
            async with asyncio.timeout_at(deadline):
                message = await receive()
        except TimeoutError:
            raise HTTPException(408, "The request took too long.", {"Connection": "close"}) from None
        deadline += len(message.get("body", b"")) / BODY_BYTES_A_SECOND
        whole = not message.get("more_body", False)
        return message

    return limited
