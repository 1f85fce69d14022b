"""Dialogs: a question, or a form, over the page."""

from nicegui import ui

from ui.components.button import button, icon_button
from ui.components.text import heading, paragraph


class Dialog(ui.dialog):
    """A titled surface over the page; `with dialog.body:` and `with dialog.foot:` fill it, `await dialog` shows it."""

    def __init__(self, title: str, *, wide: bool = False) -> None:
        super().__init__()
        self.props["aria-label"] = title
        self.props["transition-duration"] = 150
        with self, ui.element("div").classes("t-dialog" + (" wide" if wide else "")):
            with ui.element("div").classes("t-dialog-head"):
                heading(title)
                icon_button("x", "Close", lambda _: self.submit(None))
            self.body = ui.element("div").classes("t-dialog-body")
            self.foot = ui.element("div").classes("t-dialog-foot")

    def discard(self) -> None:
        """Removes the dialog, unless its page has gone meanwhile."""
        if not self.is_deleted and not self.client.is_deleted:
            self.delete()


def dialog(title: str, *, wide: bool = False) -> Dialog:
    """A dialog; `result = await made` opens it and waits for `made.submit(result)` (None when it is closed)."""
    with ui.context.client.content:
        return Dialog(title, wide=wide)


async def confirm(title: str, text: str, *, action: str, refusal: str = "Cancel", danger: bool = False) -> bool:
    """Asks before something is done; True when the person presses the button named `action`, not `refusal`."""
    made = dialog(title)
    with made.body:
        paragraph(text)
    with made.foot:
        button(refusal, lambda _: made.submit(False), kind="plain")
        button(action, lambda _: made.submit(True), kind="danger" if danger else "primary")
    try:
        return bool(await made)
    finally:
        made.discard()
