"""Pages of plugins that the core draws: real processes, real browsers, on a desktop and on a phone."""

import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from playwright.async_api import Page, expect

from tests.plugins.pages.support import patch, show, told
from tests.plugins.puppet import puppet_server, until_healthy
from tests.support.browser import OpenPage
from tests.support.clients import CLIENT, http_client, session_cookies, sign_in
from tests.support.processes import ProcessWatch
from tests.support.server import Server
from tests.ui.accessibility import complaints, in_both_lights
from tests.ui.test_frame import small_targets, take_session, wider_than_the_screen

PATH = "/plugin/page"
HOSTILE = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>{{ 7*7 }}'
ACTIONS = [
    {"name": "start", "label": "Start it", "icon": "play"},
    {"name": "go", "label": "Stop it", "icon": "square", "danger": True, "confirm": "Nobody can use it then."},
]

Node = dict[str, Any]


def node(type_: str, *children: Node, **fields: Any) -> Node:
    """A node with its children."""
    return {"type": type_, **fields, **({"children": list(children)} if children else {})}


def everything(words: str = "Words") -> Node:
    """A page with every type of node."""
    columns = [
        {"key": "name", "label": words, "kind": "strong", "sortable": True},
        {"key": "state", "label": "State", "kind": "chip"},
        {"key": "size", "label": "Size", "kind": "bytes", "sortable": True},
        {"key": "do", "label": "", "kind": "actions"},
    ]
    rows = [
        {"key": key, "name": f"{words} {key}", "state": {"text": words, "tone": "ok"}, "size": size, "do": ACTIONS}
        for key, size in (("b", 2048), ("a", 1024), ("c", 512))
    ]
    options = [{"value": "low", "text": "Low"}, {"value": "high", "text": words}]
    fields = [
        node("field", name="name", label="Name", required=True, hint=words),
        node("field", name="count", label="Count", kind="integer", min=1, max=9, value=3),
        node("field", name="level", label="Level", kind="select", options=options, value="low"),
        node("field", name="on", label="Switched", kind="switch"),
        node("field", name="notes", label="Notes", kind="multiline", placeholder=words),
        node("field", name="day", label="Day", kind="date"),
    ]
    points = [[f"2026-11-23T06:{minute:02}:00Z", minute % 7] for minute in range(30)]
    return node(
        "column",
        node("row", node("metric", id="m", label="Visits", value=1, note=words, icon="users", trend=[1, 2, 3])),
        node(
            "card",
            node("text", text=words),
            node("markdown", text=f"# A title\n\n{words} **bold** [ours](/history) [bad](javascript:alert(1))"),
            node("table", id="table", caption="Things", columns=columns, rows=rows),
            title="A card",
            subtitle=words,
        ),
        node("chart", id="chart", label="Load", series=[{"name": words, "data": points}]),
        node("row", node("button", id="press", label="Press me", kind="primary"), node("badge", text=words)),
        node("form", *fields, id="form", submit="Save it"),
        node("progress", label=words, value=40),
        node("log", id="log", label="Journal", lines=[f"{words} {n}" for n in range(60)]),
        node("code", text=f"{words}\nsecond line", label="the unit"),
        node(
            "tabs",
            node("tab", node("text", text="The first panel"), label="First"),
            node("tab", node("text", text="The second panel"), label="Second"),
            node("tab", node("text", text="The third panel"), label="Third"),
        ),
        node("link", text="To the history", href="/history"),
        node("hologram"),
    )


@pytest.fixture(scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory, process_watch: ProcessWatch) -> AsyncIterator[Server]:
    async with puppet_server(tmp_path_factory.mktemp("trees"), process_watch, ["page"]) as server:
        yield server


@pytest.fixture
async def admin(stage: Server) -> AsyncIterator[httpx.AsyncClient]:
    async with http_client(stage, await session_cookies(stage)) as client:
        await until_healthy(client, "page")
        yield client


async def event_of(admin: httpx.AsyncClient) -> Any:
    """The newest event that the plugin was told of."""
    return [one for one in await told(admin) if one["action"] == "event"][-1]


