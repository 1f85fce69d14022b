"""Who acts on a page: the session's row, looked up again for every event."""

import inspect
from collections.abc import Awaitable, Callable
from typing import Any

from nicegui import Client, ui

from app.core.errors import Forbidden, StepUpNeeded
from app.core.permissions import Actor
from app.services import Services
from ui.feedback import show_error
from ui.nicegui_private import close_page, session_of
from ui.step_up import step_up

Handler = Callable[[Actor], object]
EventHandler = Callable[[Actor, Any], object]


def actor_now(services: Services, client: Client) -> Actor | None:
    """Who acts on this page now; None when the session has ended since it was built."""
    built_for = session_of(client)
    if built_for is None:
        return None
    session = services.auth.session_by_id(built_for.id)
    return session.actor(client.request.scope["state"].get("address", "")) if session is not None else None


def to_sign_in(client: Client) -> None:
    """Leads the browser to the sign-in page; it comes back to where it was."""
    _ = client.run_javascript("toruSession.end()")


def acting(services: Services, handler: Handler) -> Callable[..., Awaitable[None]]:
    """An event handler that calls `handler(actor)` with whoever acts now, and shows its errors as a toast.

    What needs the second factor once more asks for it and is then called again, from its beginning.

    Args:
        handler: the work, plain or async. The services it calls check the actor's rights.
    """
    with_event = acting_on(services, lambda actor, _event: handler(actor))

    async def on_event(_event: Any = None) -> None:
        await with_event(None)

    return on_event


def acting_on(services: Services, handler: EventHandler) -> Callable[[Any], Awaitable[None]]:
    """The same for a handler that needs the event: `handler(actor, event)`."""

    async def on_event(event: Any) -> None:
        client = ui.context.client  # the element may be gone when the work is done
        try:
            await _handle(services, client, handler, event)
        except Exception as error:  # noqa: BLE001 - the door of every event: what fails is logged and told
            if not client.is_deleted:
                with client:
                    show_error(error)

    return on_event


async def _handle(services: Services, client: Client, handler: EventHandler, event: Any) -> None:
    try:
        await _once(services, client, handler, event)
    except StepUpNeeded:
        if client.is_deleted:
            return
        with client:
            proved = await step_up(services, lambda: actor_now(services, client))
        if proved:
            await _once(services, client, handler, event)


async def _once(services: Services, client: Client, handler: EventHandler, event: Any) -> None:
    actor = actor_now(services, client)
    if actor is None:
        to_sign_in(client)
        return
    try:
        with client:  # and not where the button was: its card may be drawn anew before the work is done
            result = handler(actor, event)
            if inspect.iscoroutine(result):
                await result
    except StepUpNeeded:
        raise
    except Forbidden as error:
        await services.audit.refused(actor, f"Page {client.request.url.path}", error)
        raise


def end_with_session(services: Services, client: Client) -> None:
    """Closes the page when its session ends."""
    session = session_of(client)
    if session is not None:
        client.on_delete(services.registry.watch(session.id, lambda: close_page(client)))
