"""/api/plugins/{plugin_id}/page: a plugin's page as it is and as it changes, and what its viewers press."""

import asyncio
import logging
from typing import Any

import orjson
from starlette.routing import WebSocketRoute
from uvicorn.protocols.utils import ClientDisconnected

from app.access import actor_of, services_of, socket_actor
from app.core.errors import Forbidden, NotFound, ToruError
from app.core.permissions import Actor
from app.plugins.pace import Allowance
from app.plugins.pages.audience import FROM_THE_START
from app.plugins.pages.events import PageEvent, Reply
from app.plugins.pages.page import PluginPage
from app.sockets import Message, Receive, Send, incoming, serve_socket

log = logging.getLogger(__name__)

REFUSED, UNKNOWN = 4400, 4404
MOST_EVENT = 256 << 10
EVENTS_A_SECOND, EVENTS_AT_ONCE = 10.0, 10.0
UNDER_WAY = 8
"""Events of one viewer that wait for the plugin."""

REFUSAL_SECONDS = 0.02
"""What a refused message costs whoever sends too many."""


def socket_routes() -> list[WebSocketRoute]:
    """The route; its endpoint is plain ASGI."""
    return [WebSocketRoute("/api/plugins/{plugin_id}/page", PageEndpoint())]


class PageEndpoint:
    """One socket a viewer."""

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serves one viewer until it leaves or its session ends."""
        services, actor = socket_actor(scope)
        try:
            page = services.plugins.page(actor, scope["path_params"]["plugin_id"])
        except ToruError as error:
            refusal, code = {"error": str(error)}, UNKNOWN if isinstance(error, NotFound) else REFUSED
            await serve_socket(scope, receive, send, lambda: _tell(send, refusal), code=code)
        else:
            viewer = PageSocket(page, actor, scope, receive, send)
            await serve_socket(scope, receive, send, viewer.serve)


class PageSocket:
    """One open socket."""

    def __init__(self, page: PluginPage, actor: Actor, scope: Message, receive: Receive, send: Send) -> None:
        self._page = page
        self._actor = actor
        self._scope = scope
        self._receive = receive
        self._send = send
        self._pace = Allowance(EVENTS_A_SECOND, EVENTS_AT_ONCE)
        self._events: set[asyncio.Task[None]] = set()

    async def serve(self) -> None:
        """Sends and listens until the viewer leaves."""
        halves = {asyncio.ensure_future(self._pass_on()), asyncio.ensure_future(self._listen())}
        try:
            done, _ = await asyncio.wait(halves, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ending = {*halves, *self._events}
            for task in ending:
                task.cancel()
            await asyncio.gather(*ending, return_exceptions=True)
        for half in done:
            half.result()

    async def _pass_on(self) -> None:
        number = FROM_THE_START
        with self._page.watching(self._actor) as audience:
            while True:
                number, texts = await audience.after(number)
                for text in texts:
                    await self._send({"type": "websocket.send", "text": text})  # waits while it does not read

    async def _listen(self) -> None:
        while (frame := await incoming(self._receive)) is not None:
            asked = _read(frame.get("text"))
            if asked is None:
                await self._refuse(None, "This is no event: {type, id, node, event, value} as JSON.")
            elif self._pace.take(0) or len(self._events) >= UNDER_WAY:
                await self._refuse(asked["id"], "Too much at once. Try again in a moment.")
                await asyncio.sleep(REFUSAL_SECONDS)
            else:
                self._pace.take(1)
                task = asyncio.ensure_future(self._take(asked))
                self._events.add(task)
                task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._events.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, ClientDisconnected | ConnectionError):
            log.error("an event on a page failed", exc_info=error)

    async def _take(self, asked: dict[str, Any]) -> None:
        event = PageEvent(asked.get("node"), asked.get("event"), asked.get("value"))
        try:
            reply = await self._page.take(actor_of(self._scope), event)
        except ToruError as error:
            if isinstance(error, Forbidden):
                path = f"WebSocket {self._scope['path']}"
                await services_of(self._scope).audit.refused(self._actor, path, error)
            await self._refuse(asked["id"], str(error))
        except Exception:  # whatever it is, who pressed must not wait for ever
            log.exception("an event of a plugin's page failed")
            await self._refuse(asked["id"], "Something went wrong here. The log says what.")
        else:
            await _tell(self._send, {"type": "reply", "id": asked["id"], **reply.as_dict()})

    async def _refuse(self, event_id: object, sentence: str) -> None:
        reply = Reply(ok=False, message=sentence, kind="error")
        await _tell(self._send, {"type": "reply", "id": event_id, **reply.as_dict()})


def _read(text: object) -> dict[str, Any] | None:
    """An event, None where it is none."""
    if not isinstance(text, str) or len(text) > MOST_EVENT:
        return None
    try:
        asked = orjson.loads(text)
    except ValueError:
        return None
    if not isinstance(asked, dict) or asked.get("type") != "event" or type(asked.get("id")) is not int:
        return None
    return asked


async def _tell(send: Send, message: dict[str, Any]) -> None:
    await send({"type": "websocket.send", "text": orjson.dumps(message).decode()})
