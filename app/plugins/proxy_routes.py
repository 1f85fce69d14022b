"""The door to plugins, `/api/plugins/route/{route}/{path}`: any method, the path and the query as they came."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, MutableMapping
from typing import Any, TypeVar
from urllib.parse import unquote_to_bytes

from starlette.routing import BaseRoute, Match

from app.access import actor_of, services_of
from app.core.errors import NotFound
from app.plugins.headers import headers_for_plugin, passed_on
from app.plugins.wire import PluginRequest

T = TypeVar("T")

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

PREFIX = "/api/plugins/route/"
SEGMENTS = tuple(PREFIX.strip("/").encode().split(b"/"))


class PluginProxy(BaseRoute):
    """Everything below PREFIX. Not starlette's Route, which knows only the decoded path, and no line end in it."""

    path = PREFIX + "{route}"
    """What figures call it."""

    def matches(self, scope: Message) -> tuple[Match, Message]:
        """Whether this is a request for a plugin."""
        mine = scope["type"] == "http" and scope["path"].startswith(PREFIX)
        return (Match.FULL, {"route": self}) if mine else (Match.NONE, {})

    async def handle(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answers one request with what the plugin says."""
        actor = actor_of(scope)
        route, target = split_target(scope["raw_path"], scope["query_string"])
        plugins = services_of(scope).plugins
        plugins.require_served(actor, route, scope["method"])
        with plugins.bodies.share() as take:
            body = await _read_body(receive, take)
            if body is None:
                return
            request = PluginRequest(scope["method"], target, headers_for_plugin(scope["headers"], actor), body)
            answer = await _unless_left(plugins.send(actor, route, request), receive)
            if answer is None:
                return
        status, headers, content = passed_on(request.method, answer)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content})


def split_target(raw_path: bytes, query: bytes) -> tuple[str, str]:
    """The route, and what is left for the plugin: the rest of the path and the query as they came.

    Raises:
        NotFound: the path is written in a way that hides where the route begins.
    """
    _, *segments = raw_path.split(b"/", len(SEGMENTS) + 2)
    if len(segments) <= len(SEGMENTS) or tuple(map(unquote_to_bytes, segments[: len(SEGMENTS)])) != SEGMENTS:
        raise NotFound("There is nothing at this address.")
    route, rest = segments[len(SEGMENTS)], b"/".join(segments[len(SEGMENTS) + 1 :])
    target = b"/" + rest + (b"?" + query if query else b"")
    return unquote_to_bytes(route).decode("utf-8", "replace"), target.decode("latin-1")


async def _read_body(receive: Receive, take: Callable[[int], None]) -> bytes | None:
    """The whole body, which the guard limits; None when the browser left in the middle of it.

    Args:
        take: is told of bytes before they are kept.
    """
    pieces: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        take(len(message.get("body", b"")))
        pieces.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(pieces)


async def _unless_left(work: Coroutine[Any, Any, T], receive: Receive) -> T | None:
    """What `work` returns; None, with the work cancelled, when the browser leaves first."""
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_left(receive))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        return await working if working.done() else None
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
