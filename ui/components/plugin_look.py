"""How a plugin is shown everywhere: its picture, and its state in a word, a colour and an icon."""

from dataclasses import dataclass
from typing import Final

from app.plugins.schemas import PluginState
from ui.components.badge import Tone

MAX_LETTERS: Final = 3
MAX_EMOJI: Final = 10
"""Code points of an icon that are drawn as they are: letters, and emoji, whose families and flags are long."""


@dataclass(frozen=True, slots=True)
class PluginLook:
    """How a state looks; `icon` is a name of theme/icons.py, or "dot" for a pulsing point."""

    text: str
    tone: Tone
    icon: str


LOOKS: Final[dict[PluginState, PluginLook]] = {
    PluginState.DISABLED: PluginLook("Disabled", "neutral", "ban"),
    PluginState.STARTING: PluginLook("Starting", "info", "dot"),
    PluginState.READY: PluginLook("Healthy", "ok", "circle-check"),
    PluginState.UNHEALTHY: PluginLook("Unhealthy", "warn", "triangle-alert"),
    PluginState.WAITING: PluginLook("Crashed", "warn", "hourglass"),
    PluginState.STOPPING: PluginLook("Stopping", "info", "dot"),
    PluginState.GIVEN_UP: PluginLook("Failed", "bad", "circle-x"),
}


def is_word(icon: str) -> bool:
    """Whether the icon is letters, which need more room than an emoji."""
    return len(icon.strip()) != 1 and icon.isascii()


def plugin_picture(icon: str, name: str) -> str:
    """What stands in a plugin's tile: its icon, or where that is a word, the first letters of it or of its name."""
    icon = icon.strip()
    if not icon:
        return name.strip()[:2]
    if icon.isascii():
        return icon if len(icon) <= MAX_LETTERS else icon[:2]
    return icon if len(icon) <= MAX_EMOJI else icon[:2]
