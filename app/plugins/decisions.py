"""What was decided about plugins, and that it is kept: in the plugins folder, in the audit and in the logs."""

import asyncio
import logging

from app.audit.trail import AuditTrail, Outcome
from app.core.errors import Unavailable
from app.core.permissions import Actor
from app.plugins.enabled import Choice, EnabledPlugins
from app.plugins.logs import PluginLogs

log = logging.getLogger(__name__)


class Decisions:
    """Keeps them.

    Args:
        enabled: the file that says which plugins are enabled.
    """

    def __init__(self, enabled: EnabledPlugins, trail: AuditTrail, logs: PluginLogs) -> None:
        self._enabled = enabled
        self._trail = trail
        self._logs = logs
        self._writing = asyncio.Lock()

    async def load(self) -> None:
        """Reads what others may have written."""
        async with self._writing:
            await asyncio.to_thread(self._enabled.load)

    def is_enabled(self, plugin_id: str) -> bool | None:
        """What was decided, None when nobody has yet."""
        return self._enabled.is_enabled(plugin_id)

    def reason(self, plugin_id: str) -> str | None:
        """Why the core itself disabled it, None when it did not."""
        return self._enabled.reason(plugin_id)

    @property
    def choice(self) -> Choice:
        """Which files were meant."""
        return self._enabled.choice

    async def remember(self, plugin_id: str, file: str) -> None:
        """That this file runs as an enabled plugin, where the one that was meant is unknown or gone."""
        if self.choice.files.get(plugin_id) == file:
            return
        try:
            async with self._writing:
                await asyncio.to_thread(self._enabled.remember, plugin_id, file)
        except OSError as error:
            log.warning("it is not kept which file plugin %s is: %s", plugin_id, error)

    async def enable(self, actor: Actor, plugin_id: str, file: str) -> None:
        """Keeps the name of the file that is meant, too. Raises Unavailable when it cannot be kept."""
        await self._decide(actor, plugin_id, True, file)

    async def disable(self, actor: Actor, plugin_id: str) -> None:
        """Raises Unavailable when it cannot be kept."""
        await self._decide(actor, plugin_id, False)

    async def restart(self, actor: Actor, plugin_id: str) -> None:
        """That somebody had it restarted. Raises Unavailable."""
        await self._trail.record(actor, "plugin.restarted", plugin_id)
        self._tell(plugin_id, "plugin_restarted", actor)

    async def give_up(self, plugin_id: str, reason: str) -> None:
        """That the core disabled it. What cannot be kept is told in the log only."""
        try:
            await self._write(plugin_id, False, reason)
        except Unavailable as error:
            log.warning("it is not kept that plugin %s is disabled: %s", plugin_id, error)
        await self._trail.try_record(Actor.system(), "plugin.failed", plugin_id, detail={"reason": reason})

    async def _decide(self, actor: Actor, plugin_id: str, enabled: bool, file: str | None = None) -> None:
        what = "plugin.enabled" if enabled else "plugin.disabled"
        await self._trail.record(actor, what, plugin_id)
        try:
            await self._write(plugin_id, enabled, file=file)
        except Unavailable as error:
            await self._trail.try_record(actor, what, plugin_id, Outcome.FAILED, {"reason": str(error)})
            raise
        self._tell(plugin_id, "plugin_enabled" if enabled else "plugin_disabled", actor)

    def _tell(self, plugin_id: str, event: str, actor: Actor) -> None:
        word = event.removeprefix("plugin_")
        log.info("plugin %s %s", plugin_id, word, extra={"event": event, "by": actor.username})
        sentence = f"{word.capitalize()} by {actor.username}."
        self._logs.supervisor_event("info", sentence, event=event, plugin=plugin_id)

    async def _write(self, plugin_id: str, enabled: bool, reason: str | None = None, file: str | None = None) -> None:
        try:
            async with self._writing:
                await asyncio.to_thread(self._enabled.put, plugin_id, enabled, reason, file)
        except OSError as error:
            raise Unavailable(f"The plugins folder cannot be written: {error.strerror}.") from None
