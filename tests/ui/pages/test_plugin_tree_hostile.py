"""Pages of plugins that try, or happen, to break what draws them: names, numbers, words and texts nobody expects."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from playwright.async_api import Page, expect

from tests.plugins.pages.support import patch, show, told
from tests.plugins.puppet import puppet_server, until_healthy
from tests.support.browser import OpenPage
from tests.support.clients import http_client, session_cookies
from tests.support.processes import ProcessWatch
from tests.support.server import Server
from tests.ui.pages.test_plugin_tree import PATH, Node, node
from tests.ui.test_frame import wider_than_the_screen

INHERITED = ("constructor", "toString", "__proto__", "hasOwnProperty", "mark")
HUGE = 1e308
ZALGO = "e" + "\u0301\u0489\u0338" * 300
UNBROKEN = "W" * 400
SLOW = {
    "titles": ("# " + " " * 900 + "a\u2028x\n") * 60,
    "hashes": ("# a" + " #" * 480 + "\u2028x\n") * 60,
    "an item": "- " + " " * 60_000 + "a\u2028x",
    "lines": "\u2028".join("- " + " " * 500 for _ in range(120)),
}


@pytest.fixture(scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory, process_watch: ProcessWatch) -> AsyncIterator[Server]:
    async with puppet_server(tmp_path_factory.mktemp("hostile"), process_watch, ["page"]) as server:
        yield server


@pytest.fixture
async def admin(stage: Server) -> AsyncIterator[httpx.AsyncClient]:
    async with http_client(stage, await session_cookies(stage)) as client:
        await until_healthy(client, "page")
        yield client


# -- markdown


@pytest.mark.parametrize("text", SLOW.values(), ids=SLOW)
async def test_no_text_freezes_the_page(
    stage: Server, admin: httpx.AsyncClient, open_page: OpenPage, text: str
) -> None:
    await show(admin, node("column", node("markdown", id="words", text="calm"), node("text", text="Here it is")))
    page = await open_page(PATH, on=stage)
    await expect(page.get_by_text("calm")).to_be_visible()
    async with asyncio.timeout(5):
        await patch(admin, {"id": "words", "set": {"text": text}})
        await expect(page.get_by_text("calm")).to_have_count(0)
        assert await page.evaluate("1 + 1") == 2


async def test_a_text_of_very_many_blocks_ends_early(
    stage: Server, admin: httpx.AsyncClient, open_page: OpenPage
) -> None:
    texts = {"paragraphs": "a\n\n" * 20_000, "items": "- a\n" * 15_000, "within": "> - a\n" * 9_000}
    await show(admin, node("row", *(node("markdown", id=key, text=text) for key, text in texts.items())))
    page = await open_page(PATH, on=stage)
    await expect(page.get_by_text("… the rest is not shown")).to_have_count(3)
    for at in range(3):
        drawn = page.locator(".t-prose").nth(at).locator("p, li")
        assert 1_900 < await drawn.count() <= 2_001


async def test_titles_and_items_are_read_as_before(
    stage: Server, admin: httpx.AsyncClient, open_page: OpenPage
) -> None:
    text = "#   One  ##  \r\n## Two # three\r- first\u2028-   second\n  more\n\n7. seven\n#hash\n"
    await show(admin, node("markdown", text=text))
    page = await open_page(PATH, on=stage)
    prose = page.locator(".t-prose")
    await expect(prose.locator("h2")).to_have_text("One")
    await expect(prose.locator("h3")).to_have_text("Two # three")
    await expect(prose.locator("ul li")).to_have_text(["first", "second more"])
    await expect(prose.locator("ol[start='7'] li")).to_have_text("seven")
    await expect(prose.locator("p")).to_have_text("#hash")


# -- names


async def test_names_that_objects_inherit_are_names_like_any_other(
    stage: Server, admin: httpx.AsyncClient, open_page: OpenPage
) -> None:
    kinds = ("text", "number", "strong", "chip", "actions")
    names = dict(zip(INHERITED, kinds, strict=True))
    columns = [{"key": key, "label": f"A {key}", "kind": kind, "sortable": True} for key, kind in names.items()]
    given = {"constructor": "built", "toString": 12, "__proto__": "strong words", "hasOwnProperty": {"text": "chip"}}
    full = {"key": "constructor", **given, "mark": [{"name": "__proto__", "label": "Do it"}]}
    lines = [{"name": name, "data": [[1, 2]]} for name in ("toString", "__proto__")]
    # What is decoded from JSON is as it comes over the socket: `__proto__` is a name of its own.
    tree = node(
        "column",
        node("table", id="table", caption="Things", columns=columns, rows=[{"key": "toString"}, full]),
        node("chart", id="chart", label="Load", x="number", series=lines),
        node("form", *(node("field", name=name, label=f"Name {name}") for name in INHERITED), id="form"),
    )
    await show(admin, tree)
    page = await open_page(PATH, on=stage)
    rows = page.get_by_role("table", name="Things").locator("tbody tr")
    await expect(rows.nth(0).locator("td")).to_have_text(["–", "–", "–", "–", ""])
    await expect(rows.nth(1).locator("td")).to_have_text(["built", "12", "strong words", "chip", "Do it"])
    for name in INHERITED:
        await page.get_by_role("columnheader", name=f"A {name}").get_by_role("button").click()
        await expect(rows).to_have_count(2)
    await patch(admin, {"id": "chart", "points": {"__proto__": [[2, 3]]}})
    await expect(page.locator(".p-chart .m-legend li")).to_have_text(["toString", "__proto__"])
    await expect(page.locator(".p-chart [role=img]")).to_have_attribute("aria-label", "Load: toString 2, __proto__ 3")
    await page.get_by_role("button", name="Do it").click()
    await expect(page.locator(".t-toast")).to_be_visible()
    for name in INHERITED:
        field = page.get_by_role("textbox", name=f"Name {name}")
        await expect(field).to_have_value("")
        await expect(field).not_to_have_attribute("aria-invalid", "true")
        await field.fill(f"value of {name}")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator(".t-toast").filter(has_text='"event": "submit"')).to_be_visible()
    event = [one for one in await told(admin) if one["action"] == "event"][-1]
    assert event["value"]["values"] == {name: f"value of {name}" for name in INHERITED}


async def test_a_field_with_such_a_name_can_be_wrong(
    stage: Server, admin: httpx.AsyncClient, open_page: OpenPage
) -> None:
    await show(
        admin, node("form", *(node("field", name=n, label=f"F {n}", required=True) for n in INHERITED), id="form")
    )
    page = await open_page(PATH, on=stage)
    await page.get_by_role("button", name="Save").click()
    for name in INHERITED:
        await expect(page.get_by_role("textbox", name=f"F {name}")).to_have_accessible_description("This is needed.")


async def test_a_column_may_be_called_mark(stage: Server, admin: httpx.AsyncClient, open_page: OpenPage) -> None:
    columns = [{"key": "name", "label": "Name", "kind": "strong"}, {"key": "mark", "label": "Mark"}]
    await show(
        admin, node("table", caption="Marks", columns=columns, rows=[{"key": "a", "name": "Ada", "mark": "good"}])
    )
    page = await open_page(PATH, on=stage)
    await expect(page.locator("tbody td")).to_have_text(["Ada", "good"])


# -- numbers and times


async def test_no_number_breaks_a_table(stage: Server, admin: httpx.AsyncClient, open_page: OpenPage) -> None:
    kinds = ("seconds", "bytes", "rate", "percent", "number", "time")
    columns = [{"key": kind, "label": kind, "kind": kind} for kind in kinds]
    values = {"huge": 1e13, "most": HUGE, "least": -HUGE, "below": -2048, "none": 0, "hour": 3600}
    rows = [
        {"key": key, **dict.fromkeys(kinds[:-1], value), "time": "9999-12-31T23:59:59Z"}
        for key, value in values.items()
    ]
    await show(admin, node("table", caption="Numbers", columns=columns, rows=rows))
    page = await open_page(PATH, on=stage)
    cells = page.locator("tbody tr")
    await expect(cells).to_have_count(len(rows))
    for row, (seconds, size) in enumerate(
        (
            ("115,740,740 d", "9.1 TiB"),
            ("1.157e+303 d", "8.882e+292 PiB"),
            ("-1.157e+303 d", "-8.882e+292 PiB"),
            ("-34:08", "-2.0 KiB"),
            ("0.0 s", "0 B"),
            ("1:00:00", "3.5 KiB"),
        )
    ):
        await expect(cells.nth(row).locator("td").nth(0)).to_have_text(seconds)
        await expect(cells.nth(row).locator("td").nth(1)).to_have_text(size)
    words = await page.locator("tbody").inner_text()
    assert "just now" not in words
    assert "NaN" not in words
    assert max(map(len, words.split())) < 40


async def test_no_number_breaks_a_line(stage: Server, admin: httpx.AsyncClient, open_page: OpenPage) -> None:
    far = [HUGE, -HUGE, 1, HUGE, -HUGE]
    points = [[n, value] for n, value in enumerate(far)] + [[HUGE, 5], [-HUGE, 6]]
    await show(
        admin,
        node(
            "column",
            node("metric", label="Far", value=HUGE, trend=far),
            node("chart", label="Line", x="number", min=-HUGE, max=HUGE, series=[{"name": "one", "data": points}]),
            node(
                "chart",
                label="Bars",
                kind="bar",
                x="category",
                categories=list("abcde"),
                series=[{"name": "two", "data": far}],
            ),
        ),
    )
    page = await open_page(PATH, on=stage)
    await expect(page.locator(".p-chart canvas")).to_have_count(2)
    await expect(page.locator(".m-metric-value b")).to_have_text("1e+308")
    for path in await page.locator(".m-spark path").all():
        drawn = await path.get_attribute("d")
        assert drawn
        assert "NaN" not in drawn
        assert "Infinity" not in drawn


# -- pictures


async def test_a_picture_keeps_to_its_place(stage: Server, admin: httpx.AsyncClient, open_page: OpenPage) -> None:
    icons = ("flame", "book", "<b>x</b>", "WWWWWWWW", "👩‍👩‍👧‍👦", "play", "no-icon-has-this-name")
    metrics = [node("metric", label=f"M {icon}", value=1, icon=icon, trend=[1, 2]) for icon in icons]
    cards = [node("card", node("badge", text="x", icon=icon), title=f"C {icon}", icon=icon) for icon in icons]
    await show(admin, node("column", node("row", *metrics), *cards))
    page = await open_page(PATH, on=stage)
    await expect(page.locator(".t-tile")).to_have_count(2 * len(icons))
    assert await page.locator(".t-tile:not(:has(*))").count() == 0
    for name in ("flame", "book"):
        assert name not in await page.locator(".t-tile").all_inner_texts()
    assert await page.evaluate(OUTSIDE) == []


OUTSIDE = """() => [...document.querySelectorAll('.t-tile')].filter(tile => {
  const outer = tile.getBoundingClientRect();
  const inner = tile.firstElementChild.getBoundingClientRect();
  return inner.left < outer.left || inner.right > outer.right;
}).map(tile => tile.outerHTML)"""


# -- forms


async def test_what_is_wrong_in_a_closed_tab_comes_into_view(
    stage: Server, admin: httpx.AsyncClient, open_page: OpenPage
) -> None:
    inner = node("tabs", node("tab", node("text", text="x"), label="In 1"), node("tab", named("name"), label="In 2"))
    tabs = node("tabs", node("tab", named("other"), label="Out 1"), node("tab", inner, label="Out 2"))
    await show(admin, node("form", tabs, id="wrong"))
    page = await open_page(PATH, on=stage)
    for _ in range(2):
        await page.get_by_role("button", name="Save").click()
        field = page.get_by_role("textbox", name="Field name")
        await expect(field).to_be_focused()
        await expect(field).to_have_accessible_description("Taken.")
        await page.get_by_role("tab", name="Out 1").click()


async def test_what_is_wrong_with_a_field_that_is_not_there_is_told(
    stage: Server, admin: httpx.AsyncClient, open_page: OpenPage
) -> None:
    await show(admin, node("form", named("other"), id="wrong"))
    page = await open_page(PATH, on=stage)
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("alert")).to_have_text("This was not accepted. Taken.")


def named(name: str) -> Node:
    return node("field", name=name, label=f"Field {name}")


# -- words


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("words", [ZALGO, UNBROKEN], ids=["marks", "unbroken"])
async def test_no_word_widens_the_page(
    stage: Server, admin: httpx.AsyncClient, open_page: OpenPage, words: str, width: int
) -> None:
    chart = [{"name": f"{words[:90]}{n}", "data": [[1, 2]]} for n in range(2)]
    cells = {"columns": [{"key": "a", "label": words}], "rows": [{"key": "1", "a": words}]}
    field: dict[str, Any] = {"name": "f", "label": words, "hint": words}
    await show(
        admin,
        node(
            "column",
            node("card", node("chart", label=words, x="number", series=chart), title=words, subtitle=words, icon="x"),
            node("row", node("metric", label=words, value=words, unit=words, note=words), node("badge", text=words)),
            node("row", node("button", id="b", label=words), node("link", text=words, href="/history")),
            node("table", caption=words, **cells),
            node("form", node("field", **field), id="f", submit=words),
            node("progress", label=words, value=3),
            node("text", text=words, kind="heading"),
            node("markdown", text=f"# {words}\n\n> {words}"),
            node("log", label=words, lines=[words]),
            node("tabs", node("tab", node("text", text=words), label=words)),
        ),
    )
    page = await open_page(PATH, on=stage)
    await page.set_viewport_size({"width": width, "height": 844})
    await expect(page.locator(".p-chart canvas")).to_be_visible()
    assert await wider_than_the_screen(page) == []
    assert await scrolled_sideways(page) == 0
    if words == UNBROKEN:
        assert await page.locator(".t-card-titles h2").evaluate("one => one.scrollWidth - one.clientWidth") <= 0


async def scrolled_sideways(page: Page) -> Any:
    """How far the page can be scrolled to the side."""
    return await page.evaluate("() => { scrollTo(9999, 0); return scrollX }")


async def test_a_log_of_few_lines_is_as_high_as_they_are(
    stage: Server, admin: httpx.AsyncClient, open_page: OpenPage
) -> None:
    await show(admin, node("log", id="log", label="Journal", lines=["one", "two"]))
    page = await open_page(PATH, on=stage)
    log = page.get_by_role("log", name="Journal")
    assert (await log.evaluate("box => box.clientHeight")) < 80
    await patch(admin, {"id": "log", "lines": [f"line {n}" for n in range(100)]})
    await expect(page.get_by_text("line 99")).to_be_in_viewport()
    assert (await log.evaluate("box => box.clientHeight")) <= 280
