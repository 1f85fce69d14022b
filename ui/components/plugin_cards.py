"""The cards of the plugins, one element for all of them."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal, cast

from nicegui.element import Element
from nicegui.events import GenericEventArguments

from app.core.clock import iso
from app.plugins.schemas import LicenseState, PluginState, PluginView
from ui.components.parts import PARTS
from ui.components.plugin_look import LOOKS, is_word, plugin_picture
from ui.static import static_url

Deed = Literal["enable", "disable", "restart"]
DEEDS: Final = frozenset({"enable", "disable", "restart"})
LICENSES: Final = {
    LicenseState.REQUIRED: "It needs a licence key, and none is stored.",
    LicenseState.INVALID: "The stored licence key is no good.",
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """A button of a card that was pressed."""

    plugin_id: str
    deed: Deed


class PluginCards(Element, component="plugin_cards.js", dependencies=list(PARTS)):
    """Shows plugins; `on_deed(Wanted)` when somebody presses a button of one.

    Args:
        acts: whether there are buttons.
        details: whether links lead to logs and details.
    """

    def __init__(
        self, on_deed: Callable[[Wanted], Awaitable[None] | None], *, acts: bool, details: bool = True
    ) -> None:
        super().__init__()
        self._since: dict[tuple[str, int | None], str] = {}
        self.props["plugins"] = []
        self.props["acts"] = acts
        self.props["details"] = details
        self.props["icons"] = static_url("icons.svg")

        def pressed(event: GenericEventArguments) -> Awaitable[None] | None:
            told: dict[str, Any] = event.args if isinstance(event.args, dict) else {}
            known = {plugin["id"] for plugin in self.props["plugins"]}
            if told.get("id") not in known or told.get("deed") not in DEEDS:
                return None
            return on_deed(Wanted(str(told["id"]), cast("Deed", told["deed"])))

        self.on("deed", pressed)

    def show(self, plugins: Sequence[PluginView]) -> None:
        """Shows these, as they are now."""
        since = {(plugin.id, plugin.pid): self._begin(plugin) for plugin in plugins if plugin.uptime_seconds}
        self._since = since
        shown = [_card(plugin, since.get((plugin.id, plugin.pid))) for plugin in plugins]
        if shown != self.props["plugins"]:
            self.props["plugins"] = shown
            self.update()

    def _begin(self, plugin: PluginView) -> str:
        """When its process was started, told once and the same as long as it lives."""
        began = datetime.now(UTC) - timedelta(seconds=plugin.uptime_seconds or 0)
        return self._since.get((plugin.id, plugin.pid)) or iso(began)


def _card(plugin: PluginView, since: str | None) -> dict[str, object]:
    look = LOOKS[plugin.state]
    reason = plugin.reason
    return {
        "id": plugin.id,
        "name": plugin.name,
        "version": plugin.version,
        "author": plugin.author,
        "picture": plugin_picture(plugin.icon, plugin.name),
        "word": is_word(plugin.icon),
        "description": plugin.description,
        "enabled": plugin.enabled,
        "failed": plugin.state is PluginState.GIVEN_UP,
        "busy": plugin.state is PluginState.STOPPING,
        "state": look.text,
        "tone": look.tone,
        "chip": look.icon,
        "reason": reason,
        "warning": plugin.warning,
        "license": LICENSES.get(plugin.license) if reason is None else None,
        "cpu": plugin.cpu_percent,
        "memory": plugin.memory,
        "since": since,
        "restarts": plugin.restarts,
        "requests": plugin.requests,
        "p95": plugin.p95_ms,
    }
