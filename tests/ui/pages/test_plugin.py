"""A plugin's own page: what its bundle may ask for, what it can do no harm to, and what is shown while it is down."""

import os
import re
import signal
from base64 import b64encode
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Page, expect

from tests.support.browser import OpenPage
from tests.support.clients import CLIENT, sign_in
from tests.support.processes import ProcessWatch
from tests.support.server import Server
from tests.ui.accessibility import complaints, in_both_lights
from tests.ui.plugin_stage import HELLO, Stage, decide, document_of, inside, open_stage, put_plugin
from tests.ui.test_frame import take_session, wider_than_the_screen

RESETS = """
window.ToruPlugins[ID] = { mount(container) {
  const style = document.createElement("style");
  style.textContent = `*, *::before { all: unset !important; display: block !important; font: 30px serif !important }
    :root { --bg: red !important; --ink: lime !important; --radius: 90px !important; --primary: 0 100% 50% !important }
    body, html { background: red !important; padding: 70px !important }`;
  document.head.append(style);
  Object.assign(Array.prototype, { leaked: true });
  container.textContent = "Everything is mine";
} };
"""
OLDER = 'window["toru_plugin_" + ID] = { mount(container) { container.textContent = "An older one" } };'
FAULTS = {
    "silent": ("", "did not register a page"),
    "syntax": ("}} not JavaScript {{", "Its bundle failed: .*"),
    "thrower": ('throw new Error("No good start")', "Its bundle failed: No good start"),
    "mount": ('ToruPlugins[ID] = { mount() { throw new Error("No canvas") } }', "while it was drawn: No canvas"),
    "async": ('ToruPlugins[ID] = { async mount() { throw new Error("Later") } }', "while it was drawn: Later"),
    "after": (
        'ToruPlugins[ID] = { mount() { setTimeout(() => { throw new Error("Much later") }, 50) } }',
        "while it was drawn: Much later",
    ),
    "mountless": ("ToruPlugins[ID] = {}", "did not register a page"),
}
EVENTS = """
def handle(connection, message):
    say(connection, "event", {"name": "toast", "data": {"message": "From the process", "kind": "success"}})
    say(connection, "event", {"name": "toast", "data": ["no", "toast"]})
    return answer(message)
serve2(handle)
"""
NO_PAGE = "This page of the plugin cannot be shown"


@pytest.fixture(scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory, process_watch: ProcessWatch) -> AsyncIterator[Stage]:
    server = Server(tmp_path_factory.mktemp("stage"))
    put_plugin(server, "hello", bundle=HELLO, name="Hello & <b>world</b>", protocol="1")
    put_plugin(server, "other", bundle=HELLO)
    put_plugin(server, "resets", bundle=RESETS)
    put_plugin(server, "older", bundle=OLDER)
    put_plugin(server, "faulty", bundle="")
    put_plugin(server, "bare", "serve1(lambda request: answer(request, 'no', 404))", bundle=None)
    put_plugin(server, "events", EVENTS, bundle=HELLO, protocol="2")
    names = ("hello", "other", "resets", "older", "faulty", "bare", "events")
    decide(server, **dict.fromkeys(names, True))
    async with open_stage(server, process_watch) as opened:
        for plugin_id in names:
            await opened.until(plugin_id, health="healthy")
        yield opened


async def go(page: Page, path: str) -> None:
    """Follows the menu's link, which changes the page in place."""
    await page.evaluate(f"document.querySelector('.t-nav a[href=\"{path}\"]').click()")
    await expect(page).to_have_url(re.compile(re.escape(path) + "$"))


NOISE = 60
"""Pixels of a million: the edges of letters are not always drawn alike."""


async def different_pixels(page: Page, one: bytes, other: bytes) -> int:
    """How many pixels of two pictures differ; the same picture is not always the same file."""
    blank = await page.context.new_page()
    found: int = await blank.evaluate(
        """async (pictures) => {
        const [one, other] = await Promise.all(pictures.map(async (picture) => {
            const image = await createImageBitmap(await (await fetch("data:image/png;base64," + picture)).blob());
            const canvas = new OffscreenCanvas(image.width, image.height).getContext("2d");
            canvas.drawImage(image, 0, 0);
            return new Uint32Array(canvas.getImageData(0, 0, image.width, image.height).data.buffer);
        }));
        return one.filter((pixel, place) => pixel !== other[place]).length }""",
        [b64encode(picture).decode() for picture in (one, other)],
    )
    await blank.close()
    return found


# -- mounting and leaving


