"""Quick actions as tiles to press."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from nicegui import ui

from ui.components.action_icon import action_icon
from ui.components.icon import icon
from ui.components.text import span


@dataclass(frozen=True, slots=True)
class Tile:
    """One action: what to call it by, its name, its picture (an icon's name, an emoji, or None), whether it asks."""

    key: str
    name: str
    icon: str | None
    dangerous: bool = False


def action_tiles(tiles: Sequence[Tile], on_press: Callable[[str], Callable[[Any], Awaitable[None]]]) -> ui.element:
    """The tiles, the first one filled; `on_press(key)` makes the handler of a press."""
    with ui.element("ul").classes("m-actions") as made:
        for number, tile in enumerate(tiles):
            with ui.element("li"):
                press = ui.button(on_click=on_press(tile.key), color=None).props("flat no-caps :ripple=false")
                with press.classes("m-action first" if number == 0 else "m-action"):
                    action_icon(tile.icon)
                    span(tile.name, classes="m-action-name")
                    if tile.dangerous:
                        icon("shield-alert", classes="m-action-care").props["title"] = "Dangerous: it asks first"
                        span("(dangerous)", classes="t-sr")
    return made
