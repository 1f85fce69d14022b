"""The users page: everybody with role, state and protection; a new account is made in a dialog."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from nicegui.testing import User

from app.core.passwords import require_strong
from app.core.permissions import Actor
from app.services import Services
from tests.support.inprocess import AsUser
from tests.ui.forms import field, is_refused
from ui.components.new_password import suggestion
from ui.components.table import DataTable

ADMIN = Actor.system()
PASSWORD = "Battery-Staple-9"


@pytest.fixture(autouse=True)
async def others_go(services: Services) -> AsyncIterator[None]:
    known = {user.id for user in await services.users.list(ADMIN)}
    yield
    for user in await services.users.list(ADMIN):
        if user.id not in known:
            await services.users.delete(ADMIN, str(user.id))


async def test_everybody_is_listed_the_administrator_first(as_user: AsUser, services: Services) -> None:
    ada = await services.users.create(ADMIN, "ada", PASSWORD, "Ada Lovelace")
    await services.users.update(ADMIN, str(ada.id), is_active=False)
    user = await as_user()
    await user.open("/users")
    await user.should_see(DataTable)
    shown = rows(user)
    assert (shown[0]["username"], shown[0]["role"], shown[0]["href"]) == ("admin", "Administrator", "/account")
    assert shown[-1]["name"] == "Ada Lovelace"
    assert (shown[-1]["username"], shown[-1]["role"], shown[-1]["href"]) == ("ada", "Client", f"/users/{ada.id}")
    assert (shown[-1]["state"]["text"], shown[-1]["factor"]["text"]) == ("Deactivated", "Password only")


async def test_a_user_without_display_name_is_shown_by_its_user_name(as_user: AsUser, services: Services) -> None:
    await services.users.create(ADMIN, "grace", PASSWORD)
    user = await as_user()
    await user.open("/users")
    await user.should_see(DataTable)
    assert rows(user)[-1]["name"] == "grace"


async def test_a_part_of_either_name_finds_a_user(as_user: AsUser, services: Services) -> None:
    await services.users.create(ADMIN, "ada", PASSWORD, "Countess of Lovelace")
    user = await as_user()
    await user.open("/users")
    for word in ("LOVE", "ad love"):
        user.find("Search users").clear().type(word)
        await user.should_see("1 of")
        assert [row["username"] for row in rows(user)] == ["ada"]
    user.find("Search users").clear().type("nobody at all")
    await user.should_see("Nobody matches")
    user.find("Search users").clear()
    await user.should_see(DataTable)


async def test_an_account_is_made(as_user: AsUser, http: httpx.AsyncClient) -> None:
    user = await open_form(as_user)
    field(user, "User name").value = "ada"
    field(user, "Display name").value = "Ada Lovelace"
    field(user, "Password").value = PASSWORD
    user.find("Create user").click()
    await user.should_see("Ada Lovelace can sign in now.")
    assert rows(user)[-1]["username"] == "ada"
    answer = await http.post("/api/auth/login", json={"username": "ada", "password": PASSWORD})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("username", "display_name", "password", "label", "told"),
    [
        ("", "", PASSWORD, "User name", "A user name is needed."),
        ("admin", "", PASSWORD, "User name", "The administrator has this name."),
        ("carla", "", PASSWORD, "User name", "Somebody has this name already."),
        ("ada", "x" * 101, PASSWORD, "Display name", "A display name has at most 100 characters."),
        ("ada", "", "short", "Password", "A password needs 8 characters or more"),
    ],
)
async def test_what_is_wrong_is_said_at_its_field_and_the_dialog_stays(
    as_user: AsUser, services: Services, username: str, display_name: str, password: str, label: str, told: str
) -> None:
    before = await services.users.list(ADMIN)
    user = await open_form(as_user)
    field(user, "User name").value = username
    field(user, "Display name").value = display_name
    field(user, "Password").value = password
    user.find("Create user").click()
    await is_refused(user, label)
    await user.should_see(told)
    assert user.notify.messages == []
    assert await services.users.list(ADMIN) == before


async def test_a_suggested_password_fills_the_field_and_is_shown(as_user: AsUser) -> None:
    user = await open_form(as_user)
    user.find("Suggest one").click()
    made = field(user, "Password")
    require_strong(made.value)
    assert made.input.props["type"] == "text"
    user.find(marker="show-password").click()
    assert made.input.props["type"] == "password"


def test_suggested_passwords_keep_the_rule_and_are_never_the_same() -> None:
    found = {suggestion() for _ in range(200)}
    assert len(found) == 200
    for password in found:
        require_strong(password)


async def open_form(as_user: AsUser) -> User:
    user = await as_user()
    await user.open("/users")
    user.find("New user").click()
    await user.should_see("A client sees this machine and may run the quick actions.")
    return user


def rows(user: User) -> list[dict[str, Any]]:
    [table] = user.find(DataTable).elements
    return list(table.props["rows"])
