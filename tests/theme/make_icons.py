"""Makes the pictures in theme/assets from the mark: `python -m tests.theme.make_icons`, after the mark was changed."""

import asyncio
import struct

from playwright.async_api import Browser, async_playwright

from tests.support.chromium import chromium_path, playwright_browser
from tests.theme.test_mark import ASSETS, PICTURES
from theme.mark import mark_svg


async def picture(browser: Browser, size: int, scale: float, *, open_corners: bool) -> bytes:
    svg = mark_svg(ground=True, scale=scale, corner=10 if open_corners else 0)
    page = await browser.new_page(viewport={"width": size, "height": size})
    await page.set_content(f"<style>body {{ margin: 0 }} svg {{ display: block; width: {size}px }}</style>{svg}")
    png = await page.screenshot(omit_background=open_corners)
    await page.close()
    return png


def icon_file(png: bytes, size: int) -> bytes:
    """An .ico with one picture, which may be a PNG since Windows Vista."""
    return struct.pack("<3H4B2H2L", 0, 1, 1, size, size, 0, 0, 1, 32, len(png), 22) + png


async def make() -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium_path() or playwright_browser(), args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        for name, size, scale, open_corners in PICTURES:
            png = await picture(browser, size, scale, open_corners=open_corners)
            (ASSETS / name).write_bytes(icon_file(png, size) if name.endswith(".ico") else png)
        await browser.close()


if __name__ == "__main__":
    asyncio.run(make())
