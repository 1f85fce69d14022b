"""What needs the second factor once more asks for it, and is then done without being asked for again."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from nicegui import Client, ui
from nicegui.testing import User

from app.core import permissions
from app.core.clock import Clock
from app.core.permissions import Actor, Role
from app.services import Services
from tests.second_factor.support import Authenticator
from tests.ui.conftest import SignedIn
from tests.ui.forms import field, is_refused
from ui.session import acting

PASSWORD = "Battery-Staple-9"
ADMIN = Actor.system()


@pytest.fixture
async def erin(signed_in: SignedIn, services: Services) -> AsyncIterator[tuple[User, Client, Authenticator]]:
    """A client who signed in before it had a second factor: its session never proved one."""
    account = await services.users.create(ADMIN, "erin", PASSWORD)
    user = await signed_in("erin", PASSWORD)
    client = await user.open("/account")
    owner = Actor(account.id, "erin", "Erin", Role.CLIENT)
    phone = Authenticator((await services.second_factor.begin(owner, PASSWORD)).secret, Clock())
    await services.second_factor.confirm(owner, phone.code(steps=-1))
    yield user, client, phone
    await services.users.delete(ADMIN, str(account.id))


@pytest.fixture
def done() -> list[str]:
    return []


@pytest.fixture
async def asked(
    erin: tuple[User, Client, Authenticator], services: Services, done: list[str]
) -> tuple[User, Authenticator]:
    """Something dangerous was asked for, and the dialog is open."""
    user, client, phone = erin

    def work(actor: Actor) -> None:
        actor.require_fresh_factor(Clock().now())
        done.append(actor.username)

    with client.content:
        ui.button("Do it", on_click=acting(services, work))
    user.find("Do it").click()
    await user.should_see("Confirm that it is you")
    return user, phone


async def test_the_right_code_does_what_was_asked_for(asked: tuple[User, Authenticator], done: list[str]) -> None:
    user, phone = asked
    assert done == []
    field(user, "Code").value = phone.code()
    user.find(kind=ui.button, content="Confirm").click()
    await user.should_not_see("Confirm that it is you")
    assert done == ["erin"]


async def test_a_wrong_or_empty_code_says_so_and_asks_again(asked: tuple[User, Authenticator], done: list[str]) -> None:
    user, phone = asked
    user.find(kind=ui.button, content="Confirm").click()
    await user.should_see("Enter a code.")
    field(user, "Code").value = phone.wrong_code()
    user.find(kind=ui.button, content="Confirm").click()
    await user.should_see("This code is wrong")
    await is_refused(user, "Code")
    assert done == []
    field(user, "Code").value = phone.code()
    user.find(kind=ui.button, content="Confirm").click()
    await user.should_not_see("Confirm that it is you")
    assert done == ["erin"]


async def test_whoever_closes_the_dialog_has_done_nothing(asked: tuple[User, Authenticator], done: list[str]) -> None:
    user, _ = asked
    user.find("Cancel").click()
    await user.should_not_see("Confirm that it is you")
    assert done == []
    assert user.notify.messages == []


async def test_a_recovery_code_has_a_field_of_its_own(asked: tuple[User, Authenticator]) -> None:
    user, _ = asked
    assert field(user, "Code").input.props["inputmode"] == "numeric"
    user.find("Use a recovery code").click()
    assert field(user, "Recovery code").input.props["inputmode"] == "text"
    user.find("Use the app").click()
    assert field(user, "Code").input.props["autocomplete"] == "one-time-code"


async def test_a_fresh_proof_holds_for_a_while(
    asked: tuple[User, Authenticator], done: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    user, phone = asked
    field(user, "Code").value = phone.code()
    user.find(kind=ui.button, content="Confirm").click()
    await user.should_not_see("Confirm that it is you")
    user.find("Do it").click()
    async with asyncio.timeout(4):
        while done != ["erin", "erin"]:
            await asyncio.sleep(0.02)
    monkeypatch.setattr(permissions, "STEP_UP_AFTER", timedelta(seconds=-1))  # as if ten minutes had passed
    user.find("Do it").click()
    await user.should_see("Confirm that it is you")
    assert done == ["erin", "erin"]
