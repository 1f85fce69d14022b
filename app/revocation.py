"""Whatever a session or token opened does not outlive it by a second, however frozen its peer is."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from app.auth.registry import SessionRegistry

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

ABORT_SECONDS = 0.8
"""After the end of its session, how long a socket or a stream may take to say good-bye."""

ABORT = "toru.abort"
"""The WebSocket message, and the ASGI extension of an HTTP request, that cut a connection off."""


async def serve_socket_until_revoked(
    inner: Application, registry: SessionRegistry, credential_id: str, scope: Message, receive: Receive, send: Send
) -> None:
    """Serves a WebSocket; cuts it off when it is still open a moment after the end of its credential."""
    loop = asyncio.get_running_loop()

    async def abort() -> None:
        await asyncio.sleep(ABORT_SECONDS)
        await send({"type": ABORT})

    aborts: list[asyncio.Task[None]] = []
    unwatch = registry.watch(credential_id, lambda: aborts.append(loop.create_task(abort())))
    try:
        await inner(scope, receive, send)
    finally:
        unwatch()
        if aborts:
            await aborts[0]


async def serve_http_until_revoked(
    inner: Application, registry: SessionRegistry, credential_id: str, scope: Message, receive: Receive, send: Send
) -> None:
    """Serves a request. An answer in one piece, such as that to signing out, is let through; streams are cut off."""
    stream = _Stream(scope, send)
    unwatch = registry.watch(credential_id, stream.end_soon)
    try:
        await inner(scope, receive, stream.send)
    finally:
        unwatch()
        stream.close()


class _Stream:
    """An answer that may come in many pieces."""

    def __init__(self, scope: Message, send: Send) -> None:
        self._abort: Callable[[], None] | None = scope.get("extensions", {}).get(ABORT, {}).get("call")
        self._send = send
        self._flows = False
        self._is_over = False
        self._timer: asyncio.TimerHandle | None = None

    async def send(self, message: Message) -> None:
        """Sends one ASGI message."""
        if message["type"] == "http.response.start":
            self._flows = True
        elif message["type"] == "http.response.body":
            self._flows = message.get("more_body", False)
            if self._flows and self._is_over:
                self._cut_off()
        await self._send(message)

    def end_soon(self) -> None:
        """The credential ended."""
        self._timer = asyncio.get_running_loop().call_later(ABORT_SECONDS, self._end)

    def close(self) -> None:
        """The answer is out."""
        if self._timer is not None:
            self._timer.cancel()

    def _end(self) -> None:
        self._is_over = True
        if self._flows:
            self._cut_off()

    def _cut_off(self) -> None:
        if self._abort is not None:
            self._abort()
