"""CONTRIBUTING's recipe for a page, followed to the letter in a copy of the project."""

import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.support.browser import OpenPage
from tests.support.clients import CLIENT
from tests.support.processes import ProcessWatch
from tests.support.server import ROOT, Server
from tests.ui.accessibility import complaints, in_both_lights
from tests.ui.test_frame import small_targets, wider_than_the_screen

RECIPE = (ROOT / "CONTRIBUTING.md").read_text().split("### A page\n", 1)[1].split("\n### ", 1)[0]


def follow(root: Path) -> None:
    """Writes the file that the recipe names, and lists its module where the recipe says."""
    found = re.search(r"`(ui/pages/(\w+)\.py)`:\n\n +```python\n(.*?)\n +```", RECIPE, re.DOTALL)
    assert found is not None, "The recipe names a file and shows it."
    path, module, code = found.groups()
    (root / path).write_text(re.sub(r"^ {3}", "", code, flags=re.MULTILINE) + "\n")
    assert "Add the module to `ENTRIES` in `ui/register.py`" in RECIPE
    register = root / "ui" / "register.py"
    text = register.read_text()
    text = text.replace("from ui.pages import (\n", f"from ui.pages import (\n    {module},\n", 1)
    register.write_text(text.replace("for module in (\n", f"for module in (\n        {module},\n", 1))


@pytest.fixture(scope="module")
async def followed(tmp_path_factory: pytest.TempPathFactory, process_watch: ProcessWatch) -> AsyncIterator[Server]:
    """A server of a copy of the project in which the recipe was followed."""
    root = tmp_path_factory.mktemp("copy")
    for name in ("app", "ui", "theme", "plugins", "scripts"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", root)
    follow(root)
    server = await Server(tmp_path_factory.mktemp("recipe"), project=root).start()
    process_watch.keep_tree(server.pid)
    process_watch.keep_runner_of(server.data_dir)
    yield server
    await server.close()


async def test_nobody_unknown_sees_it(followed: Server, open_page: OpenPage) -> None:
    page = await open_page("/clock", on=followed, username=None)
    await expect(page).to_have_url(re.compile(r"/login\?next=(%2F|/)clock$"))


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
async def test_it_is_titled_themed_and_fit_for_thumbs(followed: Server, open_page: OpenPage, phone: bool) -> None:
    page = await open_page("/clock", on=followed, username=CLIENT, phone=phone)
    await expect(page.get_by_role("heading", level=1)).to_have_text("Clock")
    await expect(page).to_have_title("Clock · Toru")
    await expect(page.get_by_role("region", name="This machine's time").locator("p")).to_contain_text("T")
    async for light in in_both_lights(page):
        assert await has_token(page, ".t-card", "backgroundColor", "--surface"), light
        assert await complaints(page, light) == [], light
    assert await wider_than_the_screen(page) == []
    if phone:
        assert await small_targets(page) == []


async def test_it_is_in_the_menu_at_its_place(followed: Server, open_page: OpenPage) -> None:
    page = await open_page("/", on=followed)
    links = page.get_by_role("navigation", name="Main").get_by_role("listitem").get_by_role("link")
    await expect(links.first).to_have_text("Clock")
    await links.first.click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Clock")
    await expect(page.get_by_role("navigation", name="Main").locator("[aria-current=page]")).to_have_text("Clock")


async def has_token(page: Page, selector: str, style: str, token: str) -> bool:
    """Whether something has the colour of a token."""
    found: bool = await page.evaluate(
        """([selector, style, token]) => {
        const probe = Object.assign(document.createElement('i'), { style: `color: var(${token})` });
        document.body.append(probe);
        const wanted = getComputedStyle(probe).color;
        probe.remove();
        return getComputedStyle(document.querySelector(selector))[style] === wanted }""",
        [selector, style, token],
    )
    return found
