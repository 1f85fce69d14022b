"""The account page: clients change their password, the administrator is told where its own lives."""

from collections.abc import AsyncIterator

import pytest
from nicegui.testing import User

from app.core.permissions import Actor
from app.services import Services
from tests.support.inprocess import AsUser
from tests.ui.conftest import SignedIn
from ui.components.field import Field, Form

OLD, NEW = "Battery-Staple-9", "Correct-Horse-1"


@pytest.fixture
async def paula(signed_in: SignedIn, services: Services) -> AsyncIterator[User]:
    """A client with an account of its own, on its account page."""
    account = await services.users.create(Actor.system(), "paula", OLD)
    user = await signed_in("paula", OLD)
    await user.open("/account")
    yield user
    assert account.id is not None
    await services.users.delete(Actor.system(), account.id)


def fill(user: User, current: str, new: str, again: str) -> None:
    fields = {field.label: field for field in user.find(Field).elements}
    for label, text in zip(
        ("Current password", "New password", "New password, once more"), (current, new, again), strict=True
    ):
        fields[label].value = text
    user.find(Form).trigger("submit.prevent")


async def test_the_administrator_is_told_where_its_password_lives(as_user: AsUser) -> None:
    user = await as_user()
    await user.open("/account")
    await user.should_see("ADMIN_PASSWORD in the environment")
    await user.should_not_see("Current password")


async def test_a_client_changes_its_password(paula: User) -> None:
    fill(paula, OLD, NEW, NEW)
    await paula.should_see("Password changed.")
    assert all(field.value == "" for field in paula.find(Field).elements)
    answer = await paula.http_client.post("/api/auth/login", json={"username": "paula", "password": NEW})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("current", "new", "again", "told"),
    [
        ("wrong-One-1", NEW, NEW, "The current password is wrong."),
        (OLD, "short", "short", "A password needs 8 characters or more"),
        (OLD, NEW, NEW + "x", "The two do not match."),
    ],
)
async def test_what_is_wrong_is_said_and_nothing_changes(
    paula: User, current: str, new: str, again: str, told: str
) -> None:
    fill(paula, current, new, again)
    await paula.should_see(told)
    assert paula.notify.messages == []
    answer = await paula.http_client.post("/api/auth/login", json={"username": "paula", "password": OLD})
    assert answer.status_code == 200
