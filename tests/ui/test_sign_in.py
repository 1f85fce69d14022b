"""Signing in with a browser."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest
from playwright.async_api import Page, expect

from app.core.clock import Clock
from tests.conftest import StartServer
from tests.second_factor.support import Authenticator
from tests.support.browser import OpenPage
from tests.support.clients import CLIENT_PASSWORD, http_client, session_cookies
from tests.support.clients import sign_in as client_of
from tests.support.server import ADMIN, ADMIN_PASSWORD, Server
from tests.ui.accessibility import complaints, in_both_lights


async def sign_in(page: Page, username: str = ADMIN, password: str = ADMIN_PASSWORD) -> None:
    await page.get_by_label("User name").fill(username)
    await page.get_by_label("Password", exact=True).fill(password)
    await page.get_by_role("button", name="Sign in").click()


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
async def test_the_page_can_be_used_by_everybody(open_page: OpenPage, phone: bool) -> None:
    page = await open_page("/login", username=None, phone=phone)
    async for light in in_both_lights(page):
        assert await complaints(page, light) == [], light
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("alert")).to_have_text("Enter your user name and your password.")
    await expect(page.get_by_label("User name")).to_be_focused()
    async for light in in_both_lights(page):
        assert await complaints(page, light) == [], light


async def test_a_person_comes_to_where_it_wanted_to_go(open_page: OpenPage) -> None:
    page = await open_page("/settings", username=None)
    await expect(page).to_have_url(re.compile(r"/login\?next="))
    await sign_in(page)
    await expect(page.get_by_role("heading", level=1)).to_have_text("Settings")


@pytest.mark.fault("A27")
@pytest.mark.parametrize(
    "bad",
    [
        "//example.com",
        "/\\example.com",
        "https://example.com",
        "javascript:alert(1)",
        "/%09/example.com",
        "x",
        "/login",
    ],
)
async def test_nobody_is_led_to_another_site(open_page: OpenPage, bad: str) -> None:
    page = await open_page(f"/login?next={bad}", username=None)
    await sign_in(page)
    await expect(page.get_by_role("heading", level=1)).to_have_text("Dashboard")
    assert page.url.rstrip("/").startswith("http://127.0.0.1")


@pytest.mark.fault("A27")
async def test_who_is_signed_in_already_goes_on(open_page: OpenPage) -> None:
    """As after a link on another site, with which a browser does not send a strict cookie."""
    page = await open_page("/login?next=/account")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Account")


@pytest.mark.allows_console("401|429")
async def test_wrong_passwords_are_told_and_lock_for_a_while(open_page: OpenPage, start_server: StartServer) -> None:
    page = await open_page("/login", username=None, on=await start_server())
    for _ in range(3):
        await sign_in(page, "nobody", "wrong")
        await expect(page.get_by_role("alert")).to_have_text("Wrong user name or password.")
        await expect(page.get_by_label("Password", exact=True)).to_be_focused()
        await expect(page.get_by_label("Password", exact=True)).to_have_attribute("aria-invalid", "true")
    await sign_in(page, "nobody", "wrong")
    await expect(page.get_by_role("alert")).to_have_text(re.compile(r"Too many tries\. Try again in (1:00|0:5\d)\."))
    await expect(page.get_by_role("button", name="Sign in")).to_be_disabled()
    assert await complaints(page) == []


async def test_a_password_can_be_shown(open_page: OpenPage) -> None:
    page = await open_page("/login", username=None)
    password = page.get_by_label("Password", exact=True)
    await password.fill("secret")
    show = page.get_by_role("button", name="Show password")
    await show.click()
    await expect(password).to_have_attribute("type", "text")
    await expect(show).to_have_attribute("aria-pressed", "true")
    await show.click()
    await expect(password).to_have_attribute("type", "password")


@pytest.mark.allows_console("401")
@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
async def test_who_has_a_second_factor_is_asked_for_the_code(open_page: OpenPage, server: Server, phone: bool) -> None:
    async with with_second_factor(server) as (name, authenticator, recovery):
        page = await open_page("/login?next=/history", username=None, phone=phone)
        await sign_in(page, name, CLIENT_PASSWORD)
        await expect(page.get_by_role("heading", level=1)).to_have_text("Second factor")
        code = page.get_by_label("Code", exact=True)
        await expect(code).to_be_focused()
        await expect(code).to_have_attribute("autocomplete", "one-time-code")
        await expect(page.locator("#message")).to_be_empty()
        assert await complaints(page) == []
        await code.fill(authenticator.wrong_code())
        await code.press("Enter")
        await expect(page.get_by_role("alert")).to_have_text("This code is wrong, or was used already.")
        await expect(code).to_have_attribute("aria-invalid", "true")
        await page.mouse.move(0, 0)
        assert await complaints(page) == []
        await page.get_by_role("button", name="Use a recovery code").click()
        await page.get_by_label("Recovery code").fill(recovery[0])
        await page.get_by_role("button", name="Sign in").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("History")


@pytest.mark.allows_console("401")
async def test_somebody_else_can_start_again(open_page: OpenPage, server: Server) -> None:
    async with with_second_factor(server) as (name, _, _):
        page = await open_page("/login", username=None)
        await sign_in(page, name, CLIENT_PASSWORD)
        await page.get_by_role("button", name="Sign in").click()
        await expect(page.get_by_role("alert")).to_have_text("Enter the code that your app shows.")
        await page.get_by_role("button", name="Start again").click()
        await expect(page.get_by_label("Password", exact=True)).to_be_empty()
        await sign_in(page)
        await expect(page.get_by_role("heading", level=1)).to_have_text("Dashboard")


@asynccontextmanager
async def with_second_factor(server: Server) -> AsyncIterator[tuple[str, Authenticator, list[str]]]:
    """A client account with a second factor: its user name, its phone, its recovery codes."""
    name = f"erin-{uuid4().hex}"
    async with http_client(server, await session_cookies(server)) as admin:
        made = await admin.post("/api/users", json={"username": name, "password": CLIENT_PASSWORD})
        async with await client_of(server, name, CLIENT_PASSWORD) as erin:
            begun = await erin.post("/api/me/second-factor", json={"password": CLIENT_PASSWORD})
            phone = Authenticator(begun.json()["secret"], Clock())
            confirmed = await erin.put("/api/me/second-factor", json={"code": phone.code()})
        yield name, phone, confirmed.json()["recovery"]
        await admin.delete(f"/api/users/{made.json()['id']}")
