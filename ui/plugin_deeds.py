"""What pages do with plugins at the press of a button, and how they keep figures true."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from nicegui import Client

from app.core.permissions import Actor
from app.services import Services
from ui.components.plugin_cards import Wanted
from ui.feedback import toast
from ui.session import actor_now

FIGURES_SECONDS: Final = 2.0
DONE: Final = {"enable": "{} is enabled.", "disable": "{} is disabled.", "restart": "{} is being restarted."}


async def do_with_plugin(services: Services, actor: Actor, wanted: Wanted) -> None:
    """Does it and says so. Raises as the service's method of the same name."""
    plugins = services.plugins
    deed = {"enable": plugins.enable, "disable": plugins.disable, "restart": plugins.restart}[wanted.deed]
    plugin = await deed(actor, wanted.plugin_id)
    toast(DONE[wanted.deed].format(plugin.name))


async def keep_figures(services: Services, client: Client, load: Callable[[Actor], Awaitable[None]]) -> None:
    """Calls `load(actor)` every two seconds while somebody looks, for figures change without anybody telling."""
    while True:
        await asyncio.sleep(FIGURES_SECONDS)
        actor = actor_now(services, client)
        if actor is not None and client.has_socket_connection:
            await load(actor)
