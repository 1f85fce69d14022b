"""The log of a plugin: by level, by text, live, and as far back as one likes."""

import json
from collections.abc import AsyncIterator

import httpx
import pytest
from playwright.async_api import Locator, Page, expect

from tests.plugins.puppet import puppet_server
from tests.support.browser import OpenPage
from tests.support.clients import http_client, session_cookies
from tests.support.processes import ProcessWatch
from tests.support.server import Server

PAGE = 200


@pytest.fixture(scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory, process_watch: ProcessWatch) -> AsyncIterator[Server]:
    async with puppet_server(tmp_path_factory.mktemp("stage"), process_watch, ["puppet", "other"]) as server:
        yield server


@pytest.fixture
async def admin(stage: Server) -> AsyncIterator[httpx.AsyncClient]:
    async with http_client(stage, await session_cookies(stage)) as client:
        yield client


def lines(page: Page) -> Locator:
    return page.get_by_role("log", name="Lines").locator(".t-log-line")


async def printed(client: httpx.AsyncClient, *texts: str, plugin: str = "puppet") -> None:
    body = "".join(f"{text}\n" for text in texts)
    (await client.post(f"/api/plugins/route/{plugin}/print", content=body)).raise_for_status()


def told(level: str, message: str, **more: str) -> str:
    return json.dumps({"timestamp": "2026-11-22T10:00:00Z", "level": level, "message": message, **more})


async def test_lines_appear_while_one_looks(stage: Server, admin: httpx.AsyncClient, open_page: OpenPage) -> None:
    await printed(admin, "before anybody looked")
    page = await open_page("/plugins/puppet/logs", on=stage)
    await expect(lines(page).filter(has_text="before anybody looked")).to_have_count(1)
    await expect(page.get_by_text("Live", exact=True)).to_be_visible()
    await printed(admin, "<b>now</b> & live")
    await expect(lines(page).last).to_contain_text("<b>now</b> & live")
    await page.get_by_role("button", name="Pause").click()
    await printed(admin, "unseen for now")
    await page.get_by_role("button", name="Go on").click()
    await expect(lines(page).filter(has_text="unseen for now")).to_have_count(1)


async def test_level_and_text_filter(stage: Server, admin: httpx.AsyncClient, open_page: OpenPage) -> None:
    await printed(admin, *(told(level, f"filter {level}") for level in ("debug", "info", "warn")))
    await printed(admin, told("error", "filter error", error="OSError: no room"))
    page = await open_page("/plugins/puppet/logs", on=stage)
    await page.get_by_label("Search the log").fill("FILTER")
    await expect(lines(page)).to_have_count(4)
    await page.get_by_label("Level").select_option("Warnings and errors")
    await expect(lines(page)).to_have_count(2)
    await expect(lines(page).last).to_contain_text("OSError: no room")
    await expect(page.get_by_text("Live", exact=True)).to_be_visible()
    await printed(admin, told("info", "filter later"), told("error", "something else"), told("error", "filter later"))
    await expect(lines(page)).to_have_count(3)
    await page.get_by_label("Search the log").fill("nothing has this")
    await expect(page.get_by_text("No line matches.")).to_be_visible()


async def test_older_lines_are_a_page_further(stage: Server, admin: httpx.AsyncClient, open_page: OpenPage) -> None:
    await printed(admin, *(f"line {number}" for number in range(300)), plugin="other")
    page = await open_page("/plugins/other/logs", on=stage)
    await expect(lines(page)).to_have_count(PAGE)
    await expect(lines(page).last).to_contain_text("line 299")
    await expect(lines(page).last).to_be_in_viewport()
    await page.get_by_role("button", name="Show older lines").click()
    await expect(lines(page).filter(has_text="line 0")).to_have_count(1)
    await expect(page.get_by_role("button", name="Show older lines")).to_have_count(0)
    box = page.get_by_role("log", name="Lines")
    await box.evaluate("box => box.scrollTop = 0")
    await printed(admin, "the newest", plugin="other")
    await expect(lines(page).last).to_contain_text("the newest")
    await expect(lines(page).last).not_to_be_in_viewport()
    await page.get_by_role("button", name="Newest").click()
    await expect(lines(page).last).to_be_in_viewport()
