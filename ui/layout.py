"""The frame around every page: menu, header, bar of phones, and who is signed in."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, cast

from nicegui import Client, ui

from app.core.permissions import Actor
from app.services import Services
from ui.components.icon import icon
from ui.components.text import Text, span
from ui.components.theme_choice import ThemeChoice
from ui.components.times import uptime
from ui.page import Page
from ui.static import static_url

_KEY: Final = "frame"


def set_title(title: str, subtitle: str = "") -> None:
    """Names the page shown now in header and window; the page's own title stands until then."""
    _frame().set_title(title, subtitle)


def header_actions() -> ui.element:
    """The place for buttons at the right of the header, to be used with `with`; it is empty on every new page."""
    return _frame().actions


def _frame() -> "Frame":
    return cast("Frame", ui.context.client.storage[_KEY])


class Frame:
    """The frame of one open browser tab."""

    def __init__(self, services: Services, actor: Actor, client: Client, pages: Sequence[Page]) -> None:
        client.storage[_KEY] = self
        self._links: dict[str, list[ui.link]] = {}
        ui.dark_mode(_chosen_dark(client))
        with client.layout:
            ui.link("Skip to content", "#t-content").classes("t-skip")
            self._menu(services, [page for page in pages if page.menu])
            self._header(actor)
            self._bar([page for page in pages if page.bar])
            ui.element("div").classes("t-scrim")
        client.page_container.move(target_index=3)  # after link, menu and header, before the bar: the order of reading
        with client.content:
            self.content = ui.element("div").classes("t-main").props("id=t-content tabindex=-1")
        if actor.is_admin:
            with self.content:
                _problem(services)

    def show(self, page: Page) -> None:
        """Makes header, menu and window say which page is shown."""
        self.actions.clear()
        self.set_title(page.title)
        self._back.set_visibility(page.parent is not None)
        self._back.props["href"] = page.parent or "/"
        self._mark.set_visibility(page.parent is None)
        shown = page.path if page.path in self._links else page.parent
        for path, links in self._links.items():
            for link in links:
                _mark_current(link, path == shown and (path != "/" or page.path == "/"))

    def set_title(self, title: str, subtitle: str = "") -> None:
        """Header and window title."""
        self._title.set_text(title)
        self._subtitle.set_text(subtitle)
        self._subtitle.set_visibility(bool(subtitle))
        ui.page_title(f"{title} · Toru")

    def _menu(self, services: Services, pages: Sequence[Page]) -> None:
        with ui.element("nav").classes("t-nav").props('id=t-nav aria-label="Main"'):
            with ui.link(target="/").classes("t-brand").props('aria-label="Toru Steering Center"'):
                _logo()
                with ui.element("div"):
                    span("Toru", classes="t-brand-name")
                    span("Steering Center", classes="t-brand-sub")
            with ui.element("ul"):
                for page in pages:
                    with ui.element("li"):
                        self._link(page)
            _host(services)

    def _header(self, actor: Actor) -> None:
        with ui.element("header").classes("t-header"):
            with ui.link(target="/").classes("t-iconbtn t-back").props('aria-label="Back"') as self._back:
                icon("arrow-left")
            with ui.link(target="/").classes("t-header-mark").props('aria-label="Toru, dashboard"') as self._mark:
                _logo()
            with ui.element("div").classes("t-titles"):
                self._title = Text("", "h1")
                self._subtitle = Text("", "p")
            self.actions = ui.element("div").classes("t-header-actions")
            _account(actor)

    def _bar(self, pages: Sequence[Page]) -> None:
        with ui.element("nav").classes("t-bottom").props('aria-label="Quick navigation"'):
            for page in pages:
                self._link(page)
            with ui.element("button").props("type=button data-menu aria-controls=t-nav aria-expanded=false"):
                icon("menu")
                span("Menu")

    def _link(self, page: Page) -> None:
        with ui.link(target=page.path) as link:
            icon(page.icon)
            span(page.title)
        self._links.setdefault(page.path, []).append(link)


def _mark_current(link: ui.link, current: bool) -> None:
    if current == ("aria-current" in link.props):
        return
    if current:
        link.props["aria-current"] = "page"
    else:
        del link.props["aria-current"]
    link.update()


def _logo() -> None:
    with ui.element("span").classes("t-logo"):
        ui.element("img").props(f'src={static_url("mark.svg")} alt=""')


def _host(services: Services) -> None:
    machine = services.monitor.snapshot()
    if machine is None:
        return
    with ui.element("div").classes("t-host"):
        with ui.element("div"):
            ui.element("i").classes("t-dot")
            span(machine.host_name or "This machine", classes="t-host-name")
        with ui.element("div").classes("t-host-line"):
            system = " ".join(part for part in (machine.system_name, machine.os_version) if part)
            if system:
                span(system.replace(" GNU/Linux", ""))
            if machine.uptime_seconds is not None:
                with span("up "):
                    uptime(_started(machine.uptime_seconds))


def _started(seconds: int) -> str:
    return (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()


def _problem(services: Services) -> None:
    if services.runs.problem:
        with ui.element("div").classes("t-notice warn").props("role=status"):
            icon("triangle-alert")
            span(services.runs.problem)


def _account(actor: Actor) -> None:
    """Who is signed in, the light or dark of this browser, and the way out."""
    with ui.element("button").classes("t-avatar-button") as opener:
        span(_initials(actor.display_name), classes="t-avatar")
    opener.props("type=button popovertarget=t-account aria-haspopup=dialog")
    opener.props["aria-label"] = f"Account of {actor.display_name}"
    with ui.element("div").classes("t-popover").props('id=t-account popover=auto role=dialog aria-label="Account"'):
        with ui.element("div").classes("t-account-who"):
            span(actor.display_name, classes="t-account-name")
            span("Administrator" if actor.is_admin else "Client", classes="t-sub")
        ThemeChoice()
        with ui.link(target="/account").classes("t-menu-item"):
            icon("user-round")
            span("Account")
        with ui.element("button").classes("t-menu-item").props("type=button data-sign-out"):
            icon("log-out")
            span("Sign out")


def _initials(name: str) -> str:
    words = name.split()
    return ("".join(word[0] for word in words[:2]) or "?").upper()


def _chosen_dark(client: Client) -> bool | None:
    return {"light": False, "dark": True}.get(client.request.cookies.get("toru_theme", ""))
