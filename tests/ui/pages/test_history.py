"""The history: every run, found by script, state and user, and kept up to date while it is looked at."""

import re

import httpx
import pytest
from playwright.async_api import Locator, Page, expect

from tests.conftest import StartServer
from tests.support.browser import OpenPage
from tests.support.clients import CLIENT, http_client, session_cookies
from tests.support.server import Server
from tests.ui.terminal import TerminalView, running, start_run, width_overflow

PAGE_SIZE = 40


def rows(page: Page) -> Locator:
    return page.get_by_role("table", name="Runs, newest first").locator("tbody tr")


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
async def test_a_run_appears_changes_and_is_opened(
    server: Server, admin: httpx.AsyncClient, open_page: OpenPage, phone: bool
) -> None:
    page = await open_page("/history", phone=phone)
    await expect(page.get_by_role("heading", level=1)).to_have_text("History")
    async with running(admin, server.script("watched.sh", "echo here; while :; do sleep 0.05; done")) as run_id:
        row = page.locator("tr", has=page.locator(f'a[href="/run/{run_id}"]'))
        await expect(row).to_contain_text("Running")
        assert await width_overflow(page) == 0
    await expect(row).to_contain_text("Cancelled")
    await row.click()
    await expect(page).to_have_url(re.compile(run_id))
    await TerminalView(page).shows("here")


async def test_filters(start_server: StartServer, open_page: OpenPage) -> None:
    server = await start_server()
    good, bad = server.script("good.sh", "exit 0"), server.script("bad.sh", "exit 1")
    async with http_client(server, await session_cookies(server)) as admin:
        await start_run(admin, good)
        await start_run(admin, bad, "--with", "some words")
        await admin.post("/api/quick-actions", json={"name": "Good", "script_path": good})
    async with http_client(server, await session_cookies(server, CLIENT)) as client:
        await start_run(client, good)
    page = await open_page("/history", on=server)
    await expect(rows(page)).to_have_count(3)
    await page.get_by_label("State").select_option("Failed")
    await expect(rows(page)).to_have_count(1)
    await page.get_by_label("State").select_option("Any state")
    await page.get_by_label("Started by").select_option("Started by me")
    await expect(rows(page)).to_have_count(2)
    await page.get_by_label("Search").fill("SOME W")
    await expect(rows(page)).to_have_count(1)
    await page.get_by_label("Search").fill("nothing like it")
    await expect(page.get_by_text("No run matches")).to_be_visible()
    await page.get_by_label("Started by").select_option("Everybody")
    await page.get_by_label("Search").fill(CLIENT)
    await expect(rows(page)).to_have_count(1)


async def test_older_runs_are_a_page_further_and_a_link_finds_them(
    start_server: StartServer, open_page: OpenPage
) -> None:
    server = await start_server()
    script = server.script("short.sh", "exit 0")
    async with http_client(server, await session_cookies(server)) as admin:
        oldest = await start_run(admin, script, "oldest")
        for _ in range(PAGE_SIZE):
            await start_run(admin, script)
        page = await open_page(f"/history?highlight_task={oldest}", on=server)
        pinned = page.get_by_role("table", name="The run you were sent to").locator("tbody tr")
        await expect(pinned).to_have_attribute("aria-current", "true")
        await expect(rows(page)).to_have_count(PAGE_SIZE)
        await page.get_by_role("button", name="Show older runs").click()
        await expect(rows(page)).to_have_count(PAGE_SIZE + 1)
        await expect(page.get_by_role("button", name="Show older runs")).to_be_hidden()
        await start_run(admin, script)  # what was loaded stays when something new comes
        await expect(rows(page)).to_have_count(PAGE_SIZE + 2)


async def test_a_link_marks_its_run(server: Server, admin: httpx.AsyncClient, open_page: OpenPage) -> None:
    run_id = await start_run(admin, server.script("marked.sh", "exit 0"))
    page = await open_page(f"/history?highlight_task={run_id}")
    marked = page.locator("tr[aria-current=true]")
    await expect(marked).to_have_count(1)
    await expect(marked).to_contain_text("marked.sh")


async def test_nothing_yet(start_server: StartServer, open_page: OpenPage) -> None:
    server = await start_server()
    page = await open_page("/history", on=server)
    await expect(page.get_by_text("Nothing has run yet")).to_be_visible()
    async with http_client(server, await session_cookies(server)) as admin:
        await start_run(admin, server.script("first.sh", "exit 0"))
    await expect(rows(page)).to_have_count(1)
