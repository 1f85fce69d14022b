"""Dialogs: a question, or a form, over the page."""

from nicegui import ui

from ui.components.button import button, icon_button
from ui.components.text import heading, paragraph


class Dialog(ui.dialog):
    """A titled surface over the page; `with dialog.body:` and `with dialog.foot:` fill it, `await dialog` shows it."""

    def __init__(self, title: str, *, wide: bool, closable: bool) -> None:
        super().__init__()
        self.props["persistent"] = not closable
        self.props["aria-label"] = title
        self.props["transition-duration"] = 150
        with self, ui.element("div").classes("t-dialog" + (" wide" if wide else "")):
            with ui.element("div").classes("t-dialog-head"):
                heading(title)
                if closable:
                    icon_button("x", "Close", lambda _: self.submit(None))
            self.body = ui.element("div").classes("t-dialog-body")
            self.foot = ui.element("div").classes("t-dialog-foot")

    def discard(self) -> None:
        """Removes the dialog, unless its page has gone meanwhile."""
        if not self.is_deleted and not self.client.is_deleted:
            self.delete()


def dialog(title: str, *, wide: bool = False, closable: bool = True) -> Dialog:
    """A dialog; `result = await made` opens it and waits for `made.submit(result)` (None when it is closed).

    One that is not `closable` goes only by its own buttons: for what is shown once.
    """
    with ui.context.client.content:
        return Dialog(title, wide=wide, closable=closable)


async def confirm(title: str, text: str, *, action: str, refusal: str = "Cancel", danger: bool = False) -> bool:
    """Asks before something is done; True when the person presses the button named `action`, not `refusal`."""
    made = dialog(title)
    with made.body:
        paragraph(text)
    with made.foot:
        button(refusal, lambda _: made.submit(False), kind="plain")
        button(action, lambda _: made.submit(True), kind="danger" if danger else "primary").mark("confirm")
    try:
        return bool(await made)
    finally:
        made.discard()


async def confirm_dangerous(name: str) -> bool:
    """Asks before something is run that an admin marked as dangerous."""
    text = "It is marked as dangerous. Take a moment to be sure."
    return await confirm(f"Run “{name}”?", text, action="Run", danger=True)
