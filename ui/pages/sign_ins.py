"""The sign-in history: who tried to get in, from where, and how it went."""

from collections.abc import Sequence
from typing import Any, Final

from nicegui import ui

from app.auth.attempts import CODE_WANTED
from app.auth.schemas import SignInView
from app.core.permissions import Actor
from app.services import Services
from ui.components.badge import chip
from ui.components.button import icon_button
from ui.components.card import card
from ui.components.field import search_field, select_field
from ui.components.states import empty_state, loading_state
from ui.components.table import Cell, Column, data_table
from ui.layout import header_actions
from ui.page import Page
from ui.session import acting

PAGE = Page(path="/sign-ins", title="Sign-ins", icon="log-in", menu=True, group="Manage")

ALL, FAILED, GOOD = "", "failed", "good"
OUTCOMES: Final = {ALL: "All of them", FAILED: "Failed", GOOD: "Signed in"}
COLUMNS: Final = (
    Column("username", "User name", "strong", none="(empty)"),
    Column("outcome", "Outcome", "chip"),
    Column("address", "Address", "mono", none="unknown"),
    Column("attempted_at", "When", "time"),
)


async def build(services: Services, actor: Actor) -> None:
    """Shows the newest tries."""
    page = SignInsPage(services)
    with header_actions():
        icon_button("refresh-cw", "Look again", acting(services, page.load))
    await page.load(actor)


class SignInsPage:
    """How many failed of late, the filter, and the tries that it lets through."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._tries: Sequence[SignInView] = ()
        self._failures = 0
        with ui.element("div").classes("t-row history-filter").props("role=search"):
            self._search = search_field("Search name or address", lambda _: self._show())
            self._outcome = select_field("Outcome", OUTCOMES, ALL, lambda _: self._show(), show_label=False)
        self._place = ui.element("div")
        with self._place, card():
            loading_state()

    async def load(self, actor: Actor) -> None:
        """Looks who tried."""
        self._tries = await self._services.auth.history(actor)
        self._failures = await self._services.auth.failures_24h(actor)
        self._show()

    def _show(self) -> None:
        words = (self._search.value or "").casefold().split()
        found = [one for one in self._tries if _matches(one, words, self._outcome.value)]
        self._place.clear()
        with self._place, card("Who tried to sign in", _reach(self._tries), classes="flush") as made:
            with made.actions:
                _failures(self._failures)
            if found:
                data_table(COLUMNS, [_row(one) for one in found], caption="Sign-ins, newest first")
            elif self._tries:
                empty_state("No sign-in matches", "Take something out of the filter.", icon="search-x")
            else:
                empty_state("Nobody has tried yet", "Every try to sign in shows here, failed ones, too.", icon="log-in")


def _failures(count: int) -> None:
    if count:
        chip(f"{count} failed in 24 hours", "warn", icon="triangle-alert")
    else:
        chip("None failed in 24 hours", "ok", icon="circle-check")


def _reach(tries: Sequence[SignInView]) -> str:
    return f"The newest {len(tries)}" if len(tries) > 1 else ""


def _matches(one: SignInView, words: Sequence[str], outcome: str) -> bool:
    text = f"{one.username} {one.ip_address}".casefold()
    failed = not one.success and one.failure_reason != CODE_WANTED
    fits = outcome == ALL or (one.success if outcome == GOOD else failed)
    return fits and all(word in text for word in words)


def _row(one: SignInView) -> dict[str, Any]:
    return {
        "key": one.id,
        "username": one.username,
        "outcome": _outcome(one),
        "address": one.ip_address,
        "attempted_at": one.attempted_at,
    }


def _outcome(one: SignInView) -> Cell:
    if one.success:
        return Cell("Signed in", "ok", "circle-check")
    if one.failure_reason == CODE_WANTED:
        return Cell(CODE_WANTED, "neutral", "shield")
    return Cell(one.failure_reason or "Failed", "bad", "circle-x")
