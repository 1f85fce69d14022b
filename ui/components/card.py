"""Cards: the surfaces that content lies on, and the grid that places them."""

from nicegui import ui
from nicegui.element import Element

from ui.components.icon import icon as draw_icon
from ui.components.text import heading, paragraph


class Card(Element):
    """A surface with an optional head; `with card.actions:` puts something at the right of the head."""

    def __init__(self, title: str, subtitle: str, icon: str | None, classes: str, label: str) -> None:
        super().__init__("section")
        self.classes(f"t-card {classes}")
        if title or label:
            self.props["aria-label"] = title or label
        if title:
            with self, ui.element("header").classes("t-card-head"):
                if icon:
                    with ui.element("div").classes("t-tile"):
                        draw_icon(icon)
                with ui.element("div").classes("t-card-titles"):
                    heading(title)
                    if subtitle:
                        paragraph(subtitle, classes="t-sub")
                self.actions = ui.element("div").classes("t-card-actions")


def card(title: str = "", subtitle: str = "", *, icon: str | None = None, classes: str = "", label: str = "") -> Card:
    """A card, to be used with `with`.

    Args:
        title: its heading, also its name for screen readers.
        subtitle: a quiet line below the heading.
        icon: a picture before the heading.
        classes: more CSS classes; `span-3 span-4 span-6 span-8 span-12` place it in a `grid()`.
        label: the name for screen readers where there is no title.
    """
    return Card(title, subtitle, icon, classes, label)


def grid(*, classes: str = "") -> ui.element:
    """A grid of twelve columns that becomes six and then one; children say `span-N`."""
    return ui.element("div").classes(f"t-grid {classes}")


def row(*, classes: str = "") -> ui.element:
    """Things in a line that wraps."""
    return ui.element("div").classes(f"t-row {classes}")
