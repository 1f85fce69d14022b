"""The page of one account: every change is made by the service, told, and seen at once."""

from collections.abc import AsyncIterator

import httpx
import pytest
from nicegui import ui
from nicegui.testing import User

from app.core.clock import Clock
from app.core.errors import NotFound
from app.core.permissions import Actor, Role
from app.services import Services
from app.users.schemas import UserView
from tests.second_factor.support import Authenticator
from tests.support.inprocess import AsUser
from tests.ui.forms import field, is_refused, submit
from ui.components.table import DataTable

ADMIN = Actor.system()
OLD, NEW = "Battery-Staple-9", "Correct-Horse-1"


@pytest.fixture
async def dora(services: Services) -> AsyncIterator[UserView]:
    made = await services.users.create(ADMIN, "dora", OLD, "Dora")
    yield made
    if any(user.id == made.id for user in await services.users.list(ADMIN)):
        await services.users.delete(ADMIN, str(made.id))


@pytest.fixture
async def page(as_user: AsUser, dora: UserView) -> User:
    user = await as_user()
    await user.open(f"/users/{dora.id}")
    await user.should_see("Delete account")
    return user


async def test_an_unknown_account_says_so(as_user: AsUser) -> None:
    user = await as_user()
    await user.open("/users/nobody")
    await user.should_see("There is no such user.")


async def test_the_display_name_is_changed(page: User, dora: UserView, services: Services) -> None:
    field(page, "Display name").value = "Dora Explorer"
    submit(page, "Save name")
    await page.should_see("Name saved.")
    assert (await services.users.get(ADMIN, str(dora.id))).display_name == "Dora Explorer"


async def test_a_name_that_is_refused_says_why(page: User) -> None:
    field(page, "Display name").value = "x" * 101
    submit(page, "Save name")
    await page.should_see("A display name has at most 100 characters.")
    assert page.notify.messages == []


async def test_a_new_password_counts_from_now_on(page: User, http: httpx.AsyncClient) -> None:
    field(page, "New password").value = NEW
    submit(page, "Set password")
    await page.should_see("dora signs in with the new password from now on.")
    assert field(page, "New password").value == ""
    answer = await http.post("/api/auth/login", json={"username": "dora", "password": NEW})
    assert answer.status_code == 200


async def test_a_weak_password_says_the_rule(page: User) -> None:
    field(page, "New password").value = "weak"
    submit(page, "Set password")
    await is_refused(page, "New password")


async def test_an_account_is_deactivated_and_activated_again(page: User, dora: UserView, services: Services) -> None:
    page.find(kind=ui.button, content="Deactivate").click()
    await page.should_see("Activate account")
    assert not (await services.users.get(ADMIN, str(dora.id))).is_active
    page.find(kind=ui.button, content="Activate").click()
    await page.should_see("Deactivate account")
    assert (await services.users.get(ADMIN, str(dora.id))).is_active


async def test_its_sessions_end(page: User, dora: UserView, services: Services) -> None:
    signed_in = await services.auth.sign_in("dora", OLD, address="192.0.2.7")
    page.find(kind=ui.button, content="End all").click()
    await page.should_see("Nobody is signed in with this account now.")
    assert services.auth.session(signed_in.token) is None


async def test_a_lost_second_factor_is_removed(as_user: AsUser, dora: UserView, services: Services) -> None:
    owner = Actor(dora.id, "dora", "Dora", Role.CLIENT)
    enrolment = await services.second_factor.begin(owner, OLD)
    await services.second_factor.confirm(owner, Authenticator(enrolment.secret, Clock()).code())
    user = await as_user()
    await user.open(f"/users/{dora.id}")
    await user.should_see("Remove second factor")
    user.find(kind=ui.button, content="Remove").click()
    await user.should_see("The password alone is enough again.")
    await user.should_not_see("Remove second factor")
    assert dora.id not in services.second_factor.client_ids(ADMIN)


async def test_its_tokens_are_seen_and_revoked(as_user: AsUser, dora: UserView, services: Services) -> None:
    owner = Actor(dora.id, "dora", "Dora", Role.CLIENT)
    made = await services.tokens.create(owner, "Backup", ["read"], 30)
    user = await as_user()
    await user.open(f"/users/{dora.id}")
    await user.should_see(DataTable)
    [table] = user.find(DataTable).elements
    assert [(row["name"], row["scopes"]) for row in table.props["rows"]] == [("Backup", "read")]
    user.find(DataTable).trigger("action", {"row": made.view.id, "name": "revoke"})
    await user.should_see("Token revoked.")
    assert services.tokens.credential(made.token) is None


async def test_deleting_asks_first_and_leads_back_to_the_list(page: User, dora: UserView, services: Services) -> None:
    page.find(kind=ui.button, content="Delete").click()
    await page.should_see("Delete this account?")
    page.find("Cancel").click()
    await page.should_not_see("Delete this account?")
    await services.users.get(ADMIN, str(dora.id))
    page.find(kind=ui.button, content="Delete").click()
    await page.should_see("Delete this account?")
    page.find(marker="confirm").click()
    await page.should_see("dora is deleted.")
    await page.should_see("Search users")
    with pytest.raises(NotFound):
        await services.users.get(ADMIN, str(dora.id))
