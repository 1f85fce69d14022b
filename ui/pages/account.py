"""One's own account: name, password, second factor, sessions, API tokens, and how this browser shows things."""

import asyncio

from nicegui import ui

from app.core.permissions import Actor, Role
from app.services import Services
from ui.account.identity import identity
from ui.account.password import password
from ui.account.second_factor import SecondFactor
from ui.account.section import Section
from ui.account.sessions import Sessions
from ui.account.tokens import Tokens
from ui.components.card import card, grid
from ui.components.icon import icon
from ui.components.text import span
from ui.components.theme_choice import ThemeChoice
from ui.page import Page

PAGE = Page(path="/account", title="Account", icon="user-round", role=Role.CLIENT, parent="/")


async def build(services: Services, actor: Actor) -> None:
    """Draws the page."""
    missing = services.second_factor.is_missing(actor)
    if missing:
        _say_why()
    with grid():
        with ui.element("div").classes("span-6 t-column"):
            sections: list[Section] = [SecondFactor(services)] if missing else []
            identity(services, actor)
            password(services, actor)
            with card("Appearance", "Kept by this browser.", icon="sun-moon"):
                ThemeChoice()
        with ui.element("div").classes("span-6 t-column"):
            sections += (
                [Sessions(services)] if missing else [SecondFactor(services), Sessions(services), Tokens(services)]
            )
    await asyncio.gather(*(section.load(actor) for section in sections))


def _say_why() -> None:
    with ui.element("div").classes("t-notice warn").props("role=status"):
        icon("shield-alert")
        span("This server asks everybody for a second factor. Set yours up below; everything else opens then.")
