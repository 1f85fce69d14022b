"""Every run that is kept: find one by script, state and user, and open it."""

import asyncio
from collections.abc import Sequence
from typing import Final

from nicegui import ui

from app.core.errors import NotFound
from app.core.permissions import Actor, Role
from app.runs.schemas import RunPage, RunState, RunView
from app.services import Services
from ui.components.button import button, link_button
from ui.components.card import card
from ui.components.field import search_field, select_field
from ui.components.run_state import LOOKS
from ui.components.run_table import RUN_COLUMNS, run_row
from ui.components.states import empty_state
from ui.components.table import DataTable, data_table
from ui.live import live, spawn
from ui.page import Page
from ui.session import acting, actor_now

PAGE = Page(path="/history", title="History", icon="history", role=Role.CLIENT, menu=True, bar=True)

PAGE_SIZE: Final = 40
CALM_SECONDS: Final = 0.4  # between a change somewhere and looking again, however many changes come
ANY: Final = ""


async def build(services: Services, actor: Actor, highlight_task: str | None = None) -> None:
    """Shows the newest runs; `highlight_task` is the id of one to mark, and to fetch when it is older than those."""
    page = HistoryPage(services, actor, highlight_task)
    await page.load(actor)
    live(services.runs.subscribe, page.changed)


class HistoryPage:
    """The filter, the runs it lets through, and those to come."""

    def __init__(self, services: Services, actor: Actor, marked: str | None) -> None:
        self._services = services
        self._client = ui.context.client
        self._marked = marked
        self._runs: Sequence[RunView] = ()
        self._older: str | None = None
        self._table: DataTable | None = None
        self._looking = False
        self._newest_load: object = None
        reload = acting(services, self.load)
        with ui.element("div").classes("t-row history-filter").props("role=search"):
            self._search = search_field("Search script, user, arguments", reload)
            self._state = select_field("State", _states(), ANY, reload, show_label=False)
            self._user = select_field("Started by", _users(actor), ANY, reload, show_label=False)
        self._place = ui.element("div")

    async def load(self, actor: Actor) -> None:
        """Shows the newest runs that the filter lets through."""
        self._newest_load = this_load = object()
        page = await self._page(actor)
        if self._newest_load is not this_load:
            return  # the filter was changed again meanwhile
        self._runs, self._older = page.items, page.next_before
        found = any(run.id == self._marked for run in page.items)
        pinned = await self._fetch_marked(actor) if self._marked and not found and not self._filtered else None
        self._place.clear()
        self._table = None
        with self._place:
            if pinned is not None:
                self._show_pinned(pinned)
            if self._runs:
                self._show_list()
            else:
                self._show_nothing(actor)

    def changed(self, run: RunView) -> None:
        """Some run changed; the list looks again in a moment, once for all changes until then."""
        self._runs = [run if run.id == known.id else known for known in self._runs]
        if not self._looking:
            self._looking = True
            spawn(self._look_again(), name="history looks again")

    async def _look_again(self) -> None:
        await asyncio.sleep(CALM_SECONDS)
        self._looking = False
        actor = actor_now(self._services, self._client)
        if actor is None:
            return
        newest = await self._page(actor)
        ids = [run.id for run in self._runs]
        if self._table is None or not newest.items or newest.items[-1].id not in ids:
            await self.load(actor)  # there was nothing, nothing is left, or more came than one page holds
            return
        self._runs = [*newest.items, *self._runs[ids.index(newest.items[-1].id) + 1 :]]
        self._table.set_rows([run_row(run) for run in self._runs])

    async def _page(self, actor: Actor, before: str | None = None) -> RunPage:
        return await self._services.runs.list(
            actor,
            state=RunState(self._state.value) if self._state.value else None,
            user=self._user.value or None,
            search=self._search.value or None,
            limit=PAGE_SIZE,
            before=before,
        )

    @property
    def _filtered(self) -> bool:
        return bool(self._search.value or self._state.value or self._user.value)

    def _show_list(self) -> None:
        with card(classes="flush", label="Runs"):
            rows = [run_row(run) for run in self._runs]
            self._table = data_table(RUN_COLUMNS, rows, caption="Runs, newest first", marked=self._marked)
        self._more = button("Show older runs", acting(self._services, self._show_older), classes="history-more")
        self._more.set_visibility(self._older is not None)

    async def _show_older(self, actor: Actor) -> None:
        self._more.disable()
        try:
            page = await self._page(actor, before=self._older)
        finally:
            self._more.enable()
        self._runs, self._older = [*self._runs, *page.items], page.next_before
        if self._table is not None:
            self._table.set_rows([run_row(run) for run in self._runs])
        self._more.set_visibility(self._older is not None)

    def _show_nothing(self, actor: Actor) -> None:
        with card():
            if self._filtered:
                with empty_state("No run matches", "Take something out of the filter.", icon="search-x"):
                    pass
                return
            with empty_state("Nothing has run yet", "Whatever is started here, by whom ever, is kept and found again."):
                if actor.is_admin:
                    link_button("Choose a script", "/scripts", kind="primary")

    async def _fetch_marked(self, actor: Actor) -> RunView | str:
        try:
            return await self._services.runs.get(actor, self._marked or "")
        except NotFound as error:
            return str(error)

    def _show_pinned(self, pinned: RunView | str) -> None:
        """The run that a link led to, where it is older than what the list begins with."""
        with card(classes="flush history-pinned", label="The run you were sent to"):
            if isinstance(pinned, str):
                empty_state(pinned, icon="search-x")
            else:
                data_table(RUN_COLUMNS, [run_row(pinned)], caption="The run you were sent to", marked=pinned.id)


def _states() -> dict[str, str]:
    return {ANY: "Any state", **{state.value: look.text for state, look in LOOKS.items()}}


def _users(actor: Actor) -> dict[str, str]:
    return {ANY: "Everybody", actor.username: "Started by me"}
