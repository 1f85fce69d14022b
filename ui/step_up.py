"""Asking a person for the second factor once more, before something dangerous is done."""

from collections.abc import Callable

from nicegui import ui

from app.core.errors import ToruError
from app.core.permissions import Actor
from app.services import Services
from ui.components.button import button
from ui.components.code_field import CodeField
from ui.components.dialog import Dialog, dialog
from ui.components.field import form
from ui.components.text import paragraph


async def step_up(services: Services, who: Callable[[], Actor | None]) -> bool:
    """Shows a dialog until the code is right or it is closed.

    Args:
        who: who acts now; None when the session has ended.

    Returns:
        Whether the session has proved the second factor.
    """
    made = dialog("Confirm that it is you")
    with made.body:
        paragraph("What you asked for needs your second factor. It then holds for ten minutes.")
        with form() as asked:
            field = CodeField()
    with made.foot:
        button("Cancel", lambda _: made.submit(False))
        send = button("Confirm", kind="primary")

    async def prove(_event: object = None) -> None:
        await _prove(services, who(), field, made)

    asked.on_submit(prove)
    send.on_click(prove)
    _ = made.on("show", field.focus)
    try:
        return bool(await made)
    finally:
        made.discard()


async def _prove(services: Services, actor: Actor | None, field: CodeField, made: Dialog) -> None:
    if actor is None:
        made.submit(False)
        return
    if not field.value.strip():
        field.say("Enter a code.")
        field.focus()
        return
    try:
        await services.second_factor.step_up(actor, field.value)
    except ToruError as error:
        if not ui.context.client.is_deleted:
            field.say(str(error))
            field.focus()
    else:
        made.submit(True)
