"""The parts of the frame, one element each: an open page costs the server what its elements cost."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from nicegui.element import Element

from ui.static import static_url


@dataclass(frozen=True, slots=True)
class MenuEntry:
    """One line of the menu; those of one `group` stand below its name."""

    path: str
    title: str
    icon: str
    group: str = ""


@dataclass(frozen=True, slots=True)
class PluginEntry:
    """A plugin's line of the menu: `picture` is an emoji or a `word` of few letters, `tone` the colour of `health`."""

    path: str
    title: str
    picture: str
    word: bool
    health: str
    tone: str


@dataclass(frozen=True, slots=True)
class Host:
    """The machine at the foot of the menu; `since` is when it was started, ISO 8601."""

    name: str
    system: str
    since: str | None


@dataclass(frozen=True, slots=True)
class Who:
    """Who is signed in."""

    name: str
    initials: str
    role: str


class _Navigation(Element):
    """Links to pages, one of which is shown."""

    def __init__(self, pages: Sequence[MenuEntry]) -> None:
        super().__init__()
        self.props["pages"] = [asdict(page) for page in pages]
        self.props["icons"] = static_url("icons.svg")

    def show(self, path: str | None) -> None:
        """Marks the page at `path`, if it has a link."""
        if self.props.get("current") != path:
            self.props["current"] = path
            self.update()


class FrameMenu(_Navigation, component="frame_menu.js"):
    """The menu with mark, pages and machine."""

    def __init__(self, pages: Sequence[MenuEntry], host: Host | None) -> None:
        super().__init__(pages)
        self.props["mark"] = static_url("mark.svg")
        self.props["host"] = asdict(host) if host is not None else None
        self.props["plugins"] = []

    def show_plugins(self, plugins: Sequence[PluginEntry]) -> None:
        """Lists these plugins below the page of all of them."""
        shown = [asdict(plugin) for plugin in plugins]
        if self.props["plugins"] != shown:
            self.props["plugins"] = shown
            self.update()


class FrameBar(_Navigation, component="frame_bar.js"):
    """The bar at the bottom of a phone."""


class FrameHeader(Element, component="frame_header.js"):
    """The header; what is made inside (`with`) stands between title and account."""

    def __init__(self, who: Who) -> None:
        super().__init__()
        self.props["who"] = asdict(who)
        self.props["icons"] = static_url("icons.svg")
        self.props["mark"] = static_url("mark.svg")
        self.show("")

    def show(self, title: str, subtitle: str = "", back: str | None = None) -> None:
        """Says where one is; `back` is the address that the arrow leads to, None for the mark in its place."""
        self.props["label"] = title
        self.props["subtitle"] = subtitle
        self.props["back"] = back
        self.update()
