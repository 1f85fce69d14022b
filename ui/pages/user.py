"""One client's account: what it is called, whether it may sign in, and what keeps others out of it."""

from collections.abc import Sequence

from nicegui import ui

from app.core.errors import BadValue
from app.core.permissions import Actor
from app.services import Services
from app.tokens.schemas import TokenView
from app.users.schemas import UserView
from ui.components.badge import chip
from ui.components.card import card, grid
from ui.components.deeds import deed, deeds
from ui.components.dialog import confirm
from ui.components.facts import facts
from ui.components.field import form, submit_button, text_field
from ui.components.new_password import NewPasswordField
from ui.components.states import loading_state
from ui.components.times import date
from ui.components.token_table import token_table
from ui.feedback import toast
from ui.layout import set_title
from ui.page import Page
from ui.session import acting, acting_on

PAGE = Page(path="/users/{user_id}", title="User", icon="user-round", parent="/users")


async def build(services: Services, actor: Actor, user_id: str) -> None:
    """Draws the page."""
    await UserPage(services, user_id).load(actor)


class UserPage:
    """The cards of one account; each change draws them anew."""

    def __init__(self, services: Services, user_id: str) -> None:
        self._services = services
        self._id = user_id
        self._place = ui.element("div")
        with self._place, card():
            loading_state()

    async def load(self, actor: Actor) -> None:
        """Looks how the account is now."""
        user = await self._services.users.get(actor, self._id)
        everyones = await self._services.tokens.list(actor, everyone=True)
        tokens = [token for token in everyones if token.user_id == self._id]
        protected = self._id in self._services.second_factor.client_ids(actor)
        names = {action.id: action.name for action in await self._services.actions.list(actor)}
        shown = user.display_name or user.username
        set_title(shown, f"Signs in as {user.username}" if user.display_name else "")
        self._place.clear()
        with self._place, grid():
            with ui.element("div").classes("span-6 t-column"):
                self._account(user, protected=protected)
                self._password(user)
            with ui.element("div").classes("span-6 t-column"):
                self._access(user, protected=protected)
                self._tokens(tokens, names)

    def _account(self, user: UserView, *, protected: bool) -> None:
        with card("Account", icon="user-round"):
            facts(
                {
                    "User name": user.username,
                    "State": lambda: _state(user),
                    "Second factor": lambda: chip("On", "info", icon="shield-check") if protected else chip("Off"),
                    "Added": (lambda: date(user.created_at)) if user.created_at else None,
                }
            )
            with form() as made:
                name = text_field("Display name", user.display_name, hint="What pages show; may be left empty.")
                submit_button("Save name")

        async def save(actor: Actor) -> None:
            name.say("")
            try:
                await self._services.users.update(actor, self._id, display_name=name.value)
            except BadValue as error:
                name.say(str(error))
            else:
                toast("Name saved.")
                await self.load(actor)

        made.on_submit(acting(self._services, save))

    def _password(self, user: UserView) -> None:
        with card("New password", "Ends all of the user's sessions and tokens.", icon="key-round"), form() as made:
            field = NewPasswordField("New password")
            submit_button("Set password")

        async def save(actor: Actor) -> None:
            field.say("")
            try:
                await self._services.users.set_password(actor, self._id, field.value)
            except BadValue as error:
                field.say(str(error))
            else:
                field.value = ""
                field.show(False)
                toast(f"{user.username} signs in with the new password from now on.")
                await self.load(actor)

        made.on_submit(acting(self._services, save))

    def _access(self, user: UserView, *, protected: bool) -> None:
        with card("Access", icon="shield"), deeds():
            if user.is_active:
                deed(
                    "Deactivate account",
                    "No more signing in; open sessions and tokens end. Can be taken back.",
                    "Deactivate",
                    acting(self._services, self._deactivate),
                )
            else:
                deed("Activate account", "Signing in works again.", "Activate", acting(self._services, self._activate))
            deed(
                "End sessions",
                "Every browser that is signed in has to sign in again.",
                "End all",
                acting(self._services, self._end_sessions),
                label="End all sessions",
            )
            if protected:
                deed(
                    "Remove second factor",
                    "For somebody who lost the phone and the recovery codes.",
                    "Remove",
                    acting(self._services, self._remove_factor),
                    label="Remove second factor",
                )
            deed(
                "Delete account",
                "For good. Runs, history and audit keep the name.",
                "Delete",
                acting(self._services, self._delete),
                kind="danger-plain",
                label="Delete account",
            )

    def _tokens(self, tokens: Sequence[TokenView], actions: dict[str, str]) -> None:
        if not tokens:
            return
        with card("API tokens", "What acts in the user's name.", icon="square-terminal", classes="flush"):
            revoke = acting_on(self._services, lambda actor, pressed: self._revoke(actor, pressed.row))
            token_table(tokens, actions, on_action=revoke)

    async def _deactivate(self, actor: Actor) -> None:
        await self._services.users.update(actor, self._id, is_active=False)
        toast("Deactivated. Nobody can sign in with this account.")
        await self.load(actor)

    async def _activate(self, actor: Actor) -> None:
        await self._services.users.update(actor, self._id, is_active=True)
        toast("Active again.")
        await self.load(actor)

    async def _end_sessions(self, actor: Actor) -> None:
        await self._services.auth.end_sessions_of(actor, self._id)
        toast("Nobody is signed in with this account now.")

    async def _remove_factor(self, actor: Actor) -> None:
        await self._services.second_factor.remove_of(actor, self._id)
        toast("The password alone is enough again.")
        await self.load(actor)

    async def _revoke(self, actor: Actor, token_id: str) -> None:
        await self._services.tokens.revoke(actor, token_id)
        toast("Token revoked.")
        await self.load(actor)

    async def _delete(self, actor: Actor) -> None:
        user = await self._services.users.get(actor, self._id)

        async def delete(actor: Actor) -> None:
            await self._services.users.delete(actor, self._id)
            toast(f"{user.username} is deleted.")
            ui.navigate.to("/users")

        text = (
            f"“{user.username}” can never sign in again, and its sessions and tokens end. "
            "What it ran stays in the history."
        )
        if await confirm("Delete this account?", text, action="Delete", danger=True):
            await acting(self._services, delete)()


def _state(user: UserView) -> object:
    return chip("Active", "ok", icon="circle-check") if user.is_active else chip("Deactivated", icon="ban")
