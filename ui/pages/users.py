"""Everybody who may sign in: find an account, open it, make a new one."""

from collections.abc import Sequence
from typing import Any, Final

from nicegui import ui

from app.core.errors import BadValue, Conflict
from app.core.permissions import Actor
from app.services import Services
from app.users.schemas import UserView
from ui.components.button import button
from ui.components.card import card
from ui.components.field import search_field
from ui.components.states import empty_state, loading_state
from ui.components.table import Cell, Column, DataTable, data_table
from ui.components.text import span
from ui.components.user_form import UserForm
from ui.feedback import toast
from ui.layout import header_actions
from ui.page import Page
from ui.session import acting

PAGE = Page(path="/users", title="Users", icon="users", menu=True, group="Manage")

MOST_ROWS: Final = 200
COLUMNS: Final = (
    Column("name", "Name", classes="t-wrap"),
    Column("username", "User name", classes="t-wrap"),
    Column("role", "Role", classes="t-fit"),
    Column("state", "State", "chip"),
    Column("factor", "Signs in with", "chip"),
    Column("created_at", "Added", "time", classes="wide"),
)


async def build(services: Services, actor: Actor) -> None:
    """Shows everybody."""
    page = UsersPage(services)
    with header_actions():
        button("New user", acting(services, page.make), kind="primary", icon="user-plus", classes="t-head-btn")
    await page.load(actor)


class UsersPage:
    """The list and its search."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._users: Sequence[UserView] = ()
        self._protected: frozenset[str] = frozenset()
        self._admin_protected = False
        self._table: DataTable | None = None
        with ui.element("div").classes("t-row").props("role=search"):
            self._search = search_field("Search users", lambda _: self._show())
            self._count = span("", classes="t-sub t-num grow")
        self._place = ui.element("div")
        with self._place, card():
            loading_state()

    async def load(self, actor: Actor) -> None:
        """Looks who there is."""
        self._users = [self._services.users.admin, *await self._services.users.list(actor)]
        self._protected = self._services.second_factor.client_ids(actor)
        self._admin_protected = actor.has_second_factor
        self._show()

    async def make(self, actor: Actor) -> None:
        """Asks for a new account until there is one or the dialog is closed."""
        actor.require_admin()
        form = UserForm()

        async def save(actor: Actor) -> None:
            for field in (form.username, form.display_name, form.password):
                field.say("")
            try:
                user = await self._services.users.create(
                    actor, form.username.value, form.password.value, form.display_name.value
                )
            except Conflict as error:
                form.username.say(str(error))
            except BadValue as error:
                form.say(str(error))
            else:
                form.close()
                toast(f"{user.display_name or user.username} can sign in now.")
                self._table = None  # what stood below it for want of clients goes
                await self.load(actor)

        await form.show(acting(self._services, save))

    def _show(self) -> None:
        words = (self._search.value or "").casefold().split()
        found = [user for user in self._users if _matches(user, words)]
        rows = [self._row(user) for user in found[:MOST_ROWS]]
        self._count.set_text(_counted(len(found), len(self._users)))
        if self._table is not None and rows:
            self._table.set_rows(rows)  # in place: a row that stays can be pressed meanwhile
            return
        self._place.clear()
        self._table = None
        with self._place, card(classes="flush", label="Users"):
            if not rows:
                empty_state("Nobody matches", "Try a part of a name.", icon="search-x")
                return
            self._table = data_table(COLUMNS, rows, caption="Users")
            if len(self._users) == 1:
                with empty_state(
                    "No clients yet", "Give everybody who may press a button here an account.", icon="users"
                ):
                    button("Add the first", acting(self._services, self.make), icon="user-plus")

    def _row(self, user: UserView) -> dict[str, Any]:
        return {
            "key": user.id or "admin",
            "href": f"/users/{user.id}" if user.id else "/account",
            "name": user.display_name or user.username,
            "username": user.username,
            "role": "Client" if user.id else "Administrator",
            "state": Cell("Active", "ok", "circle-check") if user.is_active else Cell("Deactivated", "neutral", "ban"),
            "factor": Cell("Second factor", "ok", "shield-check")
            if self._is_protected(user)
            else Cell("Password only"),
            "created_at": user.created_at,
        }

    def _is_protected(self, user: UserView) -> bool:
        return user.id in self._protected if user.id else self._admin_protected


def _matches(user: UserView, words: Sequence[str]) -> bool:
    text = f"{user.username} {user.display_name}".casefold()
    return all(word in text for word in words)


def _counted(found: int, all_of_them: int) -> str:
    if found < all_of_them:
        return f"{found} of {all_of_them}" + (f", the first {MOST_ROWS} shown" if found > MOST_ROWS else "")
    return "1 user" if found == 1 else f"{found} users"
