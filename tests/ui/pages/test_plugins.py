"""The plugins as cards: administrators act, clients look; what is refused is told, and so is how to add one."""

import re
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Locator, Page, expect

from app.core.clock import Clock
from tests.conftest import StartServer
from tests.second_factor.support import Authenticator
from tests.support.browser import OpenPage
from tests.support.clients import CLIENT, sign_in
from tests.support.processes import ProcessWatch
from tests.support.server import ADMIN, ADMIN_PASSWORD, Server
from tests.ui.accessibility import complaints, in_both_lights
from tests.ui.plugin_stage import HELLO, Stage, decide, inside, open_stage, put_plugin
from tests.ui.test_frame import small_targets, wider_than_the_screen

NO_LICENCE = "print('The key has run out.', file=sys.stderr); sys.exit(78)"


@pytest.fixture(scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory, process_watch: ProcessWatch) -> AsyncIterator[Stage]:
    server = Server(tmp_path_factory.mktemp("stage"))
    told = {"author": "Ada & Co", "description": "Greets <b>everybody</b>.", "version": "2.1", "icon": "👋"}
    put_plugin(server, "hello", bundle=HELLO, **told)
    put_plugin(server, "second", bundle=HELLO, icon="SEC", name="A second one with a name that is longer than a card")
    put_plugin(server, "unpaid", NO_LICENCE, bundle=None, license="required")
    (server.folder / "plugins" / "second.binary").chmod(0o775)
    refused = server.folder / "plugins" / "open.binary"
    refused.write_text("#!/bin/sh\n")
    refused.chmod(0o777)
    decide(server, hello=True, second=False, unpaid=True)
    async with open_stage(server, process_watch) as opened:
        await opened.until("hello", health="healthy")
        await opened.until("unpaid", state="given_up")
        await opened.until("second", enabled=False)
        yield opened


def card(page: Page, name: str) -> Locator:
    return page.get_by_role("main").get_by_role("region", name=re.compile(f"^{name}"))


async def test_a_card_says_what_a_plugin_is_and_how_it_is(stage: Stage, open_page: OpenPage) -> None:
    await stage.admin.get("/api/plugins/route/hello/x")
    page = await open_page("/plugins", on=stage.server)
    hello = card(page, "Hello")
    for text in ("Version 2.1 · by Ada & Co", "Greets <b>everybody</b>.", "Healthy", "👋"):
        await expect(hello).to_contain_text(text)
    for name, value in (("CPU", r"[\d.]+ %"), ("Memory", r"[\d.]+ MiB"), ("Uptime", r"\d+ (s|min)"), ("Restarts", "0")):
        await expect(hello.locator("dl > div", has_text=name).locator("dd")).to_have_text(re.compile(value))
    await expect(hello.locator("dl > div", has_text="Requests").locator("dd")).to_have_text(re.compile("[1-9]"))
    await expect(hello.locator("dl > div", has_text="95 %").locator("dd")).to_have_text(re.compile(r"[\d.]+ ms"))
    unpaid = card(page, "Unpaid")
    await expect(unpaid).to_contain_text("Failed")
    await expect(unpaid).to_contain_text("The key has run out.")
    await expect(card(page, "A second one")).to_contain_text("Its group may change it.")
    await hello.get_by_role("link", name="Open Hello").click()
    await expect(inside(page).locator("h2")).to_be_visible()


async def test_figures_are_kept_true(stage: Stage, open_page: OpenPage) -> None:
    page = await open_page("/plugins", on=stage.server)
    requests = card(page, "Hello").locator("dl > div", has_text="Requests").locator("dd")
    before = int(await requests.inner_text())
    await stage.admin.get("/api/plugins/route/hello/x")
    await expect(requests).to_have_text(str(before + 1))


async def test_an_admin_enables_restarts_and_disables(stage: Stage, open_page: OpenPage) -> None:
    page = await open_page("/plugins", on=stage.server)
    second = card(page, "A second one")
    menu = page.get_by_role("navigation", name="Main").get_by_role("link", name="A second one")
    await expect(second).to_contain_text("Disabled")
    await expect(menu).to_have_count(0)
    await second.get_by_role("button", name="Enable").click()
    await expect(second).to_contain_text("Healthy")
    await expect(page.locator(".t-toast")).to_contain_text("is enabled.")
    await expect(menu).to_have_count(1)
    pid = (await stage.view("second"))["pid"]
    await second.get_by_role("button", name="Restart").click()
    await expect(page.locator(".t-toast", has_text="restarted")).to_be_visible()
    assert (await stage.until("second", health="healthy"))["pid"] != pid
    await second.get_by_role("button", name="Disable").click()
    await expect(second).to_contain_text("Disabled")
    await expect(menu).to_have_count(0)


