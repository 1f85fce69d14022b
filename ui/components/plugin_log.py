"""A plugin's log: the browser reads its pages and follows its stream, the server keeps nothing for it."""

from nicegui.element import Element

from ui.components.parts import END_FOLLOWING, PARTS
from ui.static import static_url


class PluginLog(Element, component="plugin_log.js", dependencies=[*PARTS, END_FOLLOWING]):
    """Level, search, the lines, and new ones as they come."""

    def __init__(self, plugin_id: str) -> None:
        super().__init__()
        self.props["plugin"] = plugin_id
        self.props["icons"] = static_url("icons.svg")
