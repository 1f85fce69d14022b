"""The enabled plugins in the menu: their icons, names and health, on every open page and always true."""

import os
import signal
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Locator, Page, expect

from tests.support.browser import OpenPage
from tests.support.clients import CLIENT
from tests.support.processes import ProcessWatch
from tests.support.server import Server
from tests.ui.accessibility import complaints
from tests.ui.plugin_stage import HELLO, Stage, decide, inside, open_stage, put_plugin
from tests.ui.test_frame import small_targets


@pytest.fixture(scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory, process_watch: ProcessWatch) -> AsyncIterator[Stage]:
    server = Server(tmp_path_factory.mktemp("stage"))
    put_plugin(server, "hello", bundle=HELLO, icon="👋", name="Hello <i>there</i>")
    put_plugin(server, "second", bundle=HELLO, icon="DNS")
    decide(server, hello=True, second=False)
    async with open_stage(server, process_watch) as opened:
        await opened.until("hello", health="healthy")
        await opened.until("second", enabled=False)
        yield opened


def entries(page: Page) -> Locator:
    return page.get_by_role("navigation", name="Main").get_by_role("list", name="Enabled plugins").get_by_role("link")


@pytest.mark.parametrize("username", ["admin", CLIENT])
async def test_enabled_plugins_are_there_with_their_health(stage: Stage, open_page: OpenPage, username: str) -> None:
    page = await open_page("/history", on=stage.server, username=username)
    await expect(entries(page)).to_have_text([r"👋Hello <i>there</i>Healthy"])
    await stage.healthy("second")
    await expect(entries(page)).to_have_count(2)
    await expect(entries(page).last).to_have_text("DNSSecondHealthy")
    os.kill((await stage.view("second"))["pid"], signal.SIGKILL)
    await expect(entries(page).last).to_contain_text("Crashed")
    await expect(entries(page).last.locator(".t-health.warn")).to_be_visible()
    await expect(entries(page).last).to_contain_text("Healthy")
    await stage.post("second/disable")
    await expect(entries(page)).to_have_count(1)


async def test_an_entry_leads_to_the_page_and_is_marked(stage: Stage, open_page: OpenPage) -> None:
    page = await open_page("/history", on=stage.server)
    await entries(page).first.click()
    await expect(inside(page).locator("h2")).to_be_visible()
    await expect(entries(page).first).to_have_attribute("aria-current", "page")
    current = page.get_by_role("navigation", name="Main").locator("[aria-current=page]")
    await expect(current).to_have_count(1)
    assert await complaints(page) == []


async def test_in_the_menu_of_a_phone(stage: Stage, open_page: OpenPage) -> None:
    page = await open_page("/history", on=stage.server, phone=True)
    await page.get_by_role("button", name="Menu").tap()
    await expect(entries(page).first).to_be_visible()
    assert await complaints(page) == []
    assert await small_targets(page) == []
    await entries(page).first.tap()
    await expect(inside(page).locator("h2")).to_be_visible()
    await expect(entries(page).first).not_to_be_visible()
