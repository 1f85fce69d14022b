"""What a person does at a terminal in the browser, and what they see there."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from playwright.async_api import Locator, Page, expect

WRITE_TO_CLIPBOARD = "text => navigator.clipboard.writeText(text)"


async def start_run(client: httpx.AsyncClient, script: str, *args: str, tty: bool = True) -> str:
    """Starts a script over REST; its run's id."""
    answer = await client.post("/api/runs", json={"script": script, "args": list(args), "tty": tty})
    assert answer.status_code in (200, 201, 202), answer.text
    run_id: str = answer.json()["id"]
    return run_id


@asynccontextmanager
async def running(client: httpx.AsyncClient, script: str, *args: str, tty: bool = True) -> AsyncIterator[str]:
    """A run that is cancelled, and its end awaited, when the test is done with it."""
    run_id = await start_run(client, script, *args, tty=tty)
    try:
        yield run_id
    finally:
        await client.post(f"/api/runs/{run_id}/cancel")
        async with asyncio.timeout(10):
            while (await client.get(f"/api/runs/{run_id}")).json()["finished_at"] is None:
                await asyncio.sleep(0.05)


class TerminalView:
    """The terminal of the page that is shown."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.box = page.locator(".term")
        self.screen = page.locator(".term .xterm-rows")

    async def connected(self) -> None:
        """Waits until bytes may come (or all have come)."""
        await expect(self.box).to_have_attribute("data-link", re.compile("open|ended"))

    async def shows(self, text: str | re.Pattern[str]) -> None:
        """Waits until the visible part has the text."""
        await expect(self.screen).to_contain_text(text)

    async def ended(self) -> None:
        """Waits until everything that the run wrote has come."""
        await expect(self.box).to_have_attribute("data-link", "ended", timeout=20_000)

    async def type(self, keys: str) -> None:
        """Presses keys, as on a keyboard."""
        await self.connected()
        await self.box.locator(".xterm").click()
        await self.page.keyboard.type(keys)

    async def press(self, key: str) -> None:
        """Presses one key, by Playwright's name."""
        await self.page.keyboard.press(key)

    def tool(self, name: str) -> Locator:
        """A button of the terminal."""
        return self.box.get_by_role("button", name=name, exact=True)

    async def text(self) -> str:
        """Everything that the terminal holds, as its copy button gives it."""
        await self.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        await self.page.evaluate(WRITE_TO_CLIPBOARD, "")
        await self.tool("Copy output").click()
        await expect(self.tool("Copied")).to_be_visible()
        text: str = await self.page.evaluate("navigator.clipboard.readText()")
        return text


async def width_overflow(page: Page) -> int:
    """Pixels by which the page is wider than the screen."""
    wider: int = await page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    return max(0, wider)
