"""Plugins, for `toru plugin`."""

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from app.control import Handler
from app.core.permissions import Actor
from app.operations.fields import text
from app.plugins.schemas import PluginView
from app.plugins.service import PluginsService
from app.services import Services

ARRIVAL_SECONDS = 2.0


def plugin_handlers(services: Services) -> dict[str, Handler]:
    """What `toru plugin` asks."""
    plugins, system = services.plugins, Actor.system()

    async def list_all(_: Mapping[str, Any]) -> dict[str, Any]:
        problems = [asdict(problem) for problem in plugins.problems(system)]
        return {"plugins": [_shown(plugin) for plugin in await plugins.list(system)], "problems": problems}

    async def enable(fields: Mapping[str, Any]) -> dict[str, Any]:
        plugin_id = text(fields, "plugin")
        await _arrival(plugins, plugin_id)
        return _shown(await plugins.enable(system, plugin_id))

    async def disable(fields: Mapping[str, Any]) -> dict[str, Any]:
        return _shown(await plugins.disable(system, text(fields, "plugin")))

    async def restart(fields: Mapping[str, Any]) -> dict[str, Any]:
        return _shown(await plugins.restart(system, text(fields, "plugin")))

    async def log(fields: Mapping[str, Any]) -> dict[str, Any]:
        plugin = await plugins.get(system, text(fields, "plugin"))
        return {"path": str(services.plugin_logs.path(plugin.id))}

    return {
        "plugin-list": list_all,
        "plugin-enable": enable,
        "plugin-disable": disable,
        "plugin-restart": restart,
        "plugin-log": log,
    }


async def _arrival(plugins: PluginsService, plugin_id: str) -> None:
    """Waits a moment for a plugin that is unknown: its file may have come with the command before this one."""
    news = asyncio.Event()
    end = plugins.subscribe(lambda _: news.set())
    try:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ARRIVAL_SECONDS):
                while plugin_id not in {plugin.id for plugin in await plugins.list(Actor.system())}:
                    await news.wait()
                    news.clear()
    finally:
        end()


def _shown(plugin: PluginView) -> dict[str, Any]:
    return asdict(plugin)
