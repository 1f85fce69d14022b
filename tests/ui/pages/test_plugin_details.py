"""One plugin for administrators: what it is, its licence key, and what its pages may keep."""

import hmac
import re
from base64 import b64encode
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta

import pytest
from playwright.async_api import Page, expect

from tests.support.browser import OpenPage
from tests.support.clients import CLIENT, http_client, session_cookies
from tests.support.processes import ProcessWatch
from tests.support.server import Server
from tests.ui.plugin_stage import HELLO, Stage, decide, open_stage, put_plugin

TODAY = datetime.now(UTC).date()


@pytest.fixture(scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory, process_watch: ProcessWatch) -> AsyncIterator[Stage]:
    server = Server(tmp_path_factory.mktemp("stage"))
    put_plugin(server, "paid", bundle=HELLO, name="Paid for", license="required")
    decide(server, paid=True)
    async with open_stage(server, process_watch) as opened:
        await opened.until("paid", health="healthy")
        yield opened


async def instance_id(stage: Stage) -> str:
    listed = (await stage.admin.get("/api/settings")).json()["settings"]
    [found] = [setting["value"] for setting in listed if setting["key"] == "instance_id"]
    return str(found)


async def key_until(stage: Stage, day: date) -> str:
    """A key as the contract describes it."""
    told = f"{await instance_id(stage)}:{day.isoformat()}"
    signature = b64encode(hmac.digest(b"a secret of the test", told.encode(), "sha256")).decode()
    return b64encode(f"{told}:{signature}".encode()).decode()


async def store(page: Page, key: str) -> None:
    await page.get_by_label("Licence key").fill(key)
    await page.get_by_role("button", name="Store").click()


async def test_it_says_what_the_plugin_is(stage: Stage, open_page: OpenPage) -> None:
    page = await open_page("/plugins/paid", on=stage.server)
    main = page.get_by_role("main")
    for text in ("/api/plugins/route/paid", "paid.sock", str((await stage.view("paid"))["pid"])):
        await expect(main).to_contain_text(text)
    await main.get_by_role("button", name="Restart").click()
    await expect(page.locator(".t-toast", has_text="restarted")).to_be_visible()
    await stage.until("paid", health="healthy")
    await expect(main).to_contain_text(str((await stage.view("paid"))["pid"]))


async def test_a_licence_key_is_stored_never_shown_and_removed(stage: Stage, open_page: OpenPage) -> None:
    key = await key_until(stage, TODAY + timedelta(days=40))
    page = await open_page("/plugins/paid", on=stage.server)
    await expect(page.get_by_text("Missing")).to_be_visible()
    await expect(page.get_by_text(await instance_id(stage))).to_be_visible()
    await page.wait_for_function("window.did_handshake")
    await store(page, f"  {key}  ")
    await expect(page.get_by_text("Stored", exact=True).first).to_be_visible()
    await expect(page.get_by_text(f"{TODAY + timedelta(days=40):%-d %B %Y}")).to_be_visible()
    await expect(page.get_by_label("Licence key")).to_have_value("")
    await stage.until("paid", health="healthy", license="stored")
    await page.reload()
    await expect(page.get_by_text("By", exact=True)).to_be_visible()
    assert key not in await page.content()
    await page.wait_for_function("window.did_handshake")
    await page.get_by_role("button", name="Remove the key").click()
    await page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    await expect(page.get_by_text("Missing")).to_be_visible()
    assert (await stage.view("paid"))["license"] == "required"


async def test_a_key_that_is_no_good_says_why(stage: Stage, open_page: OpenPage) -> None:
    page = await open_page("/plugins/paid", on=stage.server)
    await page.wait_for_function("window.did_handshake")
    await store(page, "")
    await expect(page.get_by_text("Enter a licence key.")).to_be_visible()
    await store(page, "canary-7f3a")
    await expect(page.get_by_text("This is not a licence key.")).to_be_visible()
    await store(page, await key_until(stage, TODAY - timedelta(days=2)))
    await expect(page.get_by_label("Licence key")).to_have_attribute("aria-invalid", "true")
    await expect(page.get_by_text("This is not a licence key.")).to_have_count(0)
    await expect(page.get_by_text("Missing")).to_be_visible()


async def test_its_pages_are_made_read_only_for_clients(stage: Stage, open_page: OpenPage) -> None:
    page = await open_page("/plugins/paid", on=stage.server)
    await page.wait_for_function("window.did_handshake")
    switch = page.get_by_role("switch", name="Read-only for clients")
    await expect(switch).not_to_be_checked()
    await switch.click()
    await expect(switch).to_be_checked()
    async with http_client(stage.server, await session_cookies(stage.server, CLIENT)) as client:
        answer = await client.post("/api/plugins/paid/kv", json={"action": "set", "key": "k", "value": "v"})
        assert answer.status_code == 403
        await page.reload()
        await expect(switch).to_be_checked()
        await page.wait_for_function("window.did_handshake")
        await switch.click()
        await expect(switch).not_to_be_checked()
        answer = await client.post("/api/plugins/paid/kv", json={"action": "set", "key": "k", "value": "v"})
        assert answer.status_code == 200


async def test_clients_do_not_get_there(stage: Stage, open_page: OpenPage) -> None:
    for path in ("/plugins/paid", "/plugins/paid/logs"):
        page = await open_page(path, on=stage.server, username=CLIENT)
        await expect(page).to_have_url(re.compile(r":\d+/$"))


async def test_an_unknown_plugin_is_told(stage: Stage, open_page: OpenPage) -> None:
    for path in ("/plugins/nobody", "/plugins/nobody/logs"):
        page = await open_page(path, on=stage.server)
        await expect(page.get_by_text("There is no such plugin.")).to_be_visible()