@pytest.mark.parametrize("username", ["admin", CLIENT])
async def test_a_bundle_is_mounted_and_unmounted_once(stage: Stage, open_page: OpenPage, username: str) -> None:
    page = await open_page("/plugin/hello", on=stage.server, username=username)
    await expect(inside(page).get_by_role("heading", name="Hello of hello")).to_be_visible()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Hello & <b>world</b>")
    await go(page, "/history")
    await expect(page.locator("iframe")).to_have_count(0)
    assert await page.evaluate("[mounts, unmounts]") == [1, 1]
    await go(page, "/plugin/other")
    await expect(inside(page).get_by_role("heading", name="Hello of other")).to_be_visible()
    await go(page, "/plugin/hello")
    await expect(inside(page).get_by_role("heading", name="Hello of hello")).to_be_visible()
    assert await page.evaluate("[mounts, unmounts]") == [3, 2]


async def test_an_older_way_of_registering_works(stage: Stage, open_page: OpenPage) -> None:
    page = await open_page("/plugin/older", on=stage.server)
    await expect(inside(page).get_by_text("An older one")).to_be_visible()


@pytest.mark.parametrize("path", ["/settings", "/scripts"])
async def test_a_bundle_that_resets_every_style_leaves_our_pages_as_they_were(
    stage: Stage, open_page: OpenPage, path: str
) -> None:
    page = await open_page("/history", on=stage.server)

    async def look() -> bytes:
        return await page.screenshot(mask=[page.locator(".t-host"), page.locator("time")], animations="disabled")

    async def picture() -> bytes:
        await go(page, path)
        await expect(page.locator(".t-loading")).to_have_count(0)
        taken = await look()
        while await different_pixels(page, taken, now := await look()) > NOISE:  # until it has come to rest
            taken = now
        return now

    await page.wait_for_function("window.did_handshake")
    before = await picture()
    await go(page, "/plugin/resets")
    await expect(inside(page).get_by_text("Everything is mine")).to_be_visible()
    assert await (await document_of(page)).evaluate("getComputedStyle(document.body).padding") == "70px"
    after = await picture()
    assert await different_pixels(page, before, after) <= NOISE
    await page.evaluate("document.querySelector('h1').style.letterSpacing = '8px'")
    assert await different_pixels(page, before, await picture()) > 5 * NOISE, "the comparison sees what differs"
    assert await page.evaluate("[].leaked") is None


# -- what a bundle asks for


async def test_light_and_dark_are_in_step(stage: Stage, open_page: OpenPage) -> None:
    page = await open_page("/plugin/hello", on=stage.server, dark=True)
    await expect(inside(page).locator("html")).to_have_class("dark")
    frame = await document_of(page)
    ground = "getComputedStyle(document.body).backgroundColor"
    assert await frame.evaluate(ground) == await page.evaluate(ground)
    await page.evaluate("toruTheme.choose('light')")
    await expect(inside(page).locator("html")).not_to_have_class("dark")
    assert await frame.evaluate(ground) == await page.evaluate(ground)
    await page.evaluate("toruTheme.choose('dark')")
    await expect(inside(page).locator("html")).to_have_class("dark")


async def test_the_utilities_and_variables_of_the_contract_work(stage: Stage, open_page: OpenPage) -> None:
    page = await open_page("/plugin/hello", on=stage.server)
    await expect(inside(page).locator("h2")).to_have_css("color", "rgb(73, 63, 170)")
    frame = await document_of(page)
    triplet = await frame.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--primary')")
    assert re.fullmatch(r"[\d.]+ [\d.]+% [\d.]+%", triplet)
    await frame.evaluate(
        "document.querySelector('p').className = 'p-4 rounded-lg bg-destructive text-muted-foreground'"
    )
    await expect(inside(page).locator("p")).to_have_css("padding", "16px")
    await expect(inside(page).locator("p")).to_have_css("border-radius", "12px")
    await expect(inside(page).locator("p")).to_have_css("background-color", "rgb(176, 32, 63)")


async def test_fetch_reaches_the_plugin(stage: Stage, open_page: OpenPage) -> None:
    page = await open_page("/plugin/hello", on=stage.server)
    await expect(inside(page).locator("h2")).to_be_visible()
    frame = await document_of(page)

    async def asked(path: str) -> str:
        told: str = await frame.evaluate(f"api.fetch({path!r}, {{method: 'PUT', body: 'x'}}).then(a => a.json())")
        return f"{told['method']} {told['path']}"  # type: ignore[index]

    assert await asked("/a/b?c=1&c=2") == "PUT /a/b?c=1&c=2"
    assert await asked("without") == "PUT /without"
    assert await asked("/api/plugins/route/other/x") == "PUT /x"
    assert await asked("/api/other") == "PUT /api/other"


