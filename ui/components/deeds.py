"""Rows that each say what can be done, what it means, and have its button."""

from nicegui import ui

from ui.components.button import Kind, OnClick, button
from ui.components.text import heading, paragraph


def deeds() -> ui.element:
    """A list for `deed` rows, to be used with `with`."""
    return ui.element("div").classes("t-deeds")


def deed(title: str, hint: str, action: str, on_click: OnClick, *, kind: Kind = "plain", label: str = "") -> ui.button:
    """One row.

    Args:
        title: what it is about.
        hint: what happens.
        action: the word on the button.
        label: the button's name for screen readers, where the word alone says too little.
    """
    with ui.element("div").classes("t-deed"):
        with ui.element("div").classes("t-deed-words"):
            heading(title, 3)
            paragraph(hint, classes="t-sub")
        made = button(action, on_click, kind=kind)
    if label:
        made.props["aria-label"] = label
    return made
