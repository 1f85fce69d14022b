"""The card of a plugin's licence key: what is known of the stored one, never the key, and a field for another."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from nicegui import ui

from app.core.errors import BadValue
from app.plugins.schemas import LicenceView, LicenseState
from ui.components.badge import Tone, chip
from ui.components.button import button
from ui.components.card import card
from ui.components.dialog import confirm
from ui.components.facts import code_block, facts
from ui.components.field import form, submit_button, text_field
from ui.components.text import paragraph, span
from ui.components.times import date

OnPress = Callable[[Any], Awaitable[None] | None]
MAX_KEY: Final = 4096
STATES: Final[dict[LicenseState, tuple[str, Tone, str]]] = {
    LicenseState.NONE: ("None needed", "neutral", "check"),
    LicenseState.REQUIRED: ("Missing", "warn", "triangle-alert"),
    LicenseState.STORED: ("Stored", "ok", "circle-check"),
    LicenseState.INVALID: ("No good", "bad", "circle-x"),
}


class PluginLicence:
    """The card.

    Args:
        instance_id: what keys are made for.
        on_store: when the form is sent; see `store`.
        on_remove: when the key is to go; see `may_remove`.
    """

    def __init__(self, instance_id: str, on_store: OnPress, on_remove: OnPress) -> None:
        self._on_remove = on_remove
        self._shown: object = None
        with card("Licence", icon="key-round") as made:
            with made.actions:
                self._chip = chip("…")
            self._known = ui.element("div")
            with form() as asked:
                self._field = text_field("Licence key", hint="It is never shown again.", mono=True, max_length=MAX_KEY)
                submit_button("Store")
            asked.on_submit(on_store)
            with ui.element("div").classes("t-plugin-instance"):
                span("Keys are made for this instance id:", classes="t-sub")
                code_block(instance_id, label="the instance id")

    def show(self, state: LicenseState, licence: LicenceView | None) -> None:
        """Says what is known of the stored key."""
        if (state, licence) == self._shown:
            return
        self._shown = (state, licence)
        self._chip.set(*STATES[state])
        self._known.clear()
        if licence is None:
            return
        with self._known:
            if licence.problem is not None:
                paragraph(licence.problem, classes="t-notice bad")
            facts(
                {
                    "Valid": f"until {licence.expires:%-d %B %Y} (UTC)" if licence.expires else "for ever",
                    "Stored": lambda: date(licence.stored_at),
                    "By": licence.stored_by,
                }
            )
            button("Remove the key", self._on_remove, kind="danger-plain", classes="t-below")

    async def store(self, store: Callable[[str], Awaitable[LicenceView | None]]) -> LicenceView | None:
        """Has the key in the field stored; says there what is wrong with it, and answers None then."""
        self._field.say("")
        if not self._field.value.strip():
            self._field.say("Enter a licence key.")
            return None
        try:
            view = await store(self._field.value)
        except BadValue as error:
            self._field.say(str(error))
            return None
        self._field.value = ""
        return view

    async def may_remove(self) -> bool:
        """Asks whether the key may go."""
        return await confirm(
            "Remove the licence key?",
            "The plugin is restarted without it. Everything else of the plugin stays.",
            action="Remove",
            danger=True,
        )
