"""The frame around every page: menu, header, bar of phones, and what the header says."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, cast

from nicegui import Client, ui

from app.core.clock import now_iso
from app.core.permissions import Actor
from app.services import Services
from ui.components.frame import FrameBar, FrameHeader, FrameMenu, Host, MenuEntry, Who
from ui.components.icon import icon
from ui.components.text import span
from ui.page import Page
from ui.plugin_menu import follow_plugins

_KEY: Final = "frame"


def set_title(title: str, subtitle: str = "") -> None:
    """Names the page shown now in header and window; the page's own title stands until then."""
    _frame().set_title(title, subtitle)


def mark_in_menu(path: str) -> None:
    """Marks the menu's line of this address, where the page's own path does not say which one it is."""
    _frame().mark(path)


def header_actions() -> ui.element:
    """The place for buttons at the right of the header, to be used with `with`; it is empty on every new page."""
    return _frame().actions


def _frame() -> "Frame":
    return cast("Frame", ui.context.client.storage[_KEY])


class Frame:
    """The frame of one open browser tab."""

    def __init__(self, services: Services, actor: Actor, client: Client, pages: Sequence[Page]) -> None:
        client.storage[_KEY] = self
        self._back: str | None = None
        ui.dark_mode(_chosen_dark(client))
        ui.add_head_html(f'<meta name="toru-made" content="{now_iso()}">')  # for browsers with a wrong clock (time.js)
        with client.layout:
            ui.link("Skip to content", "#t-content").classes("t-skip")
            self._menu = FrameMenu([_entry(page) for page in pages if page.menu], _host(services))
            self._header = FrameHeader(_who(actor))
            self._bar = FrameBar([_entry(page) for page in pages if page.bar])
            ui.element("div").classes("t-scrim")
        follow_plugins(services, client, self._menu)
        client.page_container.move(target_index=3)  # after link, menu and header, before the bar: the order of reading
        with self._header:
            self.actions = ui.element("div").classes("t-header-actions")
        with client.content:
            self.content = ui.element("div").classes("t-main").props("id=t-content tabindex=-1")
        if actor.is_admin:
            with self.content:
                _problem(services)
            _show_room(services, client, self.content)

    def show(self, page: Page) -> None:
        """Makes header, menu and window say which page is shown."""
        self.actions.clear()
        self._back = page.parent
        self.set_title(page.title)
        inside = page.path if page.menu or page.parent == "/" else page.parent
        self._menu.show(inside)
        self._bar.show(inside)

    def mark(self, path: str) -> None:
        """Makes the menu mark the line of this address."""
        self._menu.show(path)

    def set_title(self, title: str, subtitle: str = "") -> None:
        """Header and window title."""
        self._header.show(title, subtitle, self._back)
        ui.page_title(f"{title} · Toru")


def _entry(page: Page) -> MenuEntry:
    return MenuEntry(page.path, page.title, page.icon, page.group)


def _who(actor: Actor) -> Who:
    initials = "".join(word[0] for word in actor.display_name.split()[:2]).upper() or "?"
    return Who(actor.display_name, initials, "Administrator" if actor.is_admin else "Client")


def _host(services: Services) -> Host | None:
    machine = services.monitor.snapshot()
    if machine is None:
        return None
    system = " ".join(part for part in (machine.system_name, machine.os_version) if part)
    since = None
    if machine.uptime_seconds is not None:
        since = (datetime.now(UTC) - timedelta(seconds=machine.uptime_seconds)).isoformat()
    return Host(machine.host_name or "This machine", system.replace(" GNU/Linux", ""), since)


def _problem(services: Services) -> None:
    if services.runs.problem:
        with ui.element("div").classes("t-notice warn").props("role=status"):
            icon("triangle-alert")
            span(services.runs.problem)


def _show_room(services: Services, client: Client, place: ui.element) -> None:
    """Says which disk has no room, for as long as that is so."""
    with place:
        notice = ui.element("div").classes("t-notice bad").props("role=alert")

    def show() -> None:
        if client.is_deleted:
            return
        problems = services.room.problems
        notice.set_visibility(bool(problems))
        notice.clear()
        with notice:
            icon("hard-drive")
            span(" ".join(problems))

    show()
    client.on_delete(services.room.subscribe(show))


def _chosen_dark(client: Client) -> bool | None:
    """What this browser keeps (theme.js writes the cookie); None means as the system."""
    return {"light": False, "dark": True}.get(client.request.cookies.get("toru_theme", ""))
