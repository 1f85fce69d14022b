"""Recovery codes, shown once: to be copied, downloaded, or written down."""

from collections.abc import Sequence

from nicegui import ui

from ui.components.button import button
from ui.components.dialog import dialog
from ui.components.text import Text, paragraph

FILE = "toru-recovery-codes.txt"


async def show_recovery_codes(codes: Sequence[str], title: str) -> None:
    """Shows the codes until the person says that it has them."""
    text = "\n".join(codes) + "\n"
    made = dialog(title, closable=False)
    with made.body:
        paragraph(
            "Keep these recovery codes where your phone is not. Each lets you in once without it. "
            "They are shown this once."
        )
        with ui.element("ul").classes("t-codes").props('aria-label="Recovery codes"'):
            for code in codes:
                Text(code, "li")
        with ui.element("div").classes("t-row"):
            copy = button("Copy", icon="copy", classes="t-copy")
            copy.props["data-copy"] = text
            button("Download", lambda _: ui.download.content(text.encode(), FILE, "text/plain"), icon="download")
    with made.foot:
        button("I have kept them", lambda _: made.submit(True), kind="primary")
    try:
        await made
    finally:
        made.discard()
