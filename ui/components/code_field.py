"""The field for a code of the second factor: from the app, or one of the recovery codes."""

from ui.components.button import button
from ui.components.field import Field

APP_LABEL, APP_HINT = "Code", "The six digits that your authenticator app shows now."
RECOVERY_LABEL, RECOVERY_HINT = "Recovery code", "One of the ten that you were given; each works once."


class CodeField(Field):
    """Six digits; where a recovery code will do, too, a button below changes label and keyboard.

    Args:
        recovery: whether a recovery code will do.
    """

    def __init__(self, *, recovery: bool = True) -> None:
        props = "inputmode=numeric autocomplete=one-time-code autocapitalize=none spellcheck=false maxlength=40"
        super().__init__(APP_LABEL, "", hint=APP_HINT, props=props)
        self.classes("code")
        self._by_app = True
        if recovery:
            with self:
                self._switch = button("Use a recovery code", lambda _: self._change(), kind="quiet", classes="t-inline")
                self._switch.props("type=button")

    def _change(self) -> None:
        self._by_app = not self._by_app
        self.label = APP_LABEL if self._by_app else RECOVERY_LABEL
        self.name.set_text(self.label)
        self.help = APP_HINT if self._by_app else RECOVERY_HINT
        self.input.props["inputmode"] = "numeric" if self._by_app else "text"
        self.input.props["autocomplete"] = "one-time-code" if self._by_app else "off"
        self._switch.set_text("Use a recovery code" if self._by_app else "Use the app")
        self.value = ""
        self.say("")
        self.focus()

    def focus(self) -> None:
        """Puts the cursor into the field."""
        _ = self.input.run_method("focus")
