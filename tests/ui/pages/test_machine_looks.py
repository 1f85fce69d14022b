"""Dashboard and system page by axe-core and by thumb: desktop and phone, light and dark."""

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from tests.support.browser import OpenPage

SMALL = """() => [...document.querySelectorAll("main a, main button, .t-main a, .t-main button")]
  .filter((one) => one.checkVisibility() && !one.matches(".t-row-link"))
  .map((one) => [one.innerText, one.getBoundingClientRect()])
  .filter(([, box]) => box.width < 44 || box.height < 44)
  .map(([text, box]) => `${text}: ${box.width} x ${box.height}`)"""


async def drawn(page: Page, path: str) -> None:
    if path == "/":
        await expect(page.locator(".m-chart canvas")).to_be_visible()
    else:
        await expect(page.get_by_role("table", name="Processes by use")).to_be_visible()
    await expect(page.locator(".t-skeleton")).to_have_count(0)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
@pytest.mark.parametrize("path", ["/", "/system-monitor"])
async def test_axe_finds_nothing_and_nothing_is_too_wide_or_too_small(
    open_page: OpenPage, path: str, phone: bool, dark: bool
) -> None:
    page = await open_page(path, phone=phone, dark=dark)
    await drawn(page, path)
    found = await Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    width = await page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert width[0] <= width[1]
    if phone:
        assert await page.evaluate(SMALL) == []
