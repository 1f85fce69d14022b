"""The frame in a real browser, on a desktop and on a phone: menu, account, light and dark, lost and ended sessions."""

import re

import httpx
import pytest
from playwright.async_api import Page, expect

from tests.support.browser import OpenPage
from tests.support.clients import sign_in
from tests.support.server import Server
from tests.ui.accessibility import complaints, in_both_lights

PAGES = {
    "/": ".m-chart canvas",
    "/system-monitor": "table:has(caption:text-is('Processes by use'))",
    "/scripts": "h1",
    "/history": "h1",
    "/settings": ".t-card",
    "/account": ".t-card",
}
"""The pages, and what is there once they are drawn."""

moving_or_not = pytest.mark.parametrize("motion", [False, True], ids=["still", "moving"])


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
@pytest.mark.parametrize("path", PAGES)
async def test_every_page_can_be_used_by_everybody(open_page: OpenPage, path: str, phone: bool) -> None:
    page = await open_page(path, phone=phone)
    await expect(page.locator(PAGES[path]).first).to_be_visible()
    await expect(page.locator(".t-skeleton")).to_have_count(0)  # what arrives over the socket is judged too
    async for light in in_both_lights(page):
        assert await complaints(page, light) == [], light
    assert await wider_than_the_screen(page) == []
    if phone:
        assert await small_targets(page) == []


async def wider_than_the_screen(page: Page) -> list[str]:
    found: list[str] = await page.evaluate(
        """() => document.documentElement.scrollWidth <= document.documentElement.clientWidth ? [] :
        [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1)
        .slice(0, 5).map(e => e.outerHTML.slice(0, 120))"""
    )
    return found


async def small_targets(page: Page) -> list[str]:
    """What a thumb would miss: links within a sentence and rows aside, everything is 44 pixels or more."""
    found: list[str] = await page.evaluate(
        """() => [...document.querySelectorAll('a[href], button, input, select, [role=button]')]
        .filter(e => e.checkVisibility({visibilityProperty: true}) && !e.disabled && !e.closest('[inert]'))
        .map(e => [e, (e.closest('label, tr.linked, .q-field__control') || e).getBoundingClientRect()])
        .filter(([e, r]) => r.width > 0 && (Math.round(r.width) < 44 || Math.round(r.height) < 44))
        .map(([e, r]) => `${Math.round(r.width)}x${Math.round(r.height)} ${e.outerHTML.slice(0, 160)}`)"""
    )
    return found


async def test_a_link_changes_the_page_in_place(page: Page) -> None:
    await page.evaluate("window.stayed = true")
    await page.get_by_role("navigation", name="Main").get_by_role("link", name="Settings").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Settings")
    await expect(page).to_have_title("Settings · Toru")
    await expect(page).to_have_url(re.compile("/settings$"))
    assert await page.evaluate("window.stayed")
    current = page.get_by_role("navigation", name="Main").locator("[aria-current=page]")
    await expect(current).to_have_text("Settings")
    await page.go_back()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Dashboard")
    await expect(current).to_have_text("Dashboard")


@moving_or_not
async def test_the_menu_of_a_phone_opens_and_closes(open_page: OpenPage, motion: bool) -> None:
    phone = await open_page(phone=True, motion=motion)
    menu = phone.get_by_role("navigation", name="Main")
    button = phone.get_by_role("button", name="Menu")
    await expect(menu).not_to_be_visible()
    await button.tap()
    await expect(menu).to_be_visible()
    await expect(button).to_have_attribute("aria-expanded", "true")
    assert await complaints(phone) == []
    await phone.keyboard.press("Escape")
    await expect(menu).not_to_be_visible()
    await expect(button).to_be_focused()
    await button.tap()
    await menu.get_by_role("link", name="Settings").tap()
    await expect(phone.get_by_role("heading", level=1)).to_have_text("Settings")
    await expect(menu).not_to_be_visible()
    await button.tap()
    await phone.touchscreen.tap(380, 300)
    await expect(menu).not_to_be_visible()


async def test_the_account_menu_leads_out(open_page: OpenPage, server: Server) -> None:
    page = await open_page("/login", username=None)
    async with await sign_in(server) as client:
        await take_session(page, client, server)
        await page.goto("/account")
        await page.get_by_role("button", name="Account of").click()
        account = page.get_by_role("dialog", name="Account")
        await expect(account).to_be_visible()
        assert await complaints(page) == []
        await account.get_by_role("button", name="Sign out").click()
        await expect(page).to_have_url(re.compile("/login$"))
        await page.goto("/account")
        await expect(page).to_have_url(re.compile("/login"))
        assert (await client.get("/api/settings")).status_code == 401


