"""The enabled plugins in the menu of every open page, each with its health, kept true while the page is open."""

import asyncio
from typing import Final

from nicegui import Client, background_tasks

from app.plugins.schemas import PluginView
from app.services import Services
from ui.components.frame import FrameMenu, PluginEntry
from ui.components.plugin_look import LOOKS, is_word, plugin_picture
from ui.session import actor_now

CALM_SECONDS: Final = 0.2  # between a change and looking, once for all changes until then


def follow_plugins(services: Services, client: Client, menu: FrameMenu) -> None:
    """Keeps the menu's list of plugins true until the page is closed."""
    follower = _Follower(services, client, menu)
    client.on_delete(services.plugins.subscribe(lambda _: follower.look(CALM_SECONDS)))
    follower.look(0)


class _Follower:
    def __init__(self, services: Services, client: Client, menu: FrameMenu) -> None:
        self._services = services
        self._client = client
        self._menu = menu
        self._looking = False

    def look(self, seconds: float) -> None:
        """Looks after a moment; nothing where that is about to happen already."""
        if not self._looking and not self._client.is_deleted:
            self._looking = True
            _ = background_tasks.create(self._look(seconds), name="plugins in the menu")

    async def _look(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self._looking = False
        actor = actor_now(self._services, self._client)
        if actor is None:
            return
        plugins = await self._services.plugins.list(actor)
        if not self._client.is_deleted:
            self._menu.show_plugins([_entry(plugin) for plugin in plugins if plugin.enabled])


def _entry(plugin: PluginView) -> PluginEntry:
    look = LOOKS[plugin.state]
    return PluginEntry(
        path=f"/plugin/{plugin.id}",
        title=plugin.name,
        picture=plugin_picture(plugin.icon, plugin.name),
        word=is_word(plugin.icon),
        health=look.text,
        tone=look.tone,
    )
