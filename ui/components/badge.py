"""Chips: a state in a word, told by colour, picture and text together."""

from typing import Literal

from nicegui import ui

from ui.components.icon import icon as draw_icon
from ui.components.text import span

Tone = Literal["ok", "warn", "bad", "info", "neutral"]


class Chip(ui.element):
    """A word on a coloured ground."""

    def __init__(self, text: str, tone: Tone, icon: str | None) -> None:
        super().__init__("span")
        self.set(text, tone, icon)

    def set(self, text: str, tone: Tone, icon: str | None = None) -> None:
        """Shows another state."""
        self.clear()
        self.classes(replace=f"t-chip {tone}")
        with self:
            if icon == "dot":
                ui.element("i").classes("t-dot")
            elif icon:
                draw_icon(icon)
            span(text)


def chip(text: str, tone: Tone = "neutral", *, icon: str | None = None) -> Chip:
    """A state in a word; `icon` is a name of theme/icons.py, or "dot" for a pulsing point."""
    return Chip(text, tone, icon)
