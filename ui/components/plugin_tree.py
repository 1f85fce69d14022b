"""The page of a plugin as a tree of our components; the browser follows and draws it, nothing of it passes NiceGUI."""

from collections.abc import Mapping
from typing import Any, Final

from nicegui import ui
from nicegui.element import Element

from theme.charts import plugin_chart_options
from ui.components.parts import END_FOLLOWING, FOLDER, PARTS
from ui.static import static_url

DRAWING_LIBRARY: Final = ui.echart
"""Named, so that its JavaScript is at hand in every page; a browser fetches it with the first chart."""

_DRAWN_WITH: Final = [FOLDER / f"{name}.js" for name in ("card_surface", "data_table", "native_select")]

Node = Mapping[str, Any]


class PluginTree(
    Element,
    component="plugin_tree.js",
    dependencies=[*PARTS, END_FOLLOWING, *_DRAWN_WITH, *sorted((FOLDER / "tree").glob("*.js"))],
):
    """A plugin's page.

    Args:
        plugin_id: whose page; the browser opens `/api/plugins/{plugin_id}/page`.
        name: what the plugin is called.
        still: a tree that is shown instead, by no plugin.
        replies: what is answered to the nodes of such a tree, by id; None for no answer.
    """

    def __init__(
        self, plugin_id: str, name: str, *, still: Node | None = None, replies: Mapping[str, Node | None] | None = None
    ) -> None:
        super().__init__()
        self.props["plugin"] = plugin_id
        self.props["label"] = name
        self.props["icons"] = static_url("icons.svg")
        self.props["look"] = plugin_chart_options()
        if still is not None:
            self.props["still"] = dict(still)
            self.props["replies"] = dict(replies or {})
