"""A real browser with the dashboard open."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Page, async_playwright

from tests.bench.bench import MeasuredServer
from tests.support.chromium import chromium_path, playwright_browser


@asynccontextmanager
async def open_dashboard(server: MeasuredServer) -> AsyncIterator[Page]:
    """Chromium on a desktop, signed in, on the dashboard."""
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(
            executable_path=chromium_path() or playwright_browser(), args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        context = await chromium.new_context(base_url=server.url, viewport={"width": 1280, "height": 800})
        for name, value in server.client.cookies.items():
            await context.add_cookies([{"name": name, "value": value, "url": server.url}])
        page = await context.new_page()
        await page.goto("/")
        await page.wait_for_selector(".t-nav a[aria-current=page]")
        yield page
        await chromium.close()
