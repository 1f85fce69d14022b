"""`python -m tests.ui.approve`: takes the gallery's pictures anew, to be looked at and committed."""

import asyncio
import sys
import tempfile
from pathlib import Path

import click
from playwright.async_api import Page, async_playwright

from tests.support.browser import browser_page
from tests.support.chromium import chromium_path, playwright_browser
from tests.support.server import Server
from tests.ui.pictures import APPROVED, MODES, MOST_BYTES, difference, open_gallery, parts


async def approve() -> int:
    """Writes every picture that is seen to differ, removes those of parts that are gone; how many changed."""
    with tempfile.TemporaryDirectory() as folder:
        server = await Server(Path(folder)).start()
        try:
            async with async_playwright() as playwright:
                chromium = await playwright.chromium.launch(
                    executable_path=chromium_path() or playwright_browser(),
                    args=["--no-sandbox", "--disable-dev-shm-usage"],
                )
                changed = 0
                for mode, options in MODES.items():
                    async with browser_page(chromium, server, **options) as (page, _):
                        await open_gallery(page)
                        seen = {name: picture async for name, picture in parts(page)}
                        changed += await _keep(page, APPROVED / mode, seen)
                await chromium.close()
                return changed
        finally:
            await server.close()


async def _keep(page: Page, folder: Path, seen: dict[str, bytes]) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    changed = 0
    for path in folder.glob("*.png"):
        if path.stem not in seen:
            path.unlink()
            changed += 1
    for name, picture in seen.items():
        path = folder / f"{name}.png"
        if not path.exists() or (await difference(page, path.read_bytes(), picture)).is_seen:
            path.write_bytes(picture)
            click.echo(path)
            changed += 1
    return changed


if __name__ == "__main__":
    count = asyncio.run(approve())
    size = sum(path.stat().st_size for path in APPROVED.rglob("*.png"))
    click.echo(f"{count} pictures changed; together they are {size / 1e6:.2f} MB.")
    sys.exit(size > MOST_BYTES)
