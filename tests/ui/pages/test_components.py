"""The gallery: what every component looks like, compared with pictures that somebody approved."""

import re
from pathlib import Path

import pytest
from playwright.async_api import expect

from app.plugins.pages.nodes import KINDS
from tests.support.browser import PICTURES, OpenPage
from tests.support.clients import CLIENT
from tests.ui.accessibility import complaints, in_both_lights
from tests.ui.pictures import APPROVED, MODES, MOST_BYTES, difference, open_gallery, part_of, parts
from tests.ui.test_frame import small_targets, wider_than_the_screen
from ui.gallery.trees import TREES

STYLES = (
    (":root { --primary: rebeccapurple !important }", "Buttons", True),
    (":root { --primary: seagreen !important }", "Buttons", True),
    (":root { --ok-dot: steelblue !important }", "Metrics", True),
    (".m-spark { display: none !important }", "Metrics", True),
    (".p-row { flex-direction: column !important }", "Layout", True),
    (".t-card { padding: 4px !important }", "Cards", True),
    ("* { -webkit-text-stroke: 0.1px currentColor !important }", "Markdown", False),
    ("* { -webkit-text-stroke: 0.1px currentColor !important }", "Forms", False),
)
RENEW = "Look at test-results/; if that is as it should be, run `python -m tests.ui.approve` and commit what it writes."


def approved(mode: str) -> dict[str, Path]:
    """The pictures of a mode, by the name of their part."""
    return {path.stem: path for path in (APPROVED / mode).glob("*.png")}


@pytest.mark.parametrize("mode", MODES)
async def test_every_component_looks_as_it_was_approved(open_page: OpenPage, mode: str) -> None:
    page = await open_page(None, **MODES[mode])
    await open_gallery(page)
    known, told, names = approved(mode), [], set()
    async for name, picture in parts(page):
        names.add(name)
        found = await difference(page, known[name].read_bytes(), picture) if name in known else None
        if found is None or found.is_seen:
            PICTURES.mkdir(exist_ok=True)
            (PICTURES / f"gallery-{mode}-{name}.png").write_bytes(picture)
            told.append(f"{name}: {found or 'nobody approved it yet'}")
    told += [f"{name}: it is gone" for name in known.keys() - names]
    assert not told, "\n".join([*told, RENEW])


async def test_what_looks_otherwise_is_seen_and_how_letters_are_drawn_is_not(open_page: OpenPage) -> None:
    page = await open_page(None, **MODES["desktop-light"])
    await open_gallery(page)
    for style, part, is_seen in STYLES:
        tag = await page.add_style_tag(content=style)
        known = approved("desktop-light")[part.lower()].read_bytes()
        found = await difference(page, known, await part_of(page, part))
        assert found.is_seen is is_seen, f"{style}: {found}"
        await tag.evaluate("tag => tag.remove()")


def test_approved_pictures_stay_small() -> None:
    assert sum(path.stat().st_size for path in APPROVED.rglob("*.png")) <= MOST_BYTES


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
async def test_axe_finds_nothing_and_thumbs_hit(open_page: OpenPage, phone: bool) -> None:
    page = await open_page("/components", phone=phone)
    await expect(page.locator(".p-chart canvas")).to_have_count(3)
    async for light in in_both_lights(page):
        assert await complaints(page, light) == [], light
    assert await wider_than_the_screen(page) == []
    if phone:
        words = re.compile(r'href="https://example.org/"[^>]*class="t-link">')
        assert [one for one in await small_targets(page) if not words.search(one)] == []


async def test_only_admins_have_it(open_page: OpenPage) -> None:
    page = await open_page("/settings")
    await page.get_by_role("link", name="What pages are made of").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Components")
    assert await page.locator('.t-nav a[href="/components"]').count() == 0
    other = await open_page("/components", username=CLIENT)
    await expect(other.get_by_role("heading", level=1)).to_have_text("Dashboard")


def test_every_type_of_node_is_in_the_gallery() -> None:
    assert set(KINDS) <= {kind for tree in TREES.values() for kind in types_of(tree)}


def types_of(node: dict[str, object]) -> set[str]:
    """The types of a node and of everything below it."""
    children = node.get("children", [])
    assert isinstance(children, list)
    return {str(node["type"])}.union(*(types_of(child) for child in children))
