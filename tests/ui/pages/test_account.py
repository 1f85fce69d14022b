"""The account page: password and name, sessions, API tokens, and the second factor from set-up to removal."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from nicegui import ui
from nicegui.testing import User
from nicegui.testing.user_interaction import UserInteraction

from app.core.clock import Clock
from app.core.permissions import Actor
from app.services import Services
from tests.second_factor.support import Authenticator
from tests.support.clients import CLIENT
from tests.support.inprocess import AsUser
from tests.ui.conftest import SignedIn
from tests.ui.forms import choose, field, is_refused, submit
from ui.components.check_list import CheckList
from ui.components.field import Field, Form
from ui.components.table import DataTable
from ui.components.text import Text

OLD, NEW = "Battery-Staple-9", "Correct-Horse-1"
FIREFOX = "Mozilla/5.0 (Android 15; Mobile; rv:130.0) Gecko/130.0 Firefox/130.0"
PASSWORDS = ("Current password", "New password", "New password, once more")


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
    for label, text in zip(PASSWORDS, (current, new, again), strict=True):
        field(user, label).value = text
    submit(user, "Change password")


async def test_the_administrator_is_told_where_its_password_lives(as_user: AsUser) -> None:
    user = await as_user()
    await user.open("/account")
    await user.should_see("ADMIN_PASSWORD in the environment")
    await user.should_not_see("Current password")


async def test_a_client_changes_its_password(paula: User) -> None:
    fill(paula, OLD, NEW, NEW)
    await paula.should_see("Password changed.")
    assert all(field(paula, label).value == "" for label in PASSWORDS)
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


async def test_a_client_changes_its_display_name(paula: User, services: Services) -> None:
    field(paula, "Display name").value = "Paula Paulsen"
    submit(paula, "Save name")
    await paula.should_see("Name saved.")
    [account] = [user for user in await services.users.list(Actor.system()) if user.username == "paula"]
    assert account.display_name == "Paula Paulsen"


async def test_sessions_are_listed_this_one_first_and_end(paula: User, services: Services) -> None:
    elsewhere = await services.auth.sign_in("paula", OLD, address="192.0.2.7", user_agent=FIREFOX)
    await paula.open("/account")
    await paula.should_see("End all others")
    here, there = rows(paula, "Your sessions")
    assert (here["mark"]["text"], here["actions"]) == ("This browser", [])
    assert (there["browser"], there["address"], there["mark"]) == ("Firefox on Android", "192.0.2.7", None)
    press(paula, "Your sessions", there["key"], "end")
    await paula.should_see("Signed out there.")
    assert services.auth.session(elsewhere.token) is None
    assert len(rows(paula, "Your sessions")) == 1


async def test_all_other_sessions_end_at_once(paula: User, services: Services) -> None:
    others = [await services.auth.sign_in("paula", OLD, address="192.0.2.7") for _ in range(2)]
    await paula.open("/account")
    await paula.should_see("End all others")
    paula.find("End all others").click()
    await paula.should_see("End all other sessions?")
    paula.find(marker="confirm").click()
    await paula.should_see("Only this browser is signed in now.")
    assert [services.auth.session(other.token) for other in others] == [None, None]
    assert len(rows(paula, "Your sessions")) == 1


async def test_a_token_is_made_shown_once_and_revoked(paula: User, services: Services) -> None:
    action = await services.actions.create(Actor.system(), "Backup", "backup.sh")
    await paula.should_see("No tokens yet")
    paula.find("New token").click()
    await paula.should_see("New API token")
    field(paula, "Name").value = "Nightly"
    paula.find(CheckList).trigger("change", ["read", f"run:{action.id}"])
    choose(paula, "It expires", "0")
    paula.find("Make token").click()
    await paula.should_see("It is shown this once.")
    [shown] = [part.text for part in paula.find(Text).elements if part.tag == "code"]
    credential = services.tokens.credential(shown)
    assert credential is not None
    assert set(credential.token.scopes) == {"read", f"run:{action.id}"}
    paula.find("Done").click()
    await paula.should_not_see("It is shown this once.")
    [row] = rows(paula, "API tokens")
    assert (row["name"], row["scopes"], row["expires_at"]) == ("Nightly", "read, run Backup", None)
    await services.actions.delete(Actor.system(), action.id)
    press(paula, "API tokens", row["key"], "revoke")
    await paula.should_see("Revoke this token?")
    paula.find(marker="confirm").click()
    await paula.should_see("No tokens yet")
    assert services.tokens.credential(shown) is None


async def test_a_token_without_name_or_scope_says_so(paula: User) -> None:
    await paula.should_see("No tokens yet")
    paula.find("New token").click()
    await paula.should_see("New API token")
    paula.find("Make token").click()
    await is_refused(paula, "Name")
    field(paula, "Name").value = "Nightly"
    paula.find(CheckList).trigger("change", [])
    paula.find("Make token").click()
    async with asyncio.timeout(4):
        while not {boxes.props["problem"] for boxes in paula.find(CheckList).elements} - {""}:
            await asyncio.sleep(0.02)


async def test_only_an_administrator_is_offered_everything(paula: User, as_user: AsUser) -> None:
    for user, offered in ((paula, False), (await as_user(), True)):
        await user.open("/account")
        await user.should_see("New token")
        user.find("New token").click()
        await user.should_see("New API token")
        [boxes] = user.find(CheckList).elements
        assert ("admin" in {option["key"] for option in boxes.props["options"]}) is offered


async def test_a_second_factor_is_set_up_renewed_and_removed(paula: User, services: Services) -> None:
    await paula.should_see("Set up")
    paula.find(kind=ui.button, content="Set up").click()
    await paula.should_see("First your password")
    assert password_in_dialog(paula).input.props["autocomplete"] == "current-password"
    password_in_dialog(paula).value = "wrong"
    paula.find("Continue").click()
    await paula.should_see("The current password is wrong.")
    password_in_dialog(paula).value = OLD
    paula.find("Continue").click()
    await paula.should_see("1. Scan this")
    [svg] = [part.content for part in paula.find(kind=ui.html).elements]
    assert svg.startswith("<svg")
    [secret] = [part.text for part in paula.find(Text).elements if part.tag == "code"]
    phone = Authenticator(secret, Clock())
    field(paula, "Code").value = phone.wrong_code()
    paula.find("Confirm").click()
    await paula.should_see("This code does not fit.")
    field(paula, "Code").value = phone.code()
    submit_in_dialog(paula)
    await paula.should_see("Each lets you in once without it.")
    first = codes(paula)
    assert len(first) == 10
    paula.find("Download").click()
    assert (await paula.download.next()).text.split() == first
    paula.find("I have kept them").click()
    await paula.should_not_see("Each lets you in once without it.")
    await paula.open("/account")
    await paula.should_see("10 of 10 left")
    paula.find("Renew").click()
    await paula.should_see("New recovery codes")
    await paula.should_see("I have kept them")
    assert set(codes(paula)).isdisjoint(first)
    paula.find("I have kept them").click()
    await paula.should_not_see("I have kept them")
    paula.find(kind=ui.button, content="Remove").click()
    await paula.should_see("Remove the second factor?")
    paula.find(marker="confirm").click()
    await paula.should_see("The second factor is off.")
    await paula.should_see("Set up")


@pytest.mark.allows_errors("a page failed")
async def test_a_card_that_cannot_be_read_says_so_and_can_be_tried_again(
    as_user: AsUser, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(service: object, actor: Actor, *, everyone: bool = False) -> list[object]:
        raise OSError("disk on fire")

    with monkeypatch.context() as broken:
        broken.setattr(type(services.tokens), "list", fail)
        user = await as_user(CLIENT)
        await user.open("/account")
        await user.should_see("Something went wrong here. The log says more.")
        await user.should_see("Appearance")
    user.find("Try again").click()
    await user.should_see("No tokens yet")


def rows(user: User, caption: str) -> list[dict[str, Any]]:
    [table] = [table for table in user.find(DataTable).elements if table.props["caption"] == caption]
    return list(table.props["rows"])


def press(user: User, caption: str, row: str, name: str) -> None:
    tables = {table for table in user.find(DataTable).elements if table.props["caption"] == caption}
    UserInteraction(user, tables, None).trigger("action", {"row": row, "name": name})


def password_in_dialog(user: User) -> Field:
    """The page has a field of this name, too."""
    found = [known for known in user.find(Field).elements if known.label == PASSWORDS[0]]
    return max(found, key=lambda known: known.id)


def submit_in_dialog(user: User) -> None:
    """Enter in the field for the code."""
    forms = {form for form in user.find(Form).elements if field(user, "Code") in form.descendants()}
    UserInteraction(user, forms, None).trigger("submit.prevent")


def codes(user: User) -> list[str]:
    found = sorted(user.find(Text).elements, key=lambda part: part.id)
    return [part.text for part in found if part.tag == "li"]