# -- drawing


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
async def test_every_type_is_drawn_for_everybody(
    stage: Server, admin: httpx.AsyncClient, open_page: OpenPage, phone: bool
) -> None:
    await show(admin, everything())
    page = await open_page(PATH, on=stage, phone=phone)
    await expect(page.get_by_role("region", name="Visits").locator("b")).to_have_text("1")
    for role, name in (
        ("heading", "A card"),
        ("heading", "A title"),
        ("table", "Things"),
        ("button", "Press me"),
        ("textbox", "Name"),
        ("switch", "Switched"),
        ("combobox", "Level"),
        ("progressbar", "Words"),
        ("log", "Journal"),
        ("button", "Copy the unit"),
        ("tab", "First"),
        ("link", "To the history"),
    ):
        await expect(page.get_by_role(role, name=name).first).to_be_visible()  # type: ignore[arg-type]
    await expect(page.locator(".p-chart canvas")).to_be_visible()
    await expect(page.get_by_text("This version of Toru does not know “hologram”.")).to_be_visible()
    async for light in in_both_lights(page):
        assert await complaints(page, light) == [], light
    assert await wider_than_the_screen(page) == []
    if phone:
        assert [one for one in await small_targets(page) if ">ours<" not in one] == []


@pytest.mark.fault("A46")
async def test_hostile_words_stay_words(stage: Server, admin: httpx.AsyncClient, open_page: OpenPage) -> None:
    await show(admin, everything(HOSTILE))
    page = await open_page(PATH, on=stage)
    await expect(page.locator(".p-chart canvas")).to_be_visible()
    await expect(page.locator(".t-prose")).to_contain_text(HOSTILE)
    assert await page.locator(".p-page").get_by_text(HOSTILE).count() >= 10
    assert await page.evaluate("[window.hacked, document.querySelectorAll('.p-page img, .p-page script').length]") == [
        None,
        0,
    ]
    await page.get_by_role("button", name="Press me").click()
    toast = page.locator(".t-toast")
    await expect(toast).to_contain_text('"id": "press"')
    addresses = await page.locator(".p-page a").evaluate_all("links => links.map(link => link.getAttribute('href'))")
    assert set(addresses) == {"/history"}


async def test_a_client_does_not_get_what_is_for_admins(
    stage: Server, admin: httpx.AsyncClient, open_page: OpenPage
) -> None:
    hidden = node("text", text="Only for you", only="admin")
    await show(admin, node("column", hidden, node("text", text="For all")))
    for username, count in (("admin", 1), (CLIENT, 0)):
        page = await open_page(PATH, on=stage, username=username)
        await expect(page.get_by_text("For all")).to_be_visible()
        await expect(page.get_by_text("Only for you")).to_have_count(count)


# -- patches


async def test_a_patch_changes_what_it_names_and_nothing_else(
    stage: Server, admin: httpx.AsyncClient, open_page: OpenPage
) -> None:
    await show(admin, everything())
    page = await open_page(PATH, on=stage)
    await expect(page.locator(".p-chart canvas")).to_be_visible()
    await page.get_by_role("tab", name="Second").click()
    log = page.get_by_role("log", name="Journal")
    await log.evaluate("box => { box.scrollTop = 100 }")
    field = page.get_by_role("textbox", name="Name")
    await field.fill("half-ty")
    await page.evaluate("document.querySelectorAll('.p-page *').forEach(one => one.known = true)")
    await patch(
        admin,
        {"id": "m", "set": {"value": 2}},
        {"id": "table", "rows": [{"key": "a", "name": "Renamed"}, {"key": "d", "name": "Added"}], "drop": ["c"]},
        {"id": "log", "lines": ["The newest line"]},
        {"id": "chart", "points": {"Words": [["2026-11-23T06:40:00Z", 5]]}},
    )
    await expect(page.get_by_role("region", name="Visits").locator("b")).to_have_text("2")
    rows = page.get_by_role("table", name="Things").locator("tbody tr")
    await expect(rows.locator("td:first-child")).to_have_text(["Words b", "Renamed", "Added"])
    await expect(log).to_contain_text("The newest line")
    assert await log.evaluate("box => box.scrollTop") == 100, "who scrolled up stays there"
    await expect(field).to_have_value("half-ty")
    await expect(field).to_be_focused()
    await expect(page.get_by_text("The second panel")).to_be_visible()
    assert await field.evaluate("one => one.known && document.querySelector('.p-page canvas').known")
    # The same page described anew is the same page, too.
    await show(admin, everything("Other"))
    await expect(page.locator(".t-sub", has_text="Other").first).to_be_visible()
    await expect(field).to_have_value("half-ty")
    await expect(field).to_be_focused()
    await expect(page.get_by_text("The second panel")).to_be_visible()


