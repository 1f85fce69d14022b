"""One's own second factor: set up with a phone, proved, renewed, removed."""

from nicegui import ui

from app.core.errors import BadValue, NotSignedIn
from app.core.permissions import Actor
from app.second_factor.schemas import Enrolment, FactorState
from app.services import Services
from ui.account.recovery_codes import show_recovery_codes
from ui.account.section import Section
from ui.components.badge import chip
from ui.components.button import button
from ui.components.card import card
from ui.components.code_field import CodeField
from ui.components.deeds import deed, deeds
from ui.components.dialog import Dialog, confirm, dialog
from ui.components.facts import code_block, facts
from ui.components.field import Form, form, password_field
from ui.components.qr import qr
from ui.components.text import paragraph
from ui.components.times import date
from ui.feedback import toast
from ui.session import acting

FEW = 3
"""So few recovery codes left call for new ones."""


class SecondFactor(Section):
    """The card."""

    def __init__(self, services: Services) -> None:
        self._state: FactorState | None = None
        with card("Second factor", "A code from your phone, besides the password.", icon="shield-check") as frame:
            pass
        super().__init__(services, frame)

    async def fetch(self, actor: Actor) -> None:
        """How it stands."""
        self._state = await self.services.second_factor.state(actor)

    def draw(self) -> None:
        """What is, and what can be done."""
        if self._state is None:
            return
        if self._state.enabled:
            self._draw_on(self._state)
        else:
            self._draw_off()

    def _draw_off(self) -> None:
        paragraph(
            "Whoever learns your password cannot sign in without your phone. Any authenticator app will do; "
            "nothing leaves this server."
        )
        button("Set up", acting(self.services, self._set_up), kind="primary", icon="smartphone", classes="t-below")

    def _draw_on(self, state: FactorState) -> None:
        few = state.recovery_left <= FEW
        left = f"{state.recovery_left} of 10 left" if state.recovery_left else "None left"
        facts(
            {
                "State": lambda: chip("On", "ok", icon="shield-check"),
                "Since": (lambda: date(state.created_at)) if state.created_at else None,
                "Recovery codes": lambda: chip(left, "warn" if few else "neutral"),
            }
        )
        without = (
            "Only to set up another: this server asks for one."
            if state.required
            else "Signing in then takes the password alone."
        )
        with deeds():
            deed(
                "New recovery codes",
                "For when the phone is lost. The old ones stop working.",
                "Renew",
                acting(self.services, self._renew),
                label="Make new recovery codes",
            )
            deed(
                "Remove",
                without,
                "Remove",
                acting(self.services, self._remove),
                kind="danger-plain",
                label="Remove the second factor",
            )

    async def _set_up(self, _: Actor) -> None:
        enrolment = await self._begin()
        if enrolment is None:
            return
        made = dialog("Set up a second factor")
        asked, field = _steps(made, enrolment)

        async def confirm_code(actor: Actor) -> None:
            try:
                made.submit(await self.services.second_factor.confirm(actor, field.value))
            except BadValue as error:
                field.say(str(error))
                field.focus()

        asked.on_submit(acting(self.services, confirm_code))
        with made.foot:
            button("Cancel", lambda _: made.submit(None))
            button("Confirm", acting(self.services, confirm_code), kind="primary")
        try:
            codes: list[str] | None = await made
        finally:
            made.discard()
        if codes is not None:
            await show_recovery_codes(codes, "The second factor is on")
            ui.navigate.reload()  # what was out of reach until now, the menu above all, is there again

    async def _begin(self) -> Enrolment | None:
        """Asks for the password first; None when that is cancelled."""
        made = dialog("Set up a second factor")
        with made.body, form() as asked:
            paragraph("First your password: a browser that was left open must not be enough.")
            password = password_field("Current password")

        async def begin(actor: Actor) -> None:
            password.say("")
            try:
                made.submit(await self.services.second_factor.begin(actor, password.value))
            except NotSignedIn as error:
                password.say(str(error))

        asked.on_submit(acting(self.services, begin))
        with made.foot:
            button("Cancel", lambda _: made.submit(None))
            button("Continue", acting(self.services, begin), kind="primary")
        try:
            enrolment: Enrolment | None = await made
        finally:
            made.discard()
        return enrolment

    async def _renew(self, actor: Actor) -> None:
        codes = await self.services.second_factor.renew_recovery(actor)
        await show_recovery_codes(codes, "New recovery codes")
        await self.load(actor)

    async def _remove(self, actor: Actor) -> None:
        async def remove(actor: Actor) -> None:
            await self.services.second_factor.remove(actor)
            toast("The second factor is off.", "info")
            await self.load(actor)

        text = "Signing in then takes the password alone, and the recovery codes are void."
        if await confirm("Remove the second factor?", text, action="Remove", danger=True):
            await acting(self.services, remove)()


def _steps(made: Dialog, enrolment: Enrolment) -> tuple[Form, CodeField]:
    with made.body:
        paragraph("1. Scan this with an authenticator app, or type the key into it.")
        qr(enrolment.svg, "The key as a QR code. It is written below, too.")
        code_block(enrolment.secret, label="the key")
        paragraph("2. Enter the code that the app shows.")
        with form() as asked:
            field = CodeField(recovery=False)
    return asked, field
