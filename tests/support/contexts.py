"""Browser contexts that tests use one after the other: what a page loads is in their cache, which halves its cost."""

import asyncio
from typing import NamedTuple

from playwright.async_api import Browser, BrowserContext, Page, ViewportSize

DESKTOP: ViewportSize = {"width": 1280, "height": 800}
PHONE: ViewportSize = {"width": 390, "height": 844}
MOST_FREE = 6
CLOSE_SECONDS = 20


class Looks(NamedTuple):
    """How somebody sees a server. Nothing moves unless told: what does is painted sixty times a second, on the CPU."""

    url: str
    phone: bool = False
    dark: bool = False
    motion: bool = False


class Contexts:
    """Lends a context to one test at a time, and takes it back as it was: nothing stored, nothing allowed."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._free: list[tuple[Looks, BrowserContext]] = []  # the one that was used last comes last

    async def lend(self, looks: Looks) -> BrowserContext:
        """A context that nobody else has."""
        for place, (kept, context) in enumerate(self._free):
            if kept == looks:
                del self._free[place]
                return context
        return await new_context(self._browser, looks)

    async def take_back(self, looks: Looks, context: BrowserContext) -> None:
        """Closes its pages; what they stored is forgotten when the next one opens (`forget_stored`)."""
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await _empty(context)
        except TimeoutError:  # now and then Chromium never says that a page has closed: it ends with the browser
            return
        self._free.append((looks, context))
        if len(self._free) > MOST_FREE:
            await self._free.pop(0)[1].close()


async def _empty(context: BrowserContext) -> None:
    for page in context.pages:
        await page.close()
    await context.set_offline(False)
    await context.clear_cookies()
    await context.clear_permissions()


async def forget_stored(page: Page, url: str) -> None:
    """What earlier pages of its context stored goes, but for the cache. It is still blank: nobody else writes there."""
    session = await page.context.new_cdp_session(page)
    await session.send("Storage.clearDataForOrigin", {"origin": url, "storageTypes": "all"})
    await session.detach()


async def new_context(browser: Browser, looks: Looks) -> BrowserContext:
    """One that never was used. A phone has one pixel where real ones have four or nine, which all must be painted."""
    return await browser.new_context(
        base_url=looks.url,
        viewport=PHONE if looks.phone else DESKTOP,
        is_mobile=looks.phone,
        has_touch=looks.phone,
        color_scheme="dark" if looks.dark else "light",
        reduced_motion="no-preference" if looks.motion else "reduce",
        locale="en-GB",
        timezone_id="UTC",
    )