async def test_nodes_come_and_go(stage: Server, admin: httpx.AsyncClient, open_page: OpenPage) -> None:
    await show(admin, node("column", node("text", id="one", text="One"), node("text", id="two", text="Two"), id="all"))
    page = await open_page(PATH, on=stage)
    texts = page.locator(".p-text")
    await expect(texts).to_have_text(["One", "Two"])
    await patch(admin, {"id": "all", "append": [node("text", id="three", text="Three")]})
    await expect(texts).to_have_text(["One", "Two", "Three"])
    await patch(admin, {"id": "two", "remove": True}, {"id": "one", "replace": node("text", text="Uno")})
    await expect(texts).to_have_text(["Uno", "Three"])
    await patch(admin, {"id": "all", "children": [node("text", text="Four"), node("text", id="three", text="3")]})
    await expect(texts).to_have_text(["Four", "3"])
    await patch(admin, {"id": "three", "set": {"text": "drei"}})
    await expect(texts).to_have_text(["Four", "drei"])


async def test_a_log_follows_its_end(stage: Server, admin: httpx.AsyncClient, open_page: OpenPage) -> None:
    await show(admin, node("log", id="log", lines=[f"line {n}" for n in range(200)], keep=300))
    page = await open_page(PATH, on=stage)
    await expect(page.get_by_text("line 199")).to_be_in_viewport()
    for start in (200, 300, 400):
        await patch(admin, {"id": "log", "lines": [f"line {n}" for n in range(start, start + 100)]})
        await expect(page.get_by_text(f"line {start + 99}")).to_be_in_viewport()
    await expect(page.locator(".p-log-line")).to_have_count(300)


async def test_two_viewers_see_the_same(stage: Server, admin: httpx.AsyncClient, open_page: OpenPage) -> None:
    await show(admin, node("column", node("metric", id="m", label="Visits", value=0)))
    pages = [await open_page(PATH, on=stage), await open_page(PATH, on=stage, phone=True, username=CLIENT)]
    for value in (1, 2):
        await patch(admin, {"id": "m", "set": {"value": value}})
        for page in pages:
            await expect(page.locator(".m-metric-value b")).to_have_text(str(value))


# -- what is pressed


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
async def test_a_press_is_answered(stage: Server, admin: httpx.AsyncClient, open_page: OpenPage, phone: bool) -> None:
    await show(admin, node("row", node("button", id="press", label="Press"), node("button", id="fails", label="Fail")))
    page = await open_page(PATH, on=stage, phone=phone)
    await page.get_by_role("button", name="Press").click()
    await expect(page.get_by_role("status").filter(has_text='"role": "admin"')).to_be_visible()
    await page.get_by_role("button", name="Fail").click()
    await expect(page.get_by_role("alert")).to_contain_text("It did not work.")


async def test_a_button_is_busy_until_the_answer_and_cannot_be_pressed_twice(
    stage: Server, admin: httpx.AsyncClient, open_page: OpenPage
) -> None:
    await show(admin, node("row", node("button", id="never", label="Wait")))
    page = await open_page(PATH, on=stage)
    before = len(await told(admin))
    button = page.get_by_role("button", name="Wait")
    await button.dblclick()
    await expect(button).to_have_attribute("aria-busy", "true")
    await button.press("Enter")
    await expect(button).to_be_focused()
    events = [one for one in (await told(admin))[before:] if one["action"] == "event"]
    assert len(events) == 1


async def test_a_question_comes_first(stage: Server, admin: httpx.AsyncClient, open_page: OpenPage) -> None:
    await show(admin, node("row", node("button", id="asks", label="Restart", confirm="All are cut off.")))
    page = await open_page(PATH, on=stage)
    before = await told(admin)
    button, dialog = page.get_by_role("button", name="Restart"), page.get_by_role("dialog")
    for key in ("Enter", "Escape"):  # Cancel has the focus
        await button.click()
        await expect(dialog).to_contain_text("All are cut off.")
        assert await complaints(page) == []
        await page.keyboard.press(key)
        await expect(dialog).to_have_count(0)
        await expect(button).to_be_focused()
    assert [one for one in (await told(admin))[len(before) :] if one["action"] == "event"] == []
    await button.click()
    await dialog.get_by_role("button", name="Restart").click()
    await expect(page.locator(".t-toast")).to_be_visible()
    assert (await event_of(admin))["id"] == "asks"


