"""Facts in rows of name and value, and pieces of code."""

from collections.abc import Callable, Mapping

from nicegui import ui

from ui.components.button import icon_button
from ui.components.text import Text

Value = str | Callable[[], object] | None


def facts(values: Mapping[str, Value], *, classes: str = "") -> ui.element:
    """Names and values.

    Args:
        values: text, or a function that draws the value (`lambda: ago(moment)`). What is None is left out: a machine
            that lacks something does not show it.
    """
    with ui.element("dl").classes(f"t-facts {classes}") as made:
        for name, value in values.items():
            if value is not None:
                with ui.element("div"):
                    Text(name, "dt")
                    _draw(value)
    return made


def _draw(value: str | Callable[[], object]) -> None:
    if isinstance(value, str):
        Text(value, "dd")
        return
    with ui.element("dd"):
        value()


def fact(name: str, value: str) -> Text:
    """One row more for a `with facts(…)`; returns the value, whose text may change."""
    with ui.element("div"):
        Text(name, "dt")
        return Text(value, "dd")


def code_block(code: str, *, label: str) -> ui.element:
    """Code with a button that copies it."""
    with ui.element("div").classes("t-code") as made:
        Text(code, "code")
        copy = icon_button("copy", f"Copy {label}")
        copy.props["data-copy"] = code
    return made
