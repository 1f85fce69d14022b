"""A server with plugins for tests of pages: real processes, and bundles that tests write."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from playwright.async_api import Frame, FrameLocator, Page

from tests.plugins.support import text_of, write
from tests.support.clients import http_client, session_cookies
from tests.support.processes import ProcessWatch
from tests.support.server import Server

SECONDS = 15

HELLO = """
window.ToruPlugins[ID] = {
  mount(container, api) {
    window.api = api;
    container.innerHTML = '<h2 class="text-primary">Hello of ' + ID + '</h2><p class="bg-card border">A word.</p>';
    parent.mounts = (parent.mounts ?? 0) + 1;
  },
  unmount(container) {
    container.textContent = "";
    parent.unmounts = (parent.unmounts ?? 0) + 1;
  },
};
"""


@dataclass(frozen=True, slots=True)
class Stage:
    """The server, and an HTTP client of its administrator."""

    server: Server
    admin: httpx.AsyncClient

    def bundle(self, plugin_id: str, script: str) -> None:
        """Gives a plugin another bundle; `ID` is known in it."""
        put_bundle(self.server, plugin_id, script)

    async def view(self, plugin_id: str) -> dict[str, Any]:
        """What REST says of a plugin."""
        found: dict[str, Any] = (await self.admin.get(f"/api/plugins/{plugin_id}")).json()
        return found

    async def until(self, plugin_id: str, **wanted: object) -> dict[str, Any]:
        """Waits until these fields of a plugin have these values."""
        async with asyncio.timeout(SECONDS):
            while True:
                found = await self.view(plugin_id)
                if all(found.get(name) == value for name, value in wanted.items()):
                    return found
                await asyncio.sleep(0.03)

    async def post(self, path: str, **body: object) -> None:
        """Something an administrator asks for over REST."""
        (await self.admin.post(f"/api/plugins/{path}", json=body)).raise_for_status()

    async def healthy(self, plugin_id: str) -> dict[str, Any]:
        """Has a plugin enabled, and waits for it to answer."""
        await self.post(f"{plugin_id}/enable")
        return await self.until(plugin_id, health="healthy")


def put_plugin(server: Server, plugin_id: str, code: str = "serve1()", *, bundle: str | None, **fields: object) -> Path:
    """Puts a plugin into the folder of a server, with a bundle beside it unless that is None."""
    folder = server.folder / "plugins"
    folder.mkdir(exist_ok=True)
    if bundle is not None:
        put_bundle(server, plugin_id, bundle)
    return write(folder / f"{plugin_id}.binary", text_of(plugin_id, code, **fields))


def put_bundle(server: Server, plugin_id: str, script: str) -> None:
    """Writes a plugin's bundle."""
    place = server.folder / "plugins" / plugin_id
    place.mkdir(parents=True, exist_ok=True)
    (place / "bundle.js").write_text(f"(() => {{ const ID = {json.dumps(plugin_id)}; {script} }})();")


def decide(server: Server, **enabled: bool) -> None:
    """Says which plugins are enabled, before the server is started."""
    place = server.folder / "plugins" / ".metadata"
    place.mkdir(parents=True, exist_ok=True)
    (place / "config.json").write_text(json.dumps({"plugins": enabled}))


@asynccontextmanager
async def open_stage(server: Server, watch: ProcessWatch | None = None) -> AsyncIterator[Stage]:
    """Starts a server that has its plugins already; `watch` where tests share it."""
    await server.start()
    if watch is not None:
        watch.keep_tree(server.pid)
        watch.keep_runner_of(server.data_dir)
    try:
        async with http_client(server, await session_cookies(server)) as admin:
            yield Stage(server, admin)
    finally:
        await server.close()


def inside(page: Page) -> FrameLocator:
    """The plugin's document in the page."""
    return page.frame_locator(".t-plugin-view iframe")


async def document_of(page: Page) -> Frame:
    """The same, to run scripts in."""
    handle = await page.locator(".t-plugin-view iframe").element_handle()
    frame = await handle.content_frame()
    if frame is None:
        raise AssertionError("There is no document in the frame.")
    return frame
