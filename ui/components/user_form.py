"""The dialog in which an admin makes an account for a client."""

from nicegui import ui

from ui.components.button import OnClick, button
from ui.components.dialog import Dialog, dialog
from ui.components.field import form, text_field
from ui.components.new_password import NewPasswordField
from ui.components.text import paragraph


class UserForm:
    """Fields for user name, display name and first password."""

    def __init__(self) -> None:
        self._dialog: Dialog = dialog("New user")
        with self._dialog.body:
            paragraph("A client sees this machine and may run the quick actions.")
            with form() as self._form:
                self.username = text_field("User name", hint="To sign in with. It stays as it is.", max_length=200)
                self.username.input.props["autocapitalize"] = "none"
                self.display_name = text_field("Display name", hint="What pages show; may be left empty.")
                self.password = NewPasswordField()
                ui.element("button").props("type=submit").classes("hidden")  # without one, Enter sends no longer form

    def say(self, problem: str) -> None:
        """Shows what is wrong at the field that the sentence is about."""
        field = self.password if "password" in problem else self.username
        (self.display_name if "display name" in problem else field).say(problem)

    def close(self) -> None:
        """Closes the dialog."""
        self._dialog.submit(None)

    async def show(self, save: OnClick) -> None:
        """Opens the dialog until it is closed; `save` is the handler of its button and of Enter."""
        with self._dialog.foot:
            button("Cancel", lambda _: self.close())
            button("Create user", save, kind="primary")
        self._form.on_submit(save)
        try:
            await self._dialog
        finally:
            self._dialog.discard()