async def test_one_that_gave_up_is_tried_again(stage: Stage, open_page: OpenPage) -> None:
    page = await open_page("/plugins", on=stage.server)
    put_plugin(stage.server, "unpaid", bundle=None, license="required", version="1.1")
    await stage.until("unpaid", version="1.1")
    await card(page, "Unpaid").get_by_role("button", name="Try again").click()
    await expect(card(page, "Unpaid")).to_contain_text("Healthy")
    await expect(card(page, "Unpaid")).to_contain_text("It needs a licence key, and none is stored.")
    put_plugin(stage.server, "unpaid", NO_LICENCE, bundle=None, license="required")
    await stage.until("unpaid", state="given_up")


async def test_a_client_looks_and_has_no_buttons(stage: Stage, open_page: OpenPage) -> None:
    page = await open_page("/plugins", on=stage.server, username=CLIENT)
    await expect(card(page, "Hello")).to_contain_text("Healthy")
    await expect(page.get_by_role("main").get_by_role("button")).to_have_count(0)
    for text in ("Files that are not run", "Instance id"):
        await expect(page.get_by_text(text)).to_have_count(0)


async def test_refused_files_say_why(stage: Stage, open_page: OpenPage) -> None:
    page = await open_page("/plugins", on=stage.server)
    table = page.get_by_role("table", name="Files that are not run")
    await expect(table).to_contain_text("open.binary")
    await expect(table).to_contain_text("everybody")
    (stage.server.folder / "plugins" / "other.binary").write_text("not to be run")
    await expect(table).to_contain_text("other.binary")
    (stage.server.folder / "plugins" / "other.binary").unlink()
    await expect(table).not_to_contain_text("other.binary")
    await page.get_by_role("button", name="Look again").click()
    await expect(page.locator(".t-toast")).to_contain_text("read again")


async def test_the_instance_id_is_copied(stage: Stage, open_page: OpenPage) -> None:
    page = await open_page("/plugins", on=stage.server)
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    listed = (await stage.admin.get("/api/settings")).json()["settings"]
    [instance] = [setting["value"] for setting in listed if setting["key"] == "instance_id"]
    await expect(page.get_by_text(instance)).to_be_visible()
    await page.get_by_role("button", name="Copy the instance id").click()
    await expect(page.get_by_role("button", name="Copy the instance id")).to_have_class(re.compile("done"))
    assert await page.evaluate("navigator.clipboard.readText()") == instance


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
@pytest.mark.parametrize("path", ["/plugins", "/plugins/hello", "/plugins/hello/logs"])
async def test_everybody_can_use_it(stage: Stage, open_page: OpenPage, path: str, phone: bool) -> None:
    page = await open_page(path, on=stage.server, phone=phone)
    await expect(page.get_by_role("heading", level=1)).to_be_visible()
    await expect(page.locator(".t-skeleton")).to_have_count(0)  # what arrives over the socket is judged too
    async for light in in_both_lights(page):
        assert await complaints(page, light) == [], light
    assert await wider_than_the_screen(page) == []
    if phone:
        assert await small_targets(page) == []


async def test_nothing_yet_tells_how_to_add_one(start_server: StartServer, open_page: OpenPage) -> None:
    server = await start_server()
    page = await open_page("/plugins", on=server)
    await expect(page.get_by_text("No plugins yet")).to_be_visible()
    await expect(page.get_by_text(str(server.folder / "plugins"))).to_be_visible()
    assert await complaints(page) == []
    put_plugin(server, "first", bundle=HELLO)
    await expect(card(page, "First")).to_contain_text("Disabled")
    await expect(page.get_by_text("No plugins yet")).to_have_count(0)


async def test_enabling_takes_the_code_of_who_has_a_second_factor(
    start_server: StartServer, open_page: OpenPage
) -> None:
    server = await start_server()
    put_plugin(server, "hello", bundle=HELLO)
    page = await open_page("/plugins", on=server)
    async with await sign_in(server, ADMIN, ADMIN_PASSWORD) as elsewhere:
        begun = await elsewhere.post("/api/me/second-factor", json={"password": ADMIN_PASSWORD})
        phone = Authenticator(begun.json()["secret"], Clock())
        (await elsewhere.put("/api/me/second-factor", json={"code": phone.code(steps=-1)})).raise_for_status()
    await page.get_by_role("button", name="Enable Hello").click()
    asked = page.get_by_role("dialog", name="Confirm that it is you")
    await expect(card(page, "Hello")).to_contain_text("Disabled")
    await asked.get_by_label("Code").fill(phone.code())
    await asked.get_by_role("button", name="Confirm").click()
    await expect(card(page, "Hello")).to_contain_text("Healthy")
