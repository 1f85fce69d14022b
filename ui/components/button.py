"""Buttons and links that look like buttons."""

from collections.abc import Awaitable, Callable
from typing import Any, Literal

from nicegui import ui

from ui.components.icon import icon as draw_icon
from ui.components.icon import icon_source
from ui.components.text import span

Kind = Literal["primary", "plain", "quiet", "danger", "danger-plain"]
OnClick = Callable[[Any], Awaitable[None] | None]


def button(
    label: str, on_click: OnClick | None = None, *, kind: Kind = "plain", icon: str | None = None, classes: str = ""
) -> ui.button:
    """A button with words; one per view is primary."""
    made = ui.button(label, on_click=on_click, color=None, icon=icon_source(icon) if icon else None)
    return made.props("flat no-caps :ripple=false").classes(f"t-btn {kind} {classes}")


def icon_button(icon: str, label: str, on_click: OnClick | None = None, *, classes: str = "") -> ui.button:
    """A button with only a picture; `label` is what it does, for those who cannot see it and as its title."""
    made = ui.button(on_click=on_click, color=None, icon=icon_source(icon)).props("flat :ripple=false")
    made.classes(f"t-iconbtn {classes}")
    made.props["aria-label"] = label
    made.props["title"] = label
    return made


def link_button(label: str, href: str, *, kind: Kind = "plain", icon: str | None = None) -> ui.link:
    """A link that looks like a button; a path of ours changes the page in place."""
    with ui.link(target=href).classes(f"t-btn {kind}") as made:
        if icon:
            draw_icon(icon)
        span(label)
    return made


def short_link(label: str, href: str, *, icon: str) -> ui.link:
    """A link for the header: on phones only its picture is there to be seen."""
    made = link_button(label, href, icon=icon).classes("t-short")
    made.props["aria-label"] = label
    return made