async def test_the_actions_of_a_table(stage: Server, admin: httpx.AsyncClient, open_page: OpenPage) -> None:
    await show(admin, everything())
    page = await open_page(PATH, on=stage)
    row = page.get_by_role("row", name="Words a")
    await row.get_by_role("button", name="Start it").click()
    await expect(page.locator(".t-toast")).to_contain_text('"name": "start"')
    await row.get_by_role("button", name="Stop it").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("Nobody can use it then.")
    await dialog.get_by_role("button", name="Stop it").click()
    await expect(page.locator(".t-toast").filter(has_text='"name": "go"')).to_be_visible()
    event = await event_of(admin)
    assert (event["event"], event["value"]) == ("action", {"row": "a", "name": "go"})


async def test_a_table_is_sorted_in_the_browser(stage: Server, admin: httpx.AsyncClient, open_page: OpenPage) -> None:
    await show(admin, everything())
    page = await open_page(PATH, on=stage)
    names = page.get_by_role("table", name="Things").locator("tbody td:first-child")
    for column, order in (("Size", "cab"), ("Size", "bac"), ("Words", "abc"), ("Words", "cba")):
        await page.get_by_role("columnheader", name=column).get_by_role("button").click()
        await expect(names).to_have_text([f"Words {key}" for key in order])


# -- forms


async def test_a_form_sends_its_values_and_shows_what_is_wrong(
    stage: Server, admin: httpx.AsyncClient, open_page: OpenPage
) -> None:
    await show(admin, everything())
    page = await open_page(PATH, on=stage)
    name, count = page.get_by_role("textbox", name="Name"), page.get_by_role("textbox", name="Count")
    await count.fill("99")
    await page.get_by_role("button", name="Save it").click()
    await expect(name).to_have_attribute("aria-invalid", "true")
    await expect(name).to_have_accessible_description("This is needed.")
    await expect(name).to_be_focused()
    await expect(count).to_have_accessible_description("This must be at most 9.")
    assert await complaints(page) == []
    await name.fill("Ada")
    await expect(name).to_have_accessible_description("Words")
    await count.fill("4")
    await page.get_by_role("combobox", name="Level").select_option("high")
    await page.get_by_role("switch", name="Switched").check()
    await page.get_by_role("button", name="Save it").click()
    await expect(page.locator(".t-toast")).to_be_visible()
    values = {"name": "Ada", "count": 4, "level": "high", "on": True, "notes": None, "day": None}
    assert (await event_of(admin))["value"] == {"values": values}
    await expect(name).to_have_value("Ada")


async def test_a_plugin_refuses_a_field(stage: Server, admin: httpx.AsyncClient, open_page: OpenPage) -> None:
    await show(admin, node("form", node("field", name="name", label="Name"), id="wrong"))
    page = await open_page(PATH, on=stage)
    field = page.get_by_role("textbox", name="Name")
    await field.fill("admin")
    await field.press("Enter")
    await expect(field).to_have_accessible_description("Taken.")
    await expect(field).to_have_value("admin")


async def test_what_the_plugin_says_of_a_field_counts_once_the_form_is_sent(
    stage: Server, admin: httpx.AsyncClient, open_page: OpenPage
) -> None:
    await show(admin, node("form", node("field", id="name", name="name", label="Name", value=""), id="form"))
    page = await open_page(PATH, on=stage)
    field = page.get_by_role("textbox", name="Name")
    await field.fill("half")
    await patch(admin, {"id": "name", "set": {"value": "other", "hint": "Changed"}})
    await expect(page.get_by_text("Changed")).to_be_visible()
    await expect(field).to_have_value("half")
    await field.press("Enter")
    await expect(page.locator(".t-toast")).to_be_visible()
    await expect(field).to_have_value("half")
    await patch(admin, {"id": "name", "set": {"value": ""}})
    await expect(field).to_have_value("")


async def test_a_reply_leads_to_a_page_of_ours(stage: Server, admin: httpx.AsyncClient, open_page: OpenPage) -> None:
    await show(admin, node("row", node("button", id="go", label="Go")))
    page = await open_page(PATH, on=stage)
    await page.evaluate("window.stayed = true")
    await page.get_by_role("button", name="Go").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Scripts")
    assert await page.evaluate("window.stayed")


