"""A plugin's page inside ours: its document in a frame, and what it may ask of the page around it."""

from collections.abc import Awaitable, Callable
from typing import Any

from nicegui.element import Element

OnAsked = Callable[[Any], Awaitable[None] | None]


class PluginView(Element, component="plugin_view.js"):
    """The frame. What comes out of it is a stranger's word: the page checks it.

    Args:
        plugin_id: whose page.
        name: what the frame is called for those who do not see it.
        on_navigate: given an event whose `args` is the path that the plugin wants to be shown.
        on_toast: given an event whose `args` is `{"message", "kind"}`.
    """

    def __init__(self, plugin_id: str, name: str, on_navigate: OnAsked, on_toast: OnAsked) -> None:
        super().__init__()
        self.props["src"] = f"/plugin-frame/{plugin_id}"
        self.props["label"] = name
        self.on("navigate", on_navigate)
        self.on("toast", on_toast)
