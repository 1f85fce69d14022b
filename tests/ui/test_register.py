"""The shell: every page stands behind a session and a role, and what nobody knows leads to the dashboard."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from nicegui import Client, ui
from nicegui.testing import User

from app.core.errors import Unavailable
from app.core.permissions import Actor, Role
from app.services import Services
from tests.support.clients import CLIENT
from tests.support.inprocess import AsUser
from tests.support.server import ADMIN
from ui import register
from ui.components.frame import FrameHeader, FrameMenu
from ui.page import Page
from ui.register import ENTRIES, Entry

ADDRESSES = [entry.page.path for entry in ENTRIES]
FIXED = [entry.page for entry in ENTRIES if "{" not in entry.page.path]


def test_the_contracts_addresses_are_there_once() -> None:
    wanted = {"/", "/system-monitor", "/scripts", "/history", "/settings", "/run/{run_id}", "/account"}
    wanted |= {"/users", "/users/{user_id}", "/sign-ins", "/audit"}
    wanted |= {"/plugins", "/plugin/{plugin_id}", "/plugins/{plugin_id}", "/plugins/{plugin_id}/logs"}
    assert wanted <= {path.replace("{id}", "{run_id}") for path in ADDRESSES}
    assert len(ADDRESSES) == len(set(ADDRESSES))


def test_clients_see_only_what_is_meant_for_them() -> None:
    shown = {entry.page.title for entry in ENTRIES if entry.page.allows(Role.CLIENT)}
    assert shown == {"Dashboard", "System", "History", "Plugins", "Audit", "Run", "Plugin", "Account"}


@pytest.mark.parametrize("page", FIXED, ids=lambda page: page.path)
async def test_an_admin_gets_every_page_with_its_name(as_user: AsUser, page: Page) -> None:
    user = await as_user()
    await user.open(page.path)
    await user.should_see(kind=FrameHeader, content=page.title)


async def test_a_page_comes_late_on_a_machine_that_was_halted_while_it_was_built(
    http: httpx.AsyncClient, session_tokens: dict[str, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    http.cookies.update(session_tokens[ADMIN])
    loop, before = asyncio.get_running_loop(), set(Client.instances)
    asked = asyncio.create_task(http.get("/settings"))
    while Client.instances.keys() <= before:
        await asyncio.sleep(0)
    now = loop.time
    with monkeypatch.context() as halted:
        halted.setattr(loop, "time", lambda: now() + 5)
        answer = await asked
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    "path",
    [
        "/users",
        "/users/x",
        "/sign-ins",
        "/settings",
        "/scripts",
        "/scripts?script=x.sh",
        "/nothing",
        "/a/b/c",
        "/%3Cscript%3E",
    ],
)
async def test_what_a_client_may_not_see_leads_to_the_dashboard(
    http: httpx.AsyncClient, session_tokens: dict[str, dict[str, str]], path: str
) -> None:
    http.cookies.update(session_tokens[CLIENT])
    answer = await http.get(path)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


async def test_the_menu_has_what_the_role_may_see(as_user: AsUser) -> None:
    assert await menu_of(await as_user(CLIENT)) == ["Dashboard", "System", "History", "Plugins", "Audit"]
    everything = ["Dashboard", "System", "Scripts", "History", "Plugins", "Users", "Sign-ins", "Audit", "Settings"]
    assert await menu_of(await as_user()) == everything


async def menu_of(user: User) -> list[str]:
    await user.open("/")
    [menu] = user.find(FrameMenu).elements
    return [entry["title"] for entry in menu.props["pages"]]


async def test_changing_the_page_in_place_asks_for_the_role_again(as_user: AsUser) -> None:
    user = await as_user(CLIENT)
    await user.open("/account")
    await user.should_see("Appearance")
    user.navigate.to("/settings")
    await user.should_see("Load over time")
    await user.should_not_see("This installation")


async def test_an_unknown_address_in_place_leads_to_the_dashboard(as_user: AsUser) -> None:
    user = await as_user()
    await user.open("/account")
    user.navigate.to("/nowhere/at/all")
    await user.should_see("Load over time")


async def test_changing_the_page_in_place_keeps_one_client(as_user: AsUser) -> None:
    user = await as_user()
    before = await user.open("/account")
    user.navigate.to("/settings")
    await user.should_see("This installation")
    await user.should_not_see("Appearance")
    assert user.client is before


async def test_a_page_that_fails_as_foreseen_says_so(as_user: AsUser, monkeypatch: pytest.MonkeyPatch) -> None:
    async def build(services: Services, actor: Actor) -> None:
        raise Unavailable("The moon is not up yet.")

    monkeypatch.setattr(register, "ENTRIES", (*ENTRIES, Entry(Page(path="/moon", title="Moon"), build)))
    user = await as_user()
    await user.open("/moon")
    await user.should_see("The moon is not up yet.")
    await user.should_see("Try again")


@pytest.mark.allows_errors("a page failed")
async def test_a_page_that_fails_unforeseen_tells_no_secrets(as_user: AsUser, monkeypatch: pytest.MonkeyPatch) -> None:
    async def build(services: Services, actor: Actor) -> None:
        raise ValueError("secret path /etc/shadow")

    monkeypatch.setattr(register, "ENTRIES", (*ENTRIES, Entry(Page(path="/moon", title="Moon"), build)))
    user = await as_user()
    await user.open("/moon")
    await user.should_see("Something went wrong here. The log says more.")
    await user.should_not_see("secret path")


async def test_address_and_query_reach_the_page(as_user: AsUser, monkeypatch: pytest.MonkeyPatch) -> None:
    async def build(services: Services, actor: Actor, name: str, colour: str = "none") -> None:
        ui.label(f"{name} is {colour}")

    monkeypatch.setattr(register, "ENTRIES", (*ENTRIES, Entry(Page(path="/moon/{name}", title="Moon"), build)))
    user = await as_user()
    await user.open("/moon/Io?colour=yellow&services=mine&actor=root")
    await user.should_see("Io is yellow")
    user.navigate.to("/moon/Io")
    await user.should_see("Io is none")


async def test_a_page_that_takes_long_does_not_hold_the_first_answer(
    as_user: AsUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def build(services: Services, actor: Actor) -> None:
        await ui.context.client.connected()
        ui.label("Here at last")

    monkeypatch.setattr(register, "ENTRIES", (*ENTRIES, Entry(Page(path="/moon", title="Moon"), build)))
    user = await as_user()
    await user.open("/moon")
    await user.should_see("Here at last")


@pytest.fixture
async def demanded(services: Services) -> AsyncIterator[None]:
    """The server asks a second factor of everybody."""
    await services.settings.put(Actor.system(), "require_second_factor", "yes")
    yield
    await services.settings.put(Actor.system(), "require_second_factor", "no")


@pytest.mark.parametrize("path", ["/", "/history", "/audit", "/settings", "/nowhere"])
async def test_without_the_second_factor_that_is_demanded_every_page_leads_to_the_account(
    http: httpx.AsyncClient, session_tokens: dict[str, dict[str, str]], demanded: None, path: str
) -> None:
    http.cookies.update(session_tokens[CLIENT])
    answer = await http.get(path)
    assert (answer.status_code, answer.headers["location"]) == (303, "/account")


async def test_the_account_page_says_why_and_so_do_pages_changed_in_place(as_user: AsUser, demanded: None) -> None:
    user = await as_user(CLIENT)
    await user.open("/account")
    await user.should_see("This server asks everybody for a second factor.")
    user.navigate.to("/history")
    await user.should_see("This server asks everybody for a second factor.")
    await user.should_not_see("Search script, user, arguments")