async def test_tabs_are_moved_through_by_keys(stage: Server, admin: httpx.AsyncClient, open_page: OpenPage) -> None:
    await show(admin, everything())
    page = await open_page(PATH, on=stage)
    await page.get_by_role("tab", name="First").focus()
    for key, name in (("ArrowRight", "Second"), ("End", "Third"), ("ArrowRight", "First"), ("ArrowLeft", "Third")):
        await page.keyboard.press(key)
        tab = page.get_by_role("tab", name=name)
        await expect(tab).to_be_focused()
        await expect(tab).to_have_attribute("aria-selected", "true")
        await expect(page.get_by_role("tabpanel", name=name)).to_be_visible()
        await expect(page.get_by_role("tabpanel")).to_have_count(1)
    assert await page.locator("[role=tab][tabindex='0']").count() == 1


# -- what goes wrong


async def test_a_page_that_is_not_there_yet(stage: Server, admin: httpx.AsyncClient, open_page: OpenPage) -> None:
    (await admin.post("/api/plugins/page/restart")).raise_for_status()
    await until_healthy(admin, "page")
    page = await open_page(PATH, on=stage)
    await expect(page.get_by_role("status", name="Loading")).to_be_visible()
    await expect(page.get_by_text("Page has not shown its page yet.")).to_be_visible()
    assert await complaints(page) == []
    await show(admin, node("text", text="Here it is"))
    await expect(page.get_by_text("Here it is")).to_be_visible()
    await expect(page.get_by_role("status", name="Loading")).to_have_count(0)


async def test_a_plugin_that_crashes_comes_back(stage: Server, admin: httpx.AsyncClient, open_page: OpenPage) -> None:
    crashed = (await until_healthy(admin, "page"))["pid"]
    await show(admin, node("row", node("button", id="crash", label="Crash")))
    page = await open_page(PATH, on=stage)
    await page.get_by_role("button", name="Crash").click()
    await expect(page.get_by_role("button", name="Crash")).to_have_count(0)
    await until_healthy(admin, "page", other_than=crashed)
    await show(admin, node("text", text="Back again"))
    await expect(page.get_by_text("Back again")).to_be_visible()


async def lose(page: Page) -> None:
    """Breaks the page's own socket and lets none come back."""
    await page.context.set_offline(True)
    await page.evaluate("window.lastPageSocket.close()")


KEEP_SOCKETS = """const Known = window.WebSocket;
window.WebSocket = class extends Known {
  constructor(address) {
    super(address);
    if (String(address).endsWith("/page")) window.lastPageSocket = this;
  }
};"""


@pytest.mark.allows_console("ERR_INTERNET_DISCONNECTED|WebSocket|Failed to fetch")
async def test_a_lost_connection_is_told_and_comes_back(
    stage: Server, admin: httpx.AsyncClient, open_page: OpenPage
) -> None:
    await show(admin, everything())
    page = await open_page(None, on=stage)
    await page.add_init_script(KEEP_SOCKETS)
    await page.goto(PATH)
    field = page.get_by_role("textbox", name="Name")
    await field.fill("half-ty")
    await lose(page)
    await expect(page.get_by_text("The connection is lost.")).to_be_visible()
    await expect(page.get_by_role("button", name="Press me")).to_have_attribute("aria-disabled", "true")
    await patch(admin, {"id": "m", "set": {"value": 77}})
    await page.context.set_offline(False)
    await expect(page.get_by_text("The connection is lost.")).to_have_count(0)
    await expect(page.get_by_role("region", name="Visits").locator("b")).to_have_text("77")
    await expect(field).to_have_value("half-ty")
    await page.get_by_role("button", name="Press me").click()
    await expect(page.locator(".t-toast").filter(has_text='"id": "press"')).to_be_visible()


@pytest.mark.allows_console("401")
async def test_a_session_that_ends_leads_to_the_sign_in_page(
    stage: Server, admin: httpx.AsyncClient, open_page: OpenPage
) -> None:
    await show(admin, node("text", text="Here it is"))
    page = await open_page("/login", on=stage, username=None)
    async with await sign_in(stage) as client:
        await take_session(page, client, stage)
        await page.goto(PATH)
        await expect(page.get_by_text("Here it is")).to_be_visible()
        (await client.post("/api/auth/logout")).raise_for_status()
    await expect(page).to_have_url(re.compile(r"/login\?ended=1&next=(%2F|/)plugin(%2F|/)page$"))
