"""Scripts, history and a run by axe-core and by thumb: desktop and phone, light and dark."""

import httpx
import pytest
from playwright.async_api import Page, expect

from tests.support.browser import OpenPage
from tests.support.server import Server
from tests.ui.accessibility import complaints, in_both_lights
from tests.ui.terminal import TerminalView, running, start_run, width_overflow

LONG = "a-name-that-somebody-thought-was-a-good-idea-at-the-time-and-nobody-dared-to-shorten-v2-final.sh"
COLOURS = "for i in 1 2 3 4 5 6 7; do printf '\\033[3%sm colour \\033[1m bold \\033[0m\\n' $i; done; read line"
SMALL = """() => [...document.querySelectorAll(".t-main a, .t-main button, .t-main input, .t-main select")]
  .filter((one) => one.checkVisibility() && !one.matches(".t-row-link, .script-name"))  // their whole row takes a tap
  .map((one) => [one.ariaLabel || one.innerText, (one.closest(".t-control") || one).getBoundingClientRect()])
  .filter(([, box]) => box.width < 44 || box.height < 44)
  .map(([text, box]) => `${text}: ${box.width} x ${box.height}`)"""

everywhere = pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])


async def judge(page: Page, *, phone: bool) -> None:
    async for light in in_both_lights(page):
        assert await complaints(page, light) == [], light
    assert await width_overflow(page) == 0
    if phone:
        assert await page.evaluate(SMALL) == []


@everywhere
async def test_scripts_and_history(server: Server, admin: httpx.AsyncClient, open_page: OpenPage, phone: bool) -> None:
    server.script(LONG, f"#!/bin/sh\n# {'What it is for, at length. ' * 9}\nexit 3\n", mode=0o777)
    await start_run(admin, LONG, "--with", "some arguments")
    page = await open_page("/history", phone=phone)
    await expect(page.get_by_text("Failed (3)").first).to_be_visible()
    await judge(page, phone=phone)
    await page.goto(f"/scripts?script={LONG}")
    await expect(page.get_by_role("textbox", name="Arguments")).to_be_visible()
    await judge(page, phone=phone)
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await judge(page, phone=phone)


@everywhere
async def test_a_run(server: Server, admin: httpx.AsyncClient, open_page: OpenPage, phone: bool) -> None:
    async with running(admin, server.script("colours.sh", COLOURS)) as run_id:
        page = await open_page(f"/run/{run_id}", phone=phone)
        terminal = TerminalView(page)
        await terminal.shows("colour")
        await terminal.tool("Search output").click()
        await page.keyboard.type("bold")
        await expect(page.locator(".term-count")).to_have_text("7 of 7")
        await judge(page, phone=phone)
        await terminal.tool("Full screen").click()
        await judge(page, phone=phone)
