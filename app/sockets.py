"""The life of one WebSocket: accepted, bound to its session, closed when its work or its session ends."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine, MutableMapping
from typing import Any

from uvicorn.protocols.utils import ClientDisconnected

from app.access import credential_of, services_of
from app.core.errors import ToruError
from app.core.permissions import Actor
from app.credentials import now_live

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Work = Callable[[], Coroutine[Any, Any, None]]
Refused = Callable[[Actor, str, ToruError], Awaitable[None]]

NORMAL, REVOKED = 1000, 4401
LAST_WORDS_SECONDS = 0.5
"""How long a revoked socket's peer may take to read what is on its way; a moment later the guard cuts it off."""

EXPIRED = json.dumps({"type": "error", "data": "Session expired"})


async def serve_socket(
    scope: Message, receive: Receive, send: Send, work: Work, *, tell_expired: bool = False, code: int = NORMAL
) -> None:
    """Accepts the socket and runs `work` until it returns or the session (or token) is revoked.

    Args:
        work: everything that happens on the open socket; it returns when the peer leaves (`incoming` says so), and is
            cancelled when the session ends.
        tell_expired: whether a revoked session is told by an `error` message first (/api/ws).
        code: the close code when `work` returns.
    """
    await receive()
    credential = credential_of(scope)
    await send({"type": "websocket.accept"})
    task = asyncio.get_running_loop().create_task(work())
    revoked = False

    def revoke() -> None:
        nonlocal revoked
        revoked = True
        task.cancel()

    services = services_of(scope)
    unwatch = services.registry.watch(credential.id, revoke) if credential else lambda: None
    if credential and now_live(services, credential) is None:
        revoke()  # it ended between the guard's look and ours
    try:
        await asyncio.wait([task])
    finally:
        unwatch()
        task.cancel()  # the server ends
    if revoked:
        await _say_good_bye(send, tell_expired)
    elif not task.cancelled():
        await _finish(task, send, code)


async def _finish(task: "asyncio.Task[None]", send: Send, code: int) -> None:
    try:
        await task
        await send({"type": "websocket.close", "code": code})
    except (ClientDisconnected, ConnectionError):
        pass  # the peer left first


async def _say_good_bye(send: Send, tell_expired: bool) -> None:
    try:
        async with asyncio.timeout(LAST_WORDS_SECONDS):
            if tell_expired:
                await send({"type": "websocket.send", "text": EXPIRED})
            await send({"type": "websocket.close", "code": REVOKED})
    except (TimeoutError, ClientDisconnected, ConnectionError):
        pass  # it does not read, or left first


async def incoming(receive: Receive) -> Message | None:
    """The next message of the peer, None when it has left."""
    message = await receive()
    return None if message["type"] == "websocket.disconnect" else message
