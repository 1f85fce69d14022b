"""The log of one plugin: what it printed and what became of it, found by level and text, and live."""

from app.core.errors import NotFound
from app.core.permissions import Actor
from app.services import Services
from ui.components.button import link_button
from ui.components.card import card
from ui.components.plugin_log import PluginLog
from ui.components.states import empty_state
from ui.layout import set_title
from ui.page import Page

PAGE = Page(path="/plugins/{plugin_id}/logs", title="Plugin log", icon="scroll-text", parent="/plugins")


async def build(services: Services, actor: Actor, plugin_id: str) -> None:
    """Shows it; the browser reads and follows it through the doors of REST."""
    try:
        plugin = await services.plugins.get(actor, plugin_id)
    except NotFound as error:
        with card(), empty_state(str(error), icon="search-x"):
            link_button("Show all plugins", "/plugins", kind="primary")
        return
    set_title(plugin.name, "Log")
    PluginLog(plugin.id)
