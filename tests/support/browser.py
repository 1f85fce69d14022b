"""The browser's side of a test: Chromium, signed in by a real sign-in, on a desktop and on a phone."""

import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, async_playwright

from tests.support.chromium import chromium_path, playwright_browser
from tests.support.clients import session_cookies
from tests.support.contexts import Contexts, Looks, forget_stored, new_context
from tests.support.processes import ProcessWatch
from tests.support.server import ADMIN, ROOT, Server

LEAN_CHROMIUM = ROOT / "tests" / "support" / "chromium.sh"
PICTURES = ROOT / "test-results"

FAILED: pytest.StashKey[bool] = pytest.StashKey()

OpenPage = Callable[..., Awaitable[Page]]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Lets fixtures know that their test failed."""
    report = yield
    if report.failed:
        item.stash[FAILED] = True
    return report


@pytest.fixture(scope="session")
async def browser(process_watch: ProcessWatch) -> AsyncIterator[Browser]:
    """Debian's Chromium, or the one that Playwright fetched."""
    before = set(psutil.Process().children(recursive=True))
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(
            executable_path=LEAN_CHROMIUM,
            env={**os.environ, "CHROMIUM": chromium_path() or playwright_browser() or ""},
            args=["--no-sandbox", "--disable-dev-shm-usage"],
        )
        for process in set(psutil.Process().children(recursive=True)) - before:
            process_watch.keep_tree(process.pid)
        process_watch.keep_named("chrome_crashpad_handler")
        yield chromium
        await chromium.close()


@pytest.fixture(scope="session")
def contexts(browser: Browser) -> Contexts:
    """What `open_page` opens its pages in."""
    return Contexts(browser)


@asynccontextmanager
async def browser_page(
    browser: Browser, server: Server, *, username: str | None = ADMIN, phone: bool = False, dark: bool = False
) -> AsyncIterator[tuple[Page, list[str]]]:
    """A page in a context of its own, and what its console and its scripts complained about."""
    context = await new_context(browser, Looks(server.url, phone=phone, dark=dark))
    try:
        yield await _page_in(context, server, username)
    finally:
        await context.close()


async def _page_in(context: BrowserContext, server: Server, username: str | None) -> tuple[Page, list[str]]:
    page = await context.new_page()
    await forget_stored(page, server.url)
    if username is not None:
        for name, value in (await session_cookies(server, username)).items():
            await context.add_cookies([{"name": name, "value": value, "url": server.url}])
    page.set_default_timeout(30_000)
    complaints: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        if message.type == "error":
            complaints.append(f"{message.text} ({message.location.get('url', '')})")

    page.on("console", heard)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    return page, complaints


@pytest.fixture
async def open_page(contexts: Contexts, server: Server, request: pytest.FixtureRequest) -> AsyncIterator[OpenPage]:
    """Opens pages: `await open_page("/scripts", username=…, phone=…, dark=…, motion=…, on=another_server)`.

    A picture of each page is kept in test-results/ when the test fails; an error in a console fails the test.
    """
    marker = request.node.get_closest_marker("allows_console")
    allowed = str(marker.args[0]) if marker else None
    opened: list[tuple[Page, list[str]]] = []
    lent: list[tuple[Looks, BrowserContext]] = []

    async def open_one(
        path: str | None = "/",
        *,
        username: str | None = ADMIN,
        phone: bool = False,
        dark: bool = False,
        motion: bool = False,
        on: Server | None = None,
    ) -> Page:
        looks = Looks((on or server).url, phone, dark, motion)
        context = await contexts.lend(looks)
        lent.append((looks, context))
        page, complaints = await _page_in(context, on or server, username)
        opened.append((page, complaints))
        if path is not None:
            await page.goto(path)
        return page

    yield open_one
    told = [text for _, complaints in opened for text in complaints if not (allowed and re.search(allowed, text))]
    failed = request.node.stash.get(FAILED, False)
    if failed:
        await _take_pictures(request.node.name, [page for page, _ in opened])
    for looks, context in lent:
        await (context.close() if failed else contexts.take_back(looks, context))
    if told:
        pytest.fail("The browser complained:\n" + "\n".join(told), pytrace=False)


async def _take_pictures(name: str, pages: list[Page]) -> None:
    PICTURES.mkdir(exist_ok=True)
    for number, page in enumerate(pages, 1):
        if not page.is_closed():
            await page.screenshot(path=Path(PICTURES / f"{re.sub(r'[^A-Za-z0-9]+', '-', name)}-{number}.png"))


@pytest.fixture
async def page(open_page: OpenPage) -> Page:
    """The dashboard on a desktop, signed in as the administrator."""
    return await open_page()


@pytest.fixture
async def phone(open_page: OpenPage) -> Page:
    """The dashboard on a phone, signed in as the administrator."""
    return await open_page(phone=True)
