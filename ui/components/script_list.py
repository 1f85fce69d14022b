"""The scripts of the folder as a list: name, what it is for, size and age, and what can be done with it."""

from collections.abc import Collection, Sequence
from dataclasses import asdict

from nicegui.element import Element

from app.runs.schemas import ScriptView
from ui.components.button import OnClick
from ui.static import static_url


class ScriptList(Element, component="script_list.js", dependencies=["toru_figures.js"]):
    """One element for the whole list.

    Args:
        scripts: from top to bottom.
        dangerous: the names of those that a dangerous quick action runs.
        on_run: called with an event whose `args` is the name of the script to start as it is.
        on_choose: the same for one that somebody wants to start with arguments.
    """

    def __init__(
        self, scripts: Sequence[ScriptView], *, dangerous: Collection[str], on_run: OnClick, on_choose: OnClick
    ) -> None:
        super().__init__()
        self.props["icons"] = static_url("icons.svg")
        self.set_scripts(scripts, dangerous)
        self.on("run", on_run)
        self.on("choose", on_choose)

    def set_scripts(self, scripts: Sequence[ScriptView], dangerous: Collection[str]) -> None:
        """Lists these scripts; a row that stays is the same to a finger that is about to press it."""
        self.props["scripts"] = [{**asdict(script), "dangerous": script.name in dangerous} for script in scripts]
        self.update()
