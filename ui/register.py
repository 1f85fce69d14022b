"""Every page in menu order, and what stands around each: the session, the role, the frame, the failed state.

There is one shell for all addresses; the page inside it changes without loading anything anew. Whatever is not listed
here leads to the dashboard.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from fastapi.responses import RedirectResponse, Response
from nicegui import Client, PageArguments, ui

from app.core.errors import Forbidden
from app.core.permissions import Actor
from app.services import Services
from theme.apply import apply_theme
from ui.components.states import failed_state
from ui.feedback import sentence
from ui.layout import Frame
from ui.live import begin_life, end_life
from ui.nicegui_private import session_of
from ui.page import Page
from ui.pages import (
    account,
    audit,
    components,
    dashboard,
    history,
    plugin,
    plugin_details,
    plugin_logs,
    plugins,
    run,
    scripts,
    settings,
    sign_ins,
    system,
    user,
    users,
)
from ui.session import actor_now, end_with_session, to_sign_in
from ui.static import head_html
from ui.waiting_pages import WaitingPages

# A page that is ready sooner is part of the first answer; a slower one follows over the socket.
FIRST_ANSWER_SECONDS: Final = 0.4
# On a machine that is overloaded or was halted even that takes long; NiceGUI's 3 seconds led to a page "500" there.
RESPONSE_SECONDS: Final = 60.0

Build = Callable[..., Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Entry:
    """A page and its builder."""

    page: Page
    build: Build


ENTRIES: Final = tuple(
    Entry(module.PAGE, module.build)
    for module in (
        dashboard,
        system,
        scripts,
        history,
        plugins,
        users,
        sign_ins,
        audit,
        settings,
        run,
        user,
        plugin,
        plugin_details,
        plugin_logs,
        components,
        account,
    )
)


def register_pages(services: Services) -> None:
    """Puts the look and every page onto NiceGUI; call it once, before `ui.run_with`."""
    apply_theme(head_html("frame.js"))
    waiting = WaitingPages()

    async def shell(client: Client) -> Response | None:
        response = await Shell(services, client).build()
        session = session_of(client)
        if session is not None:
            waiting.add(session.id, client)
        return response

    for address in ("/", "/{rest:path}"):
        ui.page(address, response_timeout=RESPONSE_SECONDS)(shell)


class Shell:
    """The frame of one open browser tab and the pages shown in it, one after the other."""

    def __init__(self, services: Services, client: Client) -> None:
        self._services = services
        self._client = client
        self._first_page_built = asyncio.Event()
        self._frame: Frame | None = None

    async def build(self) -> Response | None:
        """Draws frame and first page, or leads away from an address that is none of ours."""
        actor = actor_now(self._services, self._client)
        if actor is None:
            return RedirectResponse("/login", 303)
        entry = _entry_for(self._client.request.url.path)
        if self._must_set_up(entry, actor):
            return RedirectResponse(account.PAGE.path, 303)
        if entry is None or not entry.page.allows(actor.role):
            await self._refused(entry, actor)
            return RedirectResponse("/", 303)
        end_with_session(self._services, self._client)
        self._client.on_delete(lambda: end_life(self._client))
        shown = [entry.page for entry in ENTRIES if entry.page.allows(actor.role)]
        self._frame = Frame(self._services, actor, self._client, shown)
        with self._frame.content:
            ui.sub_pages({entry.page.path: self._guarded(entry) for entry in ENTRIES}, show_404=False)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._first_page_built.wait(), FIRST_ANSWER_SECONDS)
        return None

    def _guarded(self, entry: Entry) -> Callable[[PageArguments], Coroutine[Any, Any, None] | None]:
        def guarded(arguments: PageArguments) -> Coroutine[Any, Any, None] | None:
            begin_life(self._client)
            actor = actor_now(self._services, self._client)
            if actor is None:
                to_sign_in(self._client)
                return None
            if self._must_set_up(entry, actor):
                ui.navigate.to(account.PAGE.path)
                return None
            if arguments.remaining_path or not entry.page.allows(actor.role):
                return self._turn_away(entry, actor)
            return self._build(entry, actor, arguments)

        return guarded

    def _must_set_up(self, entry: Entry | None, actor: Actor) -> bool:
        """Whether a second factor that is demanded comes first; the account page says so and has what it takes."""
        return (entry is None or entry.page is not account.PAGE) and self._services.second_factor.is_missing(actor)

    async def _turn_away(self, entry: Entry, actor: Actor) -> None:
        ui.navigate.to("/")
        await self._refused(entry, actor)

    async def _refused(self, entry: Entry | None, actor: Actor) -> None:
        if entry is not None and not entry.page.allows(actor.role):
            sentence = Forbidden("Only an administrator may see this page.")
            await self._services.audit.refused(actor, f"Page {entry.page.path}", sentence)

    async def _build(self, entry: Entry, actor: Actor, arguments: PageArguments) -> None:
        if self._frame is not None:
            self._frame.show(entry.page)
        try:
            await entry.build(self._services, actor, **_parameters(entry.build, arguments))
        except Exception as error:  # noqa: BLE001 - the door of every page: what fails is logged and told
            told = sentence(error)
            if not self._client.is_deleted:
                with arguments.frame.clear():  # half a page would hide what went wrong
                    failed_state(told)
        finally:
            self._first_page_built.set()


def _entry_for(path: str) -> Entry | None:
    plain = urlsplit(path).path
    return next((entry for entry in ENTRIES if entry.page.matches(plain)), None)


def _parameters(build: Build, arguments: PageArguments) -> dict[str, str]:
    """What the builder wants to know of path and query, by name."""
    known = {**dict(arguments.query_parameters), **arguments.path_parameters}
    wanted = list(inspect.signature(build).parameters)[2:]  # after services and actor
    return {name: known[name] for name in wanted if name in known}
