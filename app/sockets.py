"""The life of one WebSocket: accepted, bound to its session, closed when its work or its session ends."""

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from uvicorn.protocols.utils import ClientDisconnected

from app.access import services_of, session_of

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Work = Callable[[], Awaitable[None]]

NORMAL, REVOKED = 1000, 4401
CLOSE_SECONDS = 1.0
EXPIRED = json.dumps({"type": "error", "data": "Session expired"})


async def serve_socket(
    scope: Message, receive: Receive, send: Send, work: Work, *, tell_expired: bool = False, code: int = NORMAL
) -> None:
    """Accepts the socket and runs `work` until it returns, the peer leaves, or the session is revoked.

    Args:
        work: everything that happens on the open socket; cancelled when the session ends.
        tell_expired: whether a revoked session is told by an `error` message first (/api/ws).
        code: the close code when `work` returns.
    """
    await receive()
    session = session_of(scope)
    await send({"type": "websocket.accept"})
    task = asyncio.ensure_future(work())
    revoked = False

    def revoke() -> None:
        nonlocal revoked
        revoked = True
        task.cancel()

    unwatch = services_of(scope).registry.watch(session.id, revoke) if session else lambda: None
    if session and services_of(scope).auth.session_by_id(session.id) is None:
        revoke()  # it ended between the guard's look and ours
    try:
        await asyncio.shield(asyncio.wait([task]))
    except asyncio.CancelledError:
        task.cancel()
        raise
    finally:
        unwatch()
    _raise_unexpected(task)
    await _close(send, REVOKED if revoked else code, tell_expired and revoked)


def _raise_unexpected(task: "asyncio.Future[None]") -> None:
    if not task.cancelled():
        error = task.exception()
        if error is not None and not isinstance(error, (ClientDisconnected, ConnectionError)):
            raise error


async def _close(send: Send, code: int, tell_expired: bool) -> None:
    try:
        async with asyncio.timeout(CLOSE_SECONDS):
            if tell_expired:
                await send({"type": "websocket.send", "text": EXPIRED})
            await send({"type": "websocket.close", "code": code})
    except TimeoutError:
        await send({"type": "toru.abort"})
    except (ClientDisconnected, RuntimeError):
        pass  # the peer left first


async def incoming(receive: Receive) -> Message | None:
    """The next message of the peer, None when it has left."""
    message = await receive()
    return None if message["type"] == "websocket.disconnect" else message
