"""The scripts of the folder as a list: name, what it is for, size and age, and what can be done with it."""

from collections.abc import Sequence
from dataclasses import asdict

from nicegui.element import Element

from app.runs.schemas import ScriptView
from ui.components.button import OnClick
from ui.static import static_url


class ScriptList(Element, component="script_list.js", dependencies=["toru_figures.js"]):
    """One element for the whole list.

    Args:
        scripts: from top to bottom.
        on_run: called with an event whose `args` is the name of the script to start as it is.
        on_choose: the same for one that somebody wants to start with arguments.
    """

    def __init__(self, scripts: Sequence[ScriptView], *, on_run: OnClick, on_choose: OnClick) -> None:
        super().__init__()
        self.props["scripts"] = [asdict(script) for script in scripts]
        self.props["icons"] = static_url("icons.svg")
        self.on("run", on_run)
        self.on("choose", on_choose)
