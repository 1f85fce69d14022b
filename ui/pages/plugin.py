"""A plugin's own page: its document in a frame while it serves, and why there is none while it does not."""

import re
from typing import Any, Final

from nicegui import ui

from app.core.errors import NotFound
from app.core.permissions import Actor, Role
from app.plugins.schemas import PluginEvent, PluginState, PluginView
from app.services import Services
from ui.components.button import button, link_button, short_link
from ui.components.card import card
from ui.components.plugin_tree import PluginTree
from ui.components.plugin_view import PluginView as PluginFrame
from ui.components.states import empty_state
from ui.feedback import Kind, toast
from ui.layout import header_actions, mark_in_menu, set_title
from ui.live import live
from ui.page import Page
from ui.session import acting, acting_on, actor_now

PAGE = Page(path="/plugin/{plugin_id}", title="Plugin", icon="puzzle", role=Role.CLIENT, parent="/plugins")

MAX_TOAST: Final = 500
MAX_PATH: Final = 2048
OWN_PATH: Final = re.compile(r"/(?![/\\])")  # two slashes would begin another server's name
KINDS: Final[dict[str, Kind]] = {"success": "ok", "error": "bad", "info": "info"}
WAITS: Final[dict[PluginState, tuple[str, str]]] = {
    PluginState.STARTING: ("{} is being started", "Its page appears here as soon as it is ready."),
    PluginState.STOPPING: ("{} is being stopped", "When it runs again, its page appears here by itself."),
    PluginState.WAITING: ("{} is not running now", "It is started again by itself, and its page comes back."),
}


async def build(services: Services, actor: Actor, plugin_id: str) -> None:
    """Shows the plugin's page, now or as soon as it can be."""
    mark_in_menu(f"/plugin/{plugin_id}")
    page = PluginPage(services, plugin_id)
    live(services.plugins.subscribe, page.changed)
    live(services.plugins.listen, page.happened)
    await page.load(actor)
    with header_actions():
        if actor.is_admin:
            short_link("Manage", f"/plugins/{plugin_id}", icon="sliders-horizontal")


class PluginPage:
    """Follows one plugin, which may not be there yet."""

    def __init__(self, services: Services, plugin_id: str) -> None:
        self._services = services
        self._id = plugin_id
        self._client = ui.context.client
        self._shown: object = None
        self._place = ui.element("div").classes("t-plugin-place")

    async def changed(self, plugin_id: str) -> None:
        """Something changed: this plugin, or what lies in the folder."""
        actor = actor_now(self._services, self._client)
        if actor is not None and plugin_id in (self._id, ""):
            await self.load(actor)

    def happened(self, event: PluginEvent) -> None:
        """The plugin itself told something; of it only toasts are for its page."""
        if event.plugin_id == self._id and event.name == "toast":
            _toast(event.data)

    async def load(self, actor: Actor) -> None:
        """Looks how the plugin is, and draws it anew where that is something else."""
        try:
            plugin = await self._services.plugins.get(actor, self._id)
        except NotFound:
            plugin = None
        shown = _shown_of(plugin)
        if shown == self._shown:
            return
        self._shown = shown
        set_title(plugin.name if plugin is not None else "Plugin")
        self._place.clear()
        with self._place:
            self._draw(actor, plugin)

    def _draw(self, actor: Actor, plugin: PluginView | None) -> None:
        if plugin is None:
            with card(), empty_state("There is no such plugin", "When it is added, it appears here.", icon="puzzle"):
                link_button("Show all plugins", "/plugins")
        elif plugin.state.takes_requests and plugin.has_page_tree:
            PluginTree(plugin.id, plugin.name)
        elif plugin.state.takes_requests:
            asked = acting_on(self._services, lambda _, event: _navigate(event.args))
            told = acting_on(self._services, lambda _, event: _toast(event.args))
            PluginFrame(plugin.id, plugin.name, asked, told)
        elif plugin.state in WAITS:
            title, hint = WAITS[plugin.state]
            with card():
                empty_state(title.format(plugin.name), f"{plugin.reason or ''} {hint}".strip(), icon="hourglass")
        else:
            self._draw_off(actor, plugin)

    def _draw_off(self, actor: Actor, plugin: PluginView) -> None:
        """It does not run and nobody is about to start it."""
        failed = plugin.state is PluginState.GIVEN_UP
        title = f"{plugin.name} could not go on" if failed else f"{plugin.name} is disabled"
        hint = "Its page appears here when an administrator enables it."
        if actor.is_admin:
            hint = "Its page appears here when it is enabled."
        with card(), empty_state(title, plugin.reason or hint, icon="circle-x" if failed else "ban"):
            if actor.is_admin:
                button("Try again" if failed else "Enable", acting(self._services, self._enable), kind="primary")

    async def _enable(self, actor: Actor) -> None:
        await self._services.plugins.enable(actor, self._id)


def _shown_of(plugin: PluginView | None) -> tuple[object, ...]:
    """What makes the page another one. A plugin that is unhealthy for a moment keeps its document."""
    if plugin is None:
        return ("unknown",)
    if plugin.state.takes_requests:
        return ("serves", plugin.pid)
    return (plugin.state, plugin.reason, plugin.name)


def _navigate(path: Any) -> None:
    """Leads to a page of ours; a plugin may name no other place."""
    if isinstance(path, str) and len(path) <= MAX_PATH and path.isprintable() and OWN_PATH.match(path):
        ui.navigate.to(path)


def _toast(told: Any) -> None:
    if isinstance(told, dict) and isinstance(told.get("message"), str) and told["message"].strip():
        toast(told["message"][:MAX_TOAST], KINDS.get(str(told.get("kind")), "info"))
