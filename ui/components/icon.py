"""Icons out of our sprite."""

from nicegui import ui

from theme.icons import ICONS
from ui.static import static_url


def icon_name(name: str) -> str:
    """The same name; raises KeyError for one that theme/icons.py does not list."""
    if name not in ICONS:
        raise KeyError(f"The icon {name!r} is not in theme/icons.py; add it there.")
    return name


def icon_url(name: str) -> str:
    """The address of one icon, for `<use href>`."""
    return f"{static_url('icons.svg')}#{icon_name(name)}"


def icon_source(name: str) -> str:
    """What Quasar takes as an icon's name."""
    return f"svguse:{icon_url(name)}|0 0 24 24"


def icon(name: str, *, classes: str = "") -> ui.icon:
    """A picture without meaning of its own; what it stands for must be said in words beside it or by a label."""
    return ui.icon(icon_source(name)).classes(f"t-icon {classes}")
