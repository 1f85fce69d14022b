"""The icons: one SVG sprite with only those the product uses, taken from the lucide package (ISC)."""

import re
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Final
from zipfile import ZipFile

# What an admin may pick for a quick action, in the order of the picker.
ACTION_ICONS: Final = (
    "play", "rocket", "rotate-cw", "refresh-cw", "power", "download", "upload", "archive",
    "database", "server", "hard-drive", "cpu", "network", "globe", "cloud", "container",
    "package", "git-branch", "terminal", "file-text", "folder", "trash-2", "eraser", "wrench",
    "hammer", "shield-check", "lock", "key-round", "bell", "mail", "clock", "calendar",
    "activity", "gauge", "flask-conical", "bug", "zap", "star", "heart", "lightbulb",
)  # fmt: skip

# What pages and components use besides. Add the name here, then `icon("name")` draws it.
PAGE_ICONS: Final = (
    "arrow-down", "arrow-down-to-line", "arrow-left", "arrow-up", "ban", "check", "chevron-down",
    "chevron-up", "chevrons-up-down", "circle-alert", "circle-check", "circle-stop", "circle-x", "clipboard-list",
    "clipboard-paste", "copy", "database-backup",
    "eye", "eye-off", "history", "hourglass", "inbox", "info", "layout-dashboard", "list",
    "log-in", "log-out", "maximize-2", "memory-stick", "menu", "minimize-2", "monitor", "moon", "pause", "pencil",
    "plus", "puzzle", "scroll-text", "search", "search-x", "settings", "shield", "shield-alert", "skull",
    "sliders-horizontal", "smartphone", "square", "square-terminal", "sun", "sun-moon", "timer-off", "triangle-alert",
    "unplug", "user-plus", "user-round", "users", "x",
)  # fmt: skip

ICONS: Final = frozenset(ACTION_ICONS) | frozenset(PAGE_ICONS)
DEFAULT_ACTION_ICON: Final = "play"


def sprite(names: Iterable[str] = ICONS) -> str:
    """One SVG document with a `<symbol id="name">` for each icon; raises KeyError for a name lucide does not have."""
    with ZipFile(_archive()) as icons:
        symbols = "".join(_symbol(name, icons.read(f"{name}.svg").decode()) for name in sorted(set(names)))
    return f'<svg xmlns="http://www.w3.org/2000/svg">{symbols}</svg>'


def _archive() -> Path:
    spec = find_spec("lucide")  # found, not imported: its code is not needed and costs memory
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("The package lucide is not installed.")
    return Path(spec.origin).with_name("lucide.zip")


def _symbol(name: str, svg: str) -> str:
    inner = svg[svg.index(">") + 1 : svg.rindex("</svg>")]
    inner = re.sub(r"\s*\n\s*", "", inner)
    pen = 'fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"'
    return f'<symbol id="{name}" viewBox="0 0 24 24" {pen}>{inner}</symbol>'
