"""The picture of a quick action: one of our icons, an emoji, or the usual one."""

from dataclasses import dataclass

from nicegui.element import Element

from theme.icons import ACTION_ICONS, DEFAULT_ACTION_ICON, ICONS
from ui.components.icon import icon as draw_icon
from ui.components.text import span
from ui.static import static_url

MAX_EMOJI = 8
"""Code points: families and flags are long, words are no pictures."""


@dataclass(frozen=True, slots=True)
class Picture:
    """Either the name of an icon or a short text that is a picture itself."""

    name: str | None
    text: str = ""


def action_picture(icon: str | None) -> Picture:
    """What to draw for the icon of a quick action, which automation may have set to anything."""
    if icon in ICONS:
        return Picture(icon)
    if icon and len(icon) <= MAX_EMOJI and not any(char.isascii() and char.isprintable() for char in icon):
        return Picture(None, icon)
    return Picture(DEFAULT_ACTION_ICON)


def action_icon(icon: str | None) -> None:
    """Draws it."""
    picture = action_picture(icon)
    if picture.name is not None:
        draw_icon(picture.name)
    else:
        span(picture.text, classes="t-emoji").props("aria-hidden=true")


class IconPicker(Element, component="icon_picker.js"):
    """Radio buttons with the icons that a quick action may have; `value` stays what it was until one is chosen."""

    def __init__(self, value: str | None) -> None:
        super().__init__()
        self.value = value or DEFAULT_ACTION_ICON
        self.props["icons"] = static_url("icons.svg")
        self.props["names"] = list(ACTION_ICONS)
        self.props["value"] = self.value
        self.on("change", lambda event: self._choose(str(event.args)))

    def _choose(self, name: str) -> None:
        if name in ACTION_ICONS:
            self.value = name