@pytest.mark.allows_console("400")
async def test_values_are_kept_for_the_pages(stage: Stage, open_page: OpenPage) -> None:
    page = await open_page("/plugin/hello", on=stage.server)
    await expect(inside(page).locator("h2")).to_be_visible()
    frame = await document_of(page)
    assert await frame.evaluate("api.kv.get('colour')") is None
    assert await frame.evaluate("api.kv.set('colour', 'gr\u00fcn')") == "gr\u00fcn"
    await page.reload()
    await expect(inside(page).locator("h2")).to_be_visible()
    frame = await document_of(page)
    assert await frame.evaluate("api.kv.get('colour')") == "gr\u00fcn"
    assert await frame.evaluate("api.kv.delete('colour')") is None
    assert await frame.evaluate("api.kv.get('colour')") is None
    assert "key" in await frame.evaluate("api.kv.get('').catch(error => error.message)")


@pytest.mark.parametrize(("kind", "tone"), [("success", "ok"), ("error", "bad"), ("info", "info"), ("odd", "info")])
async def test_toasts_reach_our_page(stage: Stage, open_page: OpenPage, kind: str, tone: str) -> None:
    page = await open_page("/plugin/hello", on=stage.server)
    await expect(inside(page).locator("h2")).to_be_visible()
    await page.wait_for_function("window.did_handshake")
    await (await document_of(page)).evaluate(f"api.showToast('<b>Done</b> so far', {kind!r})")
    toast = page.locator(f".t-toast.{tone}")
    await expect(toast).to_contain_text("<b>Done</b> so far")


async def test_navigate_and_links_lead_the_whole_page(stage: Stage, open_page: OpenPage) -> None:
    page = await open_page("/plugin/hello", on=stage.server)
    await page.evaluate("window.stayed = true")
    await expect(inside(page).locator("h2")).to_be_visible()
    await page.wait_for_function("window.did_handshake")
    await (await document_of(page)).evaluate("api.navigate('/settings')")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Settings")
    await go(page, "/plugin/hello")
    await expect(inside(page).locator("h2")).to_be_visible()
    await (await document_of(page)).evaluate("document.querySelector('p').innerHTML = '<a href=\"/history\">Runs</a>'")
    await inside(page).get_by_role("link", name="Runs").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("History")
    assert await page.evaluate("stayed")


async def test_toasts_of_the_plugin_itself_reach_its_page_only(stage: Stage, open_page: OpenPage) -> None:
    own = await open_page("/plugin/events", on=stage.server)
    foreign = await open_page("/plugin/hello", on=stage.server)
    for page in (own, foreign):
        await expect(inside(page).locator("h2")).to_be_visible()
        await page.wait_for_function("window.did_handshake")
    (await stage.admin.get("/api/plugins/route/events/now")).raise_for_status()
    await expect(own.locator(".t-toast.ok")).to_contain_text("From the process")
    await expect(foreign.locator(".t-toast")).to_have_count(0)


@pytest.mark.parametrize("path", ["https://example.org/", "//example.org/x", "/\\\\example.org", "javascript:alert(1)"])
async def test_navigate_leads_nowhere_else(stage: Stage, open_page: OpenPage, path: str) -> None:
    page = await open_page("/plugin/hello", on=stage.server)
    await expect(inside(page).locator("h2")).to_be_visible()
    await page.wait_for_function("window.did_handshake")
    frame = await document_of(page)
    refused = f"(() => {{ try {{ api.navigate('{path}') }} catch (error) {{ return error.name }} }})()"
    assert await frame.evaluate(refused) == "TypeError"
    # A bundle can write such an event itself; the server looks once more.
    tell = "window.frameElement.dispatchEvent(new CustomEvent('toru-plugin:navigate', {detail: '%s'}))"
    await frame.evaluate(tell % path)
    await frame.evaluate("api.showToast('After it')")
    await expect(page.locator(".t-toast")).to_contain_text("After it")
    await expect(page).to_have_url(re.compile("/plugin/hello$"))


