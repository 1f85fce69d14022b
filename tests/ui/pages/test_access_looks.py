"""Users, sign-ins, audit and account by axe-core and by thumb, with real rows and a name that is too long."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest
from playwright.async_api import Page, expect

from tests.support.browser import OpenPage
from tests.support.clients import CLIENT, CLIENT_PASSWORD, http_client, session_cookies
from tests.support.server import Server
from tests.ui.accessibility import complaints, in_both_lights

LONG = "bartholomew-featherstonehaugh-cholmondeley@subsidiary.example"
NAME = "Bartholomew Featherstonehaugh-Cholmondeley the Younger of Wolverhampton"
SMALL = """() => [...document.querySelectorAll(
  ".t-main a, .t-main button, .t-main select, .t-main .t-control, .t-dialog button, .t-dialog label:has(input)")]
  .filter((one) => one.checkVisibility() && !one.matches(".t-row-link"))
  .map((one) => [one.innerText || one.ariaLabel, one.getBoundingClientRect()])
  .filter(([, box]) => box.width < 44 || box.height < 44)
  .map(([text, box]) => `${text}: ${box.width} x ${box.height}`)"""
OVERFLOW = "document.documentElement.scrollWidth - window.innerWidth"

everywhere = pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])


@pytest.fixture
async def admin(server: Server) -> AsyncIterator[httpx.AsyncClient]:
    async with http_client(server, await session_cookies(server)) as client:
        yield client


@pytest.fixture
async def user_id(admin: httpx.AsyncClient) -> AsyncIterator[str]:
    """A client account with names as long as they get."""
    body = {"username": LONG, "password": "Battery-Staple-9", "display_name": NAME}
    made = await admin.post("/api/users", json=body)
    made.raise_for_status()
    yield made.json()["id"]
    await admin.delete(f"/api/users/{made.json()['id']}")


async def is_fine(page: Page, *, phone: bool) -> None:
    await expect(page.locator(".t-skeleton")).to_have_count(0)
    async for light in in_both_lights(page):
        assert await complaints(page, light) == [], light
    assert await page.evaluate(OVERFLOW) <= 0
    if phone:
        assert await page.evaluate(SMALL) == []


@everywhere
@pytest.mark.parametrize("path", ["/users", "/users/{}", "/sign-ins", "/audit", "/account"])
async def test_everybody_can_use_the_page(open_page: OpenPage, user_id: str, path: str, phone: bool) -> None:
    page = await open_page(path.format(user_id), phone=phone)
    await expect(page.locator(".t-card").first).to_be_visible()
    await is_fine(page, phone=phone)


@everywhere
@pytest.mark.parametrize("path", ["/audit", "/account"])
async def test_a_client_can_use_the_page(open_page: OpenPage, path: str, phone: bool) -> None:
    page = await open_page(path, username=CLIENT, phone=phone)
    await expect(page.locator(".t-card").first).to_be_visible()
    await is_fine(page, phone=phone)


@everywhere
async def test_a_new_user_is_made_with_the_keyboard(open_page: OpenPage, phone: bool) -> None:
    page = await open_page("/users", phone=phone)
    await page.get_by_role("button", name="New user").click()
    dialog = page.get_by_role("dialog", name="New user")
    await dialog.get_by_label("User name").fill("ada")
    await dialog.get_by_label("Password", exact=True).fill("short")
    await page.keyboard.press("Enter")
    await expect(dialog.get_by_label("Password", exact=True)).to_have_attribute("aria-invalid", "true")
    await is_fine(page, phone=phone)
    await page.keyboard.press("Escape")
    await expect(dialog).not_to_be_visible()


@everywhere
async def test_a_row_of_the_audit_opens_to_all_that_is_known(open_page: OpenPage, phone: bool) -> None:
    page = await open_page("/audit", phone=phone)
    line = page.locator(".audit-line").first
    await line.click()
    await expect(line).to_have_attribute("aria-expanded", "true")
    await expect(page.locator(".audit-hash code").first).to_have_text(re.compile("^[0-9a-f]{64}$"))
    await is_fine(page, phone=phone)


async def test_the_audit_is_downloaded(open_page: OpenPage) -> None:
    page = await open_page("/audit")
    async with page.expect_download() as started:
        await page.get_by_role("link", name="Export as CSV").click()
    download = await started.value
    assert download.suggested_filename.endswith(".csv")
    assert "sign_in" in (await download.path()).read_text()


@everywhere
async def test_a_token_is_made_and_copied(open_page: OpenPage, phone: bool) -> None:
    page = await open_page("/account", username=CLIENT, phone=phone)
    await page.get_by_role("button", name="New token").click()
    dialog = page.get_by_role("dialog", name="New API token")
    await dialog.get_by_label("Name").fill("Nightly backup of everything in the cellar")
    await is_fine(page, phone=phone)
    await dialog.get_by_role("button", name="Make token").click()
    shown = page.get_by_role("dialog", name="Copy the token now")
    token = await shown.locator("code").inner_text()
    assert re.fullmatch("tsc_[0-9A-Za-z]{36}", token)
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await shown.get_by_role("button", name="Copy the token").click()
    assert await page.evaluate("navigator.clipboard.readText()") == token
    await is_fine(page, phone=phone)
    await page.keyboard.press("Escape")
    await expect(shown).to_be_visible()
    await shown.get_by_role("button", name="Done").click()
    await page.get_by_role("button", name=re.compile("Revoke Nightly")).first.click()
    await page.get_by_role("dialog", name="Revoke this token?").get_by_role("button", name="Revoke").click()
    await expect(page.get_by_text("is revoked.")).to_be_visible()


@everywhere
async def test_the_second_factor_is_set_up_by_its_code(open_page: OpenPage, phone: bool) -> None:
    page = await open_page("/account", username=CLIENT, phone=phone)
    await page.get_by_role("button", name="Set up").click()
    dialog = page.get_by_role("dialog", name="Set up a second factor")
    await dialog.get_by_label("Current password").fill(CLIENT_PASSWORD)
    await is_fine(page, phone=phone)
    await dialog.get_by_role("button", name="Continue").click()
    await expect(dialog.get_by_role("img", name=re.compile("QR code")).locator("svg")).to_be_visible()
    await is_fine(page, phone=phone)
    await dialog.get_by_role("button", name="Cancel").click()
    await expect(dialog).not_to_be_visible()


async def test_a_phone_reaches_users_sign_ins_and_audit_from_the_bar(open_page: OpenPage) -> None:
    page = await open_page("/", phone=True)
    for title in ("Users", "Sign-ins", "Audit"):
        await page.get_by_role("button", name="Menu").click()
        link = page.get_by_role("navigation", name="Main").get_by_role("link", name=title)
        await expect(link).to_be_in_viewport()
        await link.click()
        await expect(page.get_by_role("heading", level=1)).to_have_text(title)
