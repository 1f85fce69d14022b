"""The one place that touches private parts of NiceGUI (pinned to 3.18), and what it must be taught about sessions.

NiceGUI checks access when a page is built, never after: its socket trusts the client id in each message. Here a socket
joins a page only under the session that the page was built for, every message is bound to the socket's own page and a
live session, and a page can be closed from the server.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, cast

from nicegui import Client, background_tasks, core

from app.auth.schemas import SessionView
from ui.calm_sockets import bounded_log, calm_sockets

EVENTS = ("event", "javascript_response", "ack", "log")
HANDSHAKE = ("client_id", "tab_id", "document_id")
FLUSH_SECONDS = 0.25
LEAVE = "location.replace('/login?ended=1&next=' + encodeURIComponent(location.pathname + location.search))"


def session_of(client: Client) -> SessionView | None:
    """The session that a page was built for."""
    return None if client._request is None else _session_in(client.request.scope)  # noqa: SLF001


def owner_of(client_id: str) -> str | None:
    """Id of the session that the client's page was built for, None for an unknown client."""
    client = Client.instances.get(client_id)
    session = session_of(client) if client is not None else None
    return session.id if session is not None else None


def bind_sockets_to_sessions(is_alive: Callable[[str], bool]) -> None:
    """Drops every handshake and message that does not come under the live session of the page that it names.

    Args:
        is_alive: whether the session of this id is good now.
    """
    # Both ways to join a page, the message and the query of the connection, ask this method.
    Client.accept_handshake = _bound_handshake(Client.accept_handshake)  # type: ignore[method-assign]
    handlers = core.sio.handlers["/"]
    core.sio.on("handshake", _well_formed_handshake(handlers["handshake"]))
    for name in EVENTS:
        handler = bounded_log(handlers[name]) if name == "log" else handlers[name]
        core.sio.on(name, _bound_event(handler, is_alive))
    calm_sockets(core.sio)


def _well_formed_handshake(handler: Callable[[str, Any], Awaitable[bool]]) -> Callable[[str, Any], Awaitable[bool]]:
    async def checked(socket_id: str, message: Any = None) -> bool:
        if not isinstance(message, dict) or not all(isinstance(message.get(name), str) for name in HANDSHAKE):
            return False
        return await handler(socket_id, message)

    return checked


def _bound_handshake(accept: Callable[..., bool]) -> Callable[..., bool]:
    def accept_own(client: Client, socket_id: str, tab_id: str, environ: dict[str, Any] | None) -> bool:
        if environ is not None:  # None: NiceGUI's simulated user, which has no socket
            theirs = _session_in(environ.get("asgi.scope", {}))
            ours = session_of(client)
            if theirs is None or ours is None or theirs.id != ours.id:
                return False
        return accept(client, socket_id, tab_id, environ)

    return accept_own


def _bound_event(handler: Callable[[str, Any], Any], is_alive: Callable[[str], bool]) -> Callable[[str, Any], Any]:
    def checked(socket_id: str, message: Any) -> Any:
        client = Client.instances.get(str(message.get("client_id"))) if isinstance(message, dict) else None
        if client is None or socket_id not in client._socket_to_document_id:  # noqa: SLF001
            return None
        session = session_of(client)
        if session is None or not is_alive(session.id):
            return None
        return handler(socket_id, message)

    return checked


def _session_in(scope: Any) -> SessionView | None:
    return cast("SessionView | None", scope.get("state", {}).get("session"))


async def end_polls() -> None:
    """Answers the requests that browsers without a WebSocket wait with: they would hold up the end of the core."""
    for one in list(core.sio.eio.sockets.values()):
        if not one.upgraded:  # to a WebSocket, which uvicorn closes
            await one.close(wait=False)


def close_page(client: Client) -> None:
    """Sends the browser to the sign-in page, then takes socket and page away from it."""
    _ = background_tasks.create(_close(client), name=f"close page {client.id}")


async def _close(client: Client) -> None:
    if client.has_socket_connection:
        _ = client.run_javascript(LEAVE)  # it runs without being awaited
        await asyncio.sleep(FLUSH_SECONDS)  # the outbox has no event for "sent"
    sockets = list(client._socket_to_document_id)  # noqa: SLF001
    if not client.is_deleted:
        # NiceGUI waits for a browser that left to come back, then deletes its page: once is enough.
        for document_id in list(client._delete_tasks):  # noqa: SLF001
            client._cancel_delete_task(document_id)  # noqa: SLF001
        client.delete()  # before its sockets go, or it would begin to wait once more
    for socket_id in sockets:
        with suppress(TimeoutError):  # a frozen browser, whose connection the guard aborts
            async with asyncio.timeout(FLUSH_SECONDS):
                await core.sio.disconnect(socket_id)