async def take_session(page: Page, client: httpx.AsyncClient, server: Server) -> None:
    """Lets the browser go on as `client`, under a session that no other test uses."""
    await page.context.add_cookies([{"name": k, "value": v, "url": server.url} for k, v in client.cookies.items()])


async def test_the_choice_of_light_or_dark_is_kept_and_painted_at_once(open_page: OpenPage) -> None:
    page = await open_page("/account")
    html = page.locator("html")
    await expect(html).not_to_have_class(re.compile("dark"))
    await page.get_by_role("main").get_by_role("radio", name="Dark").check()
    await expect(html).to_have_class(re.compile("dark"))
    await expect(page.locator("body")).to_have_class(re.compile("body--dark"))
    await page.get_by_role("button", name="Account of").click()
    await expect(page.get_by_role("dialog").get_by_role("radio", name="Dark")).to_be_checked()
    await page.keyboard.press("Escape")
    # A page that is loaded anew is dark from its first paint on, and stays so.
    await page.add_init_script(
        """new MutationObserver(() => { if (document.body && !document.documentElement.classList.contains('dark'))
        window.wasLight = true }).observe(document, {childList: true, subtree: true, attributes: true})"""
    )
    await page.reload()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Account")
    assert await page.evaluate("window.wasLight") is None, "a flash of the other mode"
    await page.get_by_role("main").get_by_role("radio", name="System").check()
    await expect(html).not_to_have_class(re.compile("dark"))
    await page.emulate_media(color_scheme="dark")
    await expect(html).to_have_class(re.compile("dark"))


async def test_a_session_that_ends_elsewhere_leads_to_the_sign_in_page(open_page: OpenPage, server: Server) -> None:
    page = await open_page("/login", username=None)
    async with await sign_in(server) as client:
        await take_session(page, client, server)
        await page.goto("/account")
        await expect(page.get_by_role("heading", level=1)).to_have_text("Account")
        await page.wait_for_function("window.did_handshake")
        await client.post("/api/auth/logout")
        await expect(page).to_have_url(re.compile(r"/login\?ended=1&next=(%2F|/)account$"))
        await expect(page.get_by_role("alert")).to_contain_text("Your session has ended")


@pytest.mark.allows_console("ERR_INTERNET_DISCONNECTED")
async def test_a_lost_connection_is_told_calmly_and_mends_itself(open_page: OpenPage) -> None:
    page = await open_page("/account")
    await page.wait_for_function("window.did_handshake")
    await page.context.set_offline(True)
    await page.evaluate("window.socket.io.engine.close()")
    notice = page.locator("#popup")
    await expect(notice).to_have_attribute("aria-hidden", "false")
    await expect(notice).to_have_css("opacity", "1")
    assert await complaints(page) == []
    await page.context.set_offline(False)
    await expect(notice).to_have_attribute("aria-hidden", "true")
    await page.get_by_role("navigation", name="Main").get_by_role("link", name="History").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("History")


@moving_or_not
async def test_a_dialog_keeps_the_keyboard_and_gives_it_back(open_page: OpenPage, server: Server, motion: bool) -> None:
    server.script("hello.sh", "echo hello")
    page = await open_page("/settings", motion=motion)
    await page.get_by_role("button", name="New").click()
    dialog = page.get_by_role("dialog", name="New quick action")
    await expect(dialog).to_be_visible()
    assert await complaints(page) == []  # which waits until nothing moves
    for _ in range(12):
        await page.keyboard.press("Tab")
        assert await page.evaluate("document.activeElement.closest('.nicegui-layout')") is None
    await page.keyboard.press("Escape")
    await expect(dialog).not_to_be_visible()
    await expect(page.get_by_role("button", name="New")).to_be_focused()


async def test_nothing_moves_for_who_wants_no_motion(open_page: OpenPage) -> None:
    page = await open_page("/settings")
    takes = "button => getComputedStyle(button).transitionDuration"
    button = page.get_by_role("button", name="New")
    assert await button.evaluate(takes) == "0s"
    await page.emulate_media(reduced_motion="no-preference")
    assert await button.evaluate(takes) != "0s"


async def test_a_keyboard_skips_the_menu(page: Page) -> None:
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    await page.keyboard.press("Enter")
    assert await page.evaluate("document.activeElement.id") == "t-content"
