"""The field for a password that somebody sets for somebody else: it can be shown, and one can be suggested."""

import secrets
from typing import Final

from app.core.passwords import RULE
from ui.components.button import button, icon_button
from ui.components.field import Field
from ui.components.icon import icon_source

# Without what is read wrongly when it is told on the telephone: l and I, O and 0.
_LOWER: Final = "abcdefghijkmnpqrstuvwxyz"
_UPPER: Final = _LOWER.upper()
_DIGITS: Final = "23456789"
_GROUPS, _GROUP = 4, 5


class NewPasswordField(Field):
    """A password with an eye to show it and a button that fills in a good one."""

    def __init__(self, label: str = "Password", *, hint: str = RULE) -> None:
        super().__init__(label, "", hint=hint, props="type=password autocomplete=new-password maxlength=1000")
        with self.input.add_slot("append"):
            self._eye = icon_button("eye", "Show password", lambda _: self.show(not self._shown)).mark("show-password")
        self._shown = False
        with self:
            button("Suggest one", lambda _: self._suggest(), kind="quiet", classes="t-inline").props("type=button")

    def show(self, shown: bool) -> None:
        """Shows what is typed, or hides it."""
        self._shown = shown
        self.input.props["type"] = "text" if shown else "password"
        self.input.update()
        self._eye.props["icon"] = icon_source("eye-off" if shown else "eye")
        self._eye.props["aria-pressed"] = "true" if shown else "false"
        self._eye.update()

    def _suggest(self) -> None:
        self.value = suggestion()
        self.say("")
        self.show(True)


def suggestion() -> str:
    """A password that keeps the rule: four groups of five, some 100 bits, easy to read out."""
    groups = ["".join(secrets.choice(_LOWER + _DIGITS) for _ in range(_GROUP - 1)) for _ in range(_GROUPS)]
    groups = [secrets.choice(_UPPER) + group for group in groups]
    groups[0] = groups[0][:-1] + secrets.choice(_DIGITS)
    groups[1] = groups[1][:-1] + secrets.choice(_LOWER)
    return "-".join(groups)
