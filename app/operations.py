"""What commands of `toru` may ask of the running core over its control socket."""

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from app.audit.schemas import ExportFormat, Mark
from app.audit.service import AuditService
from app.control import Handler
from app.core.errors import Malformed
from app.core.permissions import Actor
from app.plugins.schemas import PluginView
from app.plugins.service import PluginsService
from app.services import Services
from app.version import VERSION

ARRIVAL_SECONDS = 2.0


def control_handlers(services: Services) -> dict[str, Handler]:
    """Every command by name; whoever may open the socket owns the machine, so they act as the system."""

    async def user_add(fields: Mapping[str, Any]) -> dict[str, Any]:
        shown = _text(fields, "display_name") if fields.get("display_name") is not None else None
        user = await services.users.create(Actor.system(), _text(fields, "username"), _text(fields, "password"), shown)
        return asdict(user)

    async def remove_second_factor(fields: Mapping[str, Any]) -> str:
        user = await services.second_factor.remove_named(Actor.system(), _text(fields, "username"))
        return user.username

    async def version(_: Mapping[str, Any]) -> str:
        return VERSION

    return {
        "version": version,
        "user-add": user_add,
        "user-remove-second-factor": remove_second_factor,
        **audit_handlers(services.audit),
        **_plugin_handlers(services),
    }


def audit_handlers(audit: AuditService) -> dict[str, Handler]:
    """Of the audit, in pieces that are short enough for one answer each."""
    system = Actor.system()

    async def verify(fields: Mapping[str, Any]) -> dict[str, Any]:
        begun = "number" in fields
        after = Mark(_number(fields, "number"), _text(fields, "hash")) if begun else None
        return asdict(await audit.verify_piece(system, after))

    async def verify_log(_: Mapping[str, Any]) -> dict[str, Any] | None:
        problem = await audit.verify_log(system)
        return None if problem is None else asdict(problem)

    async def find(fields: Mapping[str, Any]) -> int | None:
        return await audit.number_of(system, _text(fields, "hash"))

    async def export(fields: Mapping[str, Any]) -> dict[str, Any]:
        until = _number(fields, "until") if "until" in fields else None
        form = ExportFormat.CSV if fields.get("format") == ExportFormat.CSV.value else ExportFormat.JSONL
        return asdict(await audit.export_piece(system, None, form, _number(fields, "after"), until))

    return {"audit-verify": verify, "audit-verify-log": verify_log, "audit-find": find, "audit-export": export}


def _plugin_handlers(services: Services) -> dict[str, Handler]:
    plugins, system = services.plugins, Actor.system()

    async def list_all(_: Mapping[str, Any]) -> dict[str, Any]:
        problems = [asdict(problem) for problem in plugins.problems(system)]
        return {"plugins": [_shown(plugin) for plugin in await plugins.list(system)], "problems": problems}

    async def enable(fields: Mapping[str, Any]) -> dict[str, Any]:
        plugin_id = _text(fields, "plugin")
        await _arrival(plugins, plugin_id)
        return _shown(await plugins.enable(system, plugin_id))

    async def disable(fields: Mapping[str, Any]) -> dict[str, Any]:
        return _shown(await plugins.disable(system, _text(fields, "plugin")))

    async def restart(fields: Mapping[str, Any]) -> dict[str, Any]:
        return _shown(await plugins.restart(system, _text(fields, "plugin")))

    async def log(fields: Mapping[str, Any]) -> dict[str, Any]:
        plugin = await plugins.get(system, _text(fields, "plugin"))
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


def _number(fields: Mapping[str, Any], name: str) -> int:
    value = fields.get(name)
    if not isinstance(value, int):
        raise Malformed(f"{name} must be a number.")
    return value


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str):
        raise Malformed(f"{name} must be text.")
    return value
