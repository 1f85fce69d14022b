"""The one place that touches private parts of NiceGUI (pinned to 3.18), and what it must be taught about sessions.

NiceGUI checks access when a page is built, never after: its socket trusts the client id in each message. Here every
message is bound to the socket's own page and a live session, and a page can be closed from the server.
"""

import asyncio
from collections.abc import Callable
from typing import Any, cast

from nicegui import Client, background_tasks, core

from app.auth.schemas import SessionView

EVENTS = ("event", "javascript_response", "ack", "log")
FLUSH_SECONDS = 0.25
LEAVE = "location.replace('/login?ended=1&next=' + encodeURIComponent(location.pathname + location.search))"


def session_of(client: Client) -> SessionView | None:
    """The session that a page was built for."""
    if client._request is None:  # noqa: SLF001
        return None
    return cast("SessionView | None", client.request.scope.get("state", {}).get("session"))


def owner_of(client_id: str) -> str | None:
    """Id of the session that the client's page was built for, None for an unknown client."""
    client = Client.instances.get(client_id)
    session = session_of(client) if client is not None else None
    return session.id if session is not None else None


def bind_events_to_sessions(is_alive: Callable[[str], bool]) -> None:
    """Drops every socket message that does not come from the page's own socket under a live session.

    Args:
        is_alive: whether the session of this id is good now.
    """
    handlers = core.sio.handlers["/"]
    for name in EVENTS:
        core.sio.on(name, _bound(handlers[name], is_alive))


def _bound(handler: Callable[[str, Any], Any], is_alive: Callable[[str], bool]) -> Callable[[str, Any], Any]:
    def checked(socket_id: str, message: Any) -> Any:
        client = Client.instances.get(message.get("client_id")) if isinstance(message, dict) else None
        if client is None or socket_id not in client._socket_to_document_id:  # noqa: SLF001
            return None
        session = session_of(client)
        if session is None or not is_alive(session.id):
            return None
        return handler(socket_id, message)

    return checked


def close_page(client: Client) -> None:
    """Sends the browser to the sign-in page, then takes socket and page away from it."""
    background_tasks.create(_close(client), name=f"close page {client.id}")


async def _close(client: Client) -> None:
    if client.has_socket_connection:
        client.run_javascript(LEAVE)
        await asyncio.sleep(FLUSH_SECONDS)  # the outbox has no event for "sent"
    for socket_id in list(client._socket_to_document_id):  # noqa: SLF001
        await core.sio.disconnect(socket_id)
    if not client.is_deleted:
        client.delete()
