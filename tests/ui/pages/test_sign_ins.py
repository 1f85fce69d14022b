"""The sign-in history: the newest tries, how many failed of late, and the filter."""

from typing import Any

import httpx
import pytest
from nicegui.testing import User

from app.auth.schemas import SignInView
from app.core.permissions import Actor
from app.services import Services
from tests.support.inprocess import AsUser
from tests.ui.forms import choose
from ui.components.table import DataTable

TRIES = [
    SignInView("3", "ada", "203.0.113.9", False, "Second factor asked for", "2026-11-22T10:00:02.000Z"),
    SignInView("2", "root", "198.51.100.4", False, "Wrong user name or password", "2026-11-22T10:00:01.000Z"),
    SignInView("1", "ada", "203.0.113.9", True, None, "2026-11-22T10:00:00.000Z"),
]


@pytest.fixture
def tries(services: Services, monkeypatch: pytest.MonkeyPatch) -> list[SignInView]:
    """What the history holds."""
    found = list(TRIES)

    async def history(service: object, actor: Actor, limit: int = 100) -> list[SignInView]:
        return found

    monkeypatch.setattr(type(services.auth), "history", history)
    return found


async def test_a_failed_try_is_seen_and_counted(as_user: AsUser, http: httpx.AsyncClient, services: Services) -> None:
    user = await as_user()
    await http.post("/api/auth/login", json={"username": "mallory", "password": "guess"})
    failures = await services.auth.failures_24h(Actor.system())
    assert failures >= 1
    await user.open("/sign-ins")
    await user.should_see(f"{failures} failed in 24 hours")
    first = rows(user)[0]
    assert (first["username"], first["address"]) == ("mallory", "127.0.0.1")
    assert (first["outcome"]["text"], first["outcome"]["tone"]) == ("Wrong user name or password", "bad")


async def test_half_a_sign_in_is_no_failure(as_user: AsUser, tries: list[SignInView]) -> None:
    user = await as_user()
    await user.open("/sign-ins")
    await user.should_see(DataTable)
    assert [row["outcome"]["tone"] for row in rows(user)] == ["neutral", "bad", "ok"]
    choose(user, "Outcome", "failed")
    await user.should_see(DataTable)
    assert [row["username"] for row in rows(user)] == ["root"]
    choose(user, "Outcome", "good")
    assert [row["key"] for row in rows(user)] == ["1"]


async def test_names_and_addresses_are_found(as_user: AsUser, tries: list[SignInView]) -> None:
    user = await as_user()
    await user.open("/sign-ins")
    user.find("Search name or address").type("198.51")
    await user.should_see(DataTable)
    assert [row["username"] for row in rows(user)] == ["root"]
    user.find("Search name or address").clear().type("nobody")
    await user.should_see("No sign-in matches")


async def test_an_empty_history_says_what_will_be_here(as_user: AsUser, tries: list[SignInView]) -> None:
    tries.clear()
    user = await as_user()
    await user.open("/sign-ins")
    await user.should_see("Nobody has tried yet")


def rows(user: User) -> list[dict[str, Any]]:
    [table] = user.find(DataTable).elements
    return list(table.props["rows"])
