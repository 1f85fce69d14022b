"""The audit: who did what, when and from where; each row holds the hash of the one before it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import urlencode

from nicegui import ui

from app.audit.schemas import AuditFilter, AuditPage, AuditView
from app.audit.trail import Outcome
from app.core.permissions import Actor, Role
from app.services import Services
from ui.components.audit_list import AuditList
from ui.components.audit_words import KINDS
from ui.components.button import button, icon_button, link_button
from ui.components.card import Card, card
from ui.components.field import search_field, select_field
from ui.components.states import empty_state, loading_state
from ui.layout import header_actions
from ui.page import Page
from ui.session import acting

PAGE = Page(path="/audit", title="Audit", icon="clipboard-list", role=Role.CLIENT, menu=True, group="Manage")

PAGE_SIZE: Final = 50
ANY: Final = ""
OUTCOMES: Final = {ANY: "Any outcome", "ok": "Done", "refused": "Refused", "failed": "Failed"}
DAYS: Final = {ANY: "Any time", "1": "Last 24 hours", "7": "Last 7 days", "30": "Last 30 days"}


async def build(services: Services, actor: Actor) -> None:
    """Shows the newest rows."""
    page = AuditLog(services, actor)
    with header_actions():
        icon_button("refresh-cw", "Look again", acting(services, page.load))
    await page.load(actor)


class AuditLog:
    """The filter, the rows that it lets through, and those to come."""

    def __init__(self, services: Services, actor: Actor) -> None:
        self._services = services
        self._rows: Sequence[AuditView] = ()
        self._older: int | None = None
        self._newest_load: object = None
        self._about = "All that was done here." if actor.is_admin else "All runs, and your own sign-ins."
        kinds = KINDS if actor.is_admin else {kind: KINDS[kind] for kind in ("run", "sign_in", "sign_out")}
        reload = acting(services, self.load)
        with ui.element("div").classes("t-row history-filter audit-filter").props("role=search"):
            self._search = search_field("Search user, target, address", reload)
            self._what = select_field("What", {ANY: "Everything", **kinds}, ANY, reload, show_label=False)
            self._outcome = select_field("Outcome", OUTCOMES, ANY, reload, show_label=False)
            self._days = select_field("Time", DAYS, ANY, reload, show_label=False)
        self._place = ui.element("div")
        with self._place, card():
            loading_state()

    async def load(self, actor: Actor) -> None:
        """Shows the newest rows that the filter lets through."""
        self._newest_load = this_load = object()
        wanted = self._filter()
        page = await self._page(actor, wanted)
        if self._newest_load is not this_load:
            return  # the filter was changed again meanwhile
        self._rows, self._older = page.items, page.next_before
        self._place.clear()
        with self._place:
            with card("Newest first", self._about, classes="flush") as made:
                self._draw(made, wanted)
            self._more = button("Show older rows", acting(self._services, self._show_older), classes="history-more")
        self._more.set_visibility(self._older is not None)

    def _draw(self, made: Card, wanted: AuditFilter) -> None:
        if self._rows:
            with made.actions:
                for name, words in (("jsonl", "JSON Lines"), ("csv", "CSV")):
                    link = link_button(words, _export(name, wanted), icon="download")
                    link.props["download"] = True
                    link.props["aria-label"] = f"Export as {words}"
            self._list = AuditList(self._rows)
        elif wanted != AuditFilter():
            empty_state("Nothing matches", "Take something out of the filter.", icon="search-x")
        else:
            empty_state("Nothing has been recorded yet", icon="clipboard-list")

    async def _show_older(self, actor: Actor) -> None:
        self._more.disable()
        try:
            page = await self._page(actor, self._filter(), before=self._older)
        finally:
            self._more.enable()
        self._rows, self._older = [*self._rows, *page.items], page.next_before
        self._list.set_rows(self._rows)
        self._more.set_visibility(self._older is not None)

    async def _page(self, actor: Actor, wanted: AuditFilter, before: int | None = None) -> AuditPage:
        return await self._services.audit.page(actor, wanted, PAGE_SIZE, before)

    def _filter(self) -> AuditFilter:
        days = self._days.value
        return AuditFilter(
            what=self._what.value or None,
            outcome=Outcome(self._outcome.value) if self._outcome.value else None,
            search=self._search.value or None,
            since=datetime.now(UTC) - timedelta(days=int(days)) if days else None,
        )


def _export(name: str, wanted: AuditFilter) -> str:
    """The address of the same rows as a file."""
    known = {
        "what": wanted.what,
        "outcome": wanted.outcome and wanted.outcome.value,
        "search": wanted.search,
        "since": wanted.since and wanted.since.isoformat(timespec="seconds").replace("+00:00", "Z"),
    }
    query = {"format": name, **{key: value for key, value in known.items() if value}}
    return f"/api/audit/export?{urlencode(query)}"
