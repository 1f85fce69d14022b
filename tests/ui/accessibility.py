"""axe-core, the judge of what everybody can use, in the light and in the dark."""

from collections.abc import AsyncIterator
from pathlib import Path

import axe_playwright_python
from playwright.async_api import Page, expect

COLOURS = ["color-contrast", "link-in-text-block"]
AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()


async def complaints(page: Page, light: str = "light") -> list[str]:
    """What axe finds wrong, as `rule: element`; nothing on a good page. In the "dark" only colours are looked at."""
    session = await page.context.new_cdp_session(page)  # a page's policy does not hold for the debugger
    await session.send("Page.setBypassCSP", {"enabled": True})
    if not await page.evaluate("'axe' in window"):
        await session.send("Runtime.evaluate", {"expression": AXE})
    found: list[str] = await page.evaluate(
        """async options => {
        const finite = document.getAnimations().filter(a => a.effect.getComputedTiming().iterations !== Infinity);
        await Promise.all(finite.map(a => a.finished.catch(() => null)));
        return (await axe.run(document, {resultTypes: ['violations'], preload: false, ...options})).violations
        .flatMap(rule => rule.nodes.map(node => `${rule.id}: ${node.html.slice(0, 160)} ${node.failureSummary}`))}""",
        {"runOnly": COLOURS} if light == "dark" else {},
    )
    return found


async def in_both_lights(page: Page) -> AsyncIterator[str]:
    """An open page "light", then "dark", as when the system's choice changes under it: one page shows both."""
    for light in ("light", "dark"):
        await page.emulate_media(color_scheme=light)
        await expect(page.locator("html.dark")).to_have_count(int(light == "dark"))
        yield light
