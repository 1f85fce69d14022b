"""What stands in for content: nothing yet, loading, failed."""

from nicegui import ui

from ui.components.button import OnClick, button
from ui.components.icon import icon as draw_icon
from ui.components.text import paragraph


def empty_state(title: str, hint: str = "", *, icon: str = "inbox") -> ui.element:
    """Says that there is nothing, and what would change that; `with empty_state(…):` puts a button below."""
    with ui.element("div").classes("t-state") as made:
        with ui.element("div").classes("t-state-icon"):
            draw_icon(icon)
        paragraph(title, classes="t-state-title")
        if hint:
            paragraph(hint, classes="t-state-hint")
    return made


def loading_state(rows: int = 3) -> ui.element:
    """Grey lines where content will be; delete it when the content is there."""
    with ui.element("div").classes("t-loading").props('role=status aria-label="Loading"') as made:
        for _ in range(rows):
            ui.element("div").classes("t-skeleton")
    return made


def failed_state(message: str, retry: OnClick | None = None) -> ui.element:
    """Says what went wrong, with a button to try again (without `retry` it loads the page anew)."""
    with ui.element("div").classes("t-state bad").props("role=alert") as made:
        with ui.element("div").classes("t-state-icon"):
            draw_icon("circle-alert")
        paragraph(message, classes="t-state-title")
        button("Try again", retry or _reload, icon="rotate-cw")
    return made


def _reload(_event: object) -> None:
    ui.navigate.reload()
