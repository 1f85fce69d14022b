"""One plugin for administrators: how it is, what it is, its licence key, and what its pages may keep."""

from typing import Any

from nicegui import ui

from app.core.errors import NotFound
from app.core.permissions import Actor
from app.plugins.schemas import PluginView
from app.services import Services
from ui.components.button import link_button, short_link
from ui.components.card import card, grid
from ui.components.facts import facts
from ui.components.plugin_cards import PluginCards
from ui.components.plugin_licence import PluginLicence
from ui.components.states import empty_state
from ui.components.switch import Switch
from ui.feedback import toast
from ui.layout import header_actions, set_title
from ui.live import live, spawn
from ui.page import Page
from ui.plugin_deeds import do_with_plugin, keep_figures
from ui.session import acting_on, actor_now

PAGE = Page(path="/plugins/{plugin_id}", title="Plugin", icon="puzzle", parent="/plugins")


async def build(services: Services, actor: Actor, plugin_id: str) -> None:
    """Shows it, or says that there is none."""
    try:
        plugin = await services.plugins.get(actor, plugin_id)
    except NotFound as error:
        with card(), empty_state(str(error), icon="search-x"):
            link_button("Show all plugins", "/plugins", kind="primary")
        return
    set_title(plugin.name, plugin.id)
    with header_actions():
        short_link("Logs", f"/plugins/{plugin_id}/logs", icon="scroll-text")
    page = DetailsPage(services, plugin_id)
    live(services.plugins.subscribe, page.changed)
    await page.load(actor)
    spawn(keep_figures(services, ui.context.client, page.load), name="figures of a plugin")


class DetailsPage:
    """Follows one plugin."""

    def __init__(self, services: Services, plugin_id: str) -> None:
        self._services = services
        self._id = plugin_id
        self._client = ui.context.client
        self._told: object = None
        do = acting_on(services, lambda actor, wanted: do_with_plugin(services, actor, wanted))
        self._cards = PluginCards(do, acts=True, details=False)
        with grid():
            with ui.element("div").classes("span-6 t-column"):
                self._about = card("About", icon="info")
            with ui.element("div").classes("span-6 t-column"):
                self._licence = PluginLicence(
                    services.settings.instance_id,
                    acting_on(services, lambda actor, _: self._store(actor)),
                    acting_on(services, lambda actor, _: self._remove(actor)),
                )
                with card("Values of its pages", icon="database"):
                    self._read_only = Switch(
                        "Read-only for clients",
                        "Clients see what the plugin's pages keep, and only administrators change it.",
                        services.plugin_values.pages_read_only(plugin_id),
                        acting_on(services, self._set_read_only),
                    )

    async def changed(self, plugin_id: str) -> None:
        """Some plugin changed, or the folder."""
        actor = actor_now(self._services, self._client)
        if actor is not None and plugin_id in (self._id, ""):
            await self.load(actor)

    async def load(self, actor: Actor) -> None:
        """Looks how it is."""
        try:
            plugin = await self._services.plugins.get(actor, self._id)
        except NotFound as error:
            self._cards.show([])
            self._tell({"State": str(error)})
            return
        self._cards.show([plugin])
        self._tell(_facts(plugin))
        self._licence.show(plugin.license, await self._services.licences.view(actor, self._id))

    def _tell(self, told: dict[str, str | None]) -> None:
        if told != self._told:
            self._told = told
            self._about.clear()
            with self._about:
                facts(told)

    async def _store(self, actor: Actor) -> None:
        view = await self._licence.store(lambda key: self._services.licences.store(actor, self._id, key))
        if view is not None:
            toast("The licence key is stored.")
            await self.load(actor)

    async def _remove(self, actor: Actor) -> None:
        if await self._licence.may_remove():
            await self._services.licences.remove(actor, self._id)
            toast("The licence key is removed.")
            await self.load(actor)

    async def _set_read_only(self, actor: Actor, event: Any) -> None:
        read_only = event.args is True
        await self._services.plugin_values.set_pages_read_only(actor, self._id, read_only)
        self._read_only.show(read_only)


def _facts(plugin: PluginView) -> dict[str, str | None]:
    return {
        "Id": plugin.id,
        "Version": plugin.version,
        "Author": plugin.author,
        "Address": f"/api/plugins/route{plugin.route}",
        "Protocol": plugin.protocol,
        "Process": str(plugin.pid) if plugin.pid is not None else None,
        "Socket": plugin.socket_path,
    }
