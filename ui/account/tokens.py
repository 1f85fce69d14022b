"""One's own API tokens: made for a purpose, shown once, revoked at once."""

from collections.abc import Sequence
from typing import Final

from nicegui import ui

from app.actions.schemas import ActionView
from app.core.errors import BadValue
from app.core.permissions import ADMIN, READ, RUN, Actor
from app.services import Services
from app.tokens.schemas import NewToken, TokenView
from ui.account.section import Section
from ui.components.button import button
from ui.components.card import card
from ui.components.check_list import CheckList, Option
from ui.components.dialog import confirm, dialog
from ui.components.facts import code_block
from ui.components.field import form, select_field, text_field
from ui.components.icon import icon
from ui.components.states import empty_state
from ui.components.table import Pressed
from ui.components.text import paragraph, span
from ui.components.token_table import token_table
from ui.feedback import toast
from ui.session import acting, acting_on

NEVER: Final = "0"
EXPIRIES: Final = {"7": "In a week", "30": "In 30 days", "90": "In 90 days", "365": "In a year", NEVER: "Never"}


class Tokens(Section):
    """The card."""

    def __init__(self, services: Services) -> None:
        self._tokens: Sequence[TokenView] = ()
        self._actions: Sequence[ActionView] = ()
        about = "For scripts and other machines."
        with card("API tokens", about, icon="square-terminal", classes="flush") as frame, frame.actions:
            button("New token", acting(services, self._make), icon="plus")
        super().__init__(services, frame)

    async def fetch(self, actor: Actor) -> None:
        """The tokens, and the names of what they may run."""
        self._actions = await self.services.actions.list(actor)
        self._tokens = await self.services.tokens.list(actor)

    def draw(self) -> None:
        """One row each."""
        if not self._tokens:
            empty_state("No tokens yet", "One lets a script or a machine act in your name.", icon="square-terminal")
            return
        names = {action.id: action.name for action in self._actions}
        token_table(self._tokens, names, on_action=acting_on(self.services, self._revoke))

    async def _make(self, actor: Actor) -> None:
        actions = await self.services.actions.list(actor)
        made = dialog("New API token")
        with made.body, form() as asked:
            name = text_field("Name", hint="What it is for.", placeholder="Backup on the NAS", max_length=100)
            scopes = CheckList("It may", _options(actor, actions), [READ])
            expiry = select_field("It expires", EXPIRIES, "90")

        async def create(actor: Actor) -> None:
            name.say("")
            scopes.say("")
            days = None if expiry.value == NEVER else int(expiry.value)
            try:
                token = await self.services.tokens.create(actor, name.value, _chosen(scopes), days)
            except BadValue as error:
                (name.say if "name" in str(error) else scopes.say)(str(error))
                return
            made.submit(token)

        asked.on_submit(acting(self.services, create))
        with made.foot:
            button("Cancel", lambda _: made.submit(None))
            button("Make token", acting(self.services, create), kind="primary")
        try:
            token: NewToken | None = await made
        finally:
            made.discard()
        if token is not None:
            await _show_once(token)
            await self.load(actor)

    async def _revoke(self, _: Actor, pressed: Pressed) -> None:
        token = next(token for token in self._tokens if token.id == pressed.row)

        async def revoke(actor: Actor) -> None:
            await self.services.tokens.revoke(actor, token.id)
            toast(f"{token.name} is revoked.")
            await self.load(actor)

        text = f"Whatever uses “{token.name}” is locked out at once, and stays so."
        if await confirm("Revoke this token?", text, action="Revoke", danger=True):
            await acting(self.services, revoke)()


def _options(actor: Actor, actions: Sequence[ActionView]) -> list[Option]:
    found = [Option(READ, "Read", "See what you see: figures, runs and their output.")]
    found += [Option(RUN + action.id, f"Run “{action.name}”") for action in actions]
    if actor.is_admin:
        found.append(Option(ADMIN, "Everything", "All that an administrator may do.", covers_all=True))
    return found


def _chosen(scopes: CheckList) -> list[str]:
    return [ADMIN] if ADMIN in scopes.value else scopes.value


async def _show_once(token: NewToken) -> None:
    made = dialog("Copy the token now", closable=False)
    with made.body:
        with ui.element("div").classes("t-notice warn"):
            icon("triangle-alert")
            span("It is shown this once. Toru keeps only a fingerprint of it.")
        code_block(token.token, label="the token")
        paragraph("Each request sends it as the header “Authorization: Bearer …”.", classes="t-sub")
    with made.foot:
        button("Done", lambda _: made.submit(True), kind="primary")
    try:
        await made
    finally:
        made.discard()
