"""What a person is told about an action: toasts, and the one place where pages turn errors into sentences."""

import logging
from typing import Final, Literal

from nicegui import ui

from app.core.errors import ToruError
from ui.components.icon import icon_source

log = logging.getLogger(__name__)

Kind = Literal["ok", "info", "warn", "bad"]
UNEXPECTED: Final = "Something went wrong here. The log says more."
_ICONS: Final[dict[Kind, str]] = {
    "ok": "circle-check",
    "info": "info",
    "warn": "triangle-alert",
    "bad": "circle-alert",
}


def toast(message: str, kind: Kind = "ok") -> None:
    """Shows a sentence for a moment; errors stay longer and can be closed."""
    ui.notify(
        message,
        position="top",
        timeout=8000 if kind in ("bad", "warn") else 3500,
        color="toast",
        textColor="toast",
        icon=icon_source(_ICONS[kind]),
        classes=f"t-toast {kind}",
        progress=False,
        attrs={"role": "alert" if kind == "bad" else "status"},
        actions=[{"icon": icon_source("x"), "round": True, "flat": True, "color": "toast", "aria-label": "Close"}],
    )


def sentence(error: Exception) -> str:
    """What to tell a person about an error; what nobody foresaw is logged and not shown."""
    if isinstance(error, ToruError):
        return str(error)
    log.error("a page failed", exc_info=error, extra={"event": "page_failed"})
    return UNEXPECTED


def show_error(error: Exception) -> None:
    """Tells a person that an action did not work."""
    toast(sentence(error), "bad")
