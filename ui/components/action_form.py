"""The dialog in which an admin makes or changes a quick action."""

from collections.abc import Sequence

from ui.components.action_icon import IconPicker
from ui.components.button import OnClick, button
from ui.components.check_list import CheckList, Option
from ui.components.dialog import Dialog, dialog
from ui.components.field import select_field, text_field
from ui.components.text import paragraph

DANGEROUS = Option(
    "dangerous", "Dangerous", "It asks before it runs, and whoever has a second factor confirms with a code."
)


class ActionForm:
    """Fields for name, script and icon, and whether it is dangerous.

    Args:
        scripts: file names to choose from.
        name, script, icon, dangerous: what the action has so far; a script that is gone stays choosable.
    """

    def __init__(
        self,
        title: str,
        scripts: Sequence[str],
        name: str = "",
        script: str = "",
        icon: str | None = None,
        *,
        dangerous: bool = False,
    ) -> None:
        self._dialog: Dialog = dialog(title, wide=True)
        options = {file: file for file in scripts}
        if script and script not in options:
            options = {script: f"{script} (not in the scripts folder)"} | options
        with self._dialog.body:
            paragraph("Everybody who is signed in may run it, without arguments.")
            self._name = text_field("Name", name, placeholder="Restart the web server", max_length=100)
            self._script = select_field("Script", options, script or next(iter(options), ""))
            self._icon = IconPicker(icon)
            self._care = CheckList("Care", [DANGEROUS], [DANGEROUS.key] if dangerous else [])

    @property
    def name(self) -> str:
        """As typed."""
        return self._name.value

    @property
    def script(self) -> str:
        """File name of the chosen script."""
        return self._script.value

    @property
    def icon(self) -> str:
        """Name of the chosen icon."""
        return self._icon.value

    @property
    def dangerous(self) -> bool:
        """Whether the box is ticked."""
        return bool(self._care.value)

    def close(self) -> None:
        """Closes the dialog."""
        self._dialog.submit(None)

    async def show(self, save_label: str, save: OnClick) -> None:
        """Opens the dialog until it is closed; `save` is the handler of its button."""
        with self._dialog.foot:
            button("Cancel", lambda _: self.close())
            button(save_label, save, kind="primary")
        try:
            await self._dialog
        finally:
            self._dialog.discard()
