"""Cards: the surfaces that content lies on, and the grid that places them."""

from contextlib import AbstractContextManager

from nicegui import ui
from nicegui.element import Element

from ui.components.icon import icon_name
from ui.components.parts import PARTS
from ui.static import static_url


class Card(Element, component="card_surface.js", dependencies=list(PARTS)):
    """A surface with an optional head; `with card.actions:` puts something at the right of the head."""

    def __init__(self, title: str, subtitle: str, icon: str | None, classes: str, label: str) -> None:
        super().__init__()
        self.classes(classes)
        self.props["label"] = title or label
        self.props["head"] = bool(title)
        self.props["subtitle"] = subtitle
        if icon:
            self.props["picture"] = icon_name(icon)
            self.props["icons"] = static_url("icons.svg")

    @property
    def actions(self) -> AbstractContextManager[object]:
        """The place at the right of the head."""
        return self.slots.get("actions") or self.add_slot("actions")


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