@pytest.mark.allows_console("401")
async def test_a_lost_session_is_told_to_the_page_around(stage: Stage, open_page: OpenPage) -> None:
    page = await open_page("/login", on=stage.server, username=None)
    async with await sign_in(stage.server) as client:
        await take_session(page, client, stage.server)
    await page.goto("/plugin/hello")
    await expect(inside(page).locator("h2")).to_be_visible()
    await page.context.clear_cookies()
    await (await document_of(page)).evaluate("void api.fetch('/x')")
    await expect(page).to_have_url(re.compile(r"/login\?ended=1&next=(%2F|/)plugin(%2F|/)hello$"))


# -- bundles that are no good


@pytest.mark.allows_console(".")
@pytest.mark.parametrize("fault", FAULTS)
async def test_a_bundle_that_fails_is_told_on_a_card(stage: Stage, open_page: OpenPage, fault: str) -> None:
    script, told = FAULTS[fault]
    stage.bundle("faulty", script)
    page = await open_page("/plugin/faulty", on=stage.server)
    card = inside(page).get_by_role("alert")
    await expect(card).to_contain_text(NO_PAGE)
    await expect(card).to_contain_text(re.compile(told))
    await go(page, "/history")
    await expect(page.get_by_role("heading", level=1)).to_have_text("History")


@pytest.mark.allows_console("404|Refused to execute")
async def test_a_plugin_without_a_bundle_says_so(stage: Stage, open_page: OpenPage) -> None:
    page = await open_page("/plugin/bare", on=stage.server)
    await expect(inside(page).get_by_role("alert")).to_contain_text("This plugin has no page now.")


async def test_an_unmount_that_fails_does_no_harm(stage: Stage, open_page: OpenPage) -> None:
    stage.bundle("faulty", 'ToruPlugins[ID] = { mount(c) { c.textContent = "Up" }, unmount() { throw 1 } }')
    page = await open_page("/plugin/faulty", on=stage.server)
    await expect(inside(page).get_by_text("Up")).to_be_visible()
    await go(page, "/history")
    await expect(page.get_by_role("heading", level=1)).to_have_text("History")


# -- while it is down


async def test_a_plugin_that_dies_is_told_and_comes_back_by_itself(stage: Stage, open_page: OpenPage) -> None:
    page = await open_page("/plugin/other", on=stage.server)
    await expect(inside(page).locator("h2")).to_be_visible()
    os.kill((await stage.view("other"))["pid"], signal.SIGKILL)
    await expect(page.get_by_text("Other is not running now")).to_be_visible()
    await expect(page.locator("iframe")).to_have_count(0)
    await expect(inside(page).locator("h2")).to_be_visible()
    assert await page.evaluate("[mounts, unmounts]") == [2, 1]


async def test_a_disabled_plugin_comes_when_it_is_enabled(stage: Stage, open_page: OpenPage) -> None:
    await stage.post("other/disable")
    admin = await open_page("/plugin/other", on=stage.server)
    client = await open_page("/plugin/other", on=stage.server, username=CLIENT)
    await expect(client.get_by_text("Other is disabled")).to_be_visible()
    await expect(client.get_by_role("button", name="Enable")).to_have_count(0)
    assert await complaints(client) == []
    await admin.get_by_role("button", name="Enable").click()
    for page in (admin, client):
        await expect(inside(page).locator("h2")).to_be_visible()
    await stage.post("other/disable")
    for page in (admin, client):
        await expect(page.get_by_text("Other is disabled")).to_be_visible()
    await stage.healthy("other")


async def test_a_plugin_that_comes_into_the_folder_later_appears(stage: Stage, open_page: OpenPage) -> None:
    page = await open_page("/plugin/later", on=stage.server)
    await expect(page.get_by_text("There is no such plugin")).to_be_visible()
    put_plugin(stage.server, "later", bundle=HELLO, name="Come later")
    await expect(page.get_by_text("Come later is disabled")).to_be_visible()
    await page.get_by_role("button", name="Enable").click()
    await expect(inside(page).get_by_text("Hello of later")).to_be_visible()


# -- for everybody


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
async def test_the_page_has_the_room_that_there_is(stage: Stage, open_page: OpenPage, phone: bool) -> None:
    page = await open_page("/plugin/hello", on=stage.server, phone=phone)
    await expect(inside(page).locator("h2")).to_be_visible()
    async for light in in_both_lights(page):
        assert await complaints(page, light) == [], light
    assert await wider_than_the_screen(page) == []
    room = await page.evaluate("[document.documentElement.scrollHeight - innerHeight, frames[0].innerWidth]")
    assert room[0] <= 0, "our page itself does not scroll"
    assert room[1] >= (390 if phone else 900)
