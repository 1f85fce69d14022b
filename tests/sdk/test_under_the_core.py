"""Plugins made with the SDK under the core itself: requests, values, pages, logs, licences, ends."""

import asyncio
import json
from pathlib import Path
from typing import Any

from app.plugins.licences import make_hmac_key
from app.plugins.licensing import Licensing
from app.plugins.schemas import PluginState
from tests.plugins.pages.support import looking
from tests.plugins.puppet import until_healthy
from tests.plugins.support import ADMIN, CARLA, Plugged
from tests.sdk.support import packed, write_plugin
from tests.support.clients import CLIENT, http_client, session_cookies
from tests.support.server import Server

COUNTS = """
@plugin.get("/count")
def count(request):
    before = int(plugin.kv.get("count") or 0)
    plugin.kv.set("count", str(before + 1))
    print("counted")
    plugin.log.warn("Counted.", "no error")
    return {"count": before + 1}
"""
SECRET = "correct horse battery staple"


async def ready(plugged: Plugged, plugin_id: str = "made") -> None:
    await plugged.until(plugin_id, lambda view: True)
    await plugged.plugins.enable(ADMIN, plugin_id)
    await plugged.until_state(plugin_id, PluginState.READY)


async def asked(plugged: Plugged, path: str) -> Any:
    answer = await plugged.ask("made", path)
    assert answer.status == 200, answer.body
    return json.loads(answer.body)


async def test_requests_values_and_logs(plugged: Plugged) -> None:
    await asyncio.to_thread(write_plugin, plugged.folder, COUNTS)
    await ready(plugged)
    assert await asked(plugged, "/count") == {"count": 1}
    await plugged.plugins.restart(ADMIN, "made")
    await plugged.until_state("made", PluginState.READY)
    assert (await asked(plugged, "/count"))["count"] == 2
    async with asyncio.timeout(10):
        while '"message": "Counted."' not in plugged.log_of("made"):
            await asyncio.sleep(0.05)
    lines = [json.loads(line) for line in plugged.log_of("made").splitlines()]
    levels = {line["message"]: (line["level"], line.get("error")) for line in lines}
    assert levels["counted"] == ("info", None)
    assert levels["Counted."] == ("warn", "no error")


async def test_a_value_that_is_refused_is_a_sentence(plugged: Plugged) -> None:
    refused = """
@plugin.get("/")
def keep(request):
    try:
        plugin.kv.set("a" * 2000, "1")
    except ValueError as error:
        return {"refused": str(error)}
"""
    await asyncio.to_thread(write_plugin, plugged.folder, refused)
    await ready(plugged)
    assert "1" in (await asked(plugged, "/"))["refused"]


async def test_a_plugin_that_wants_a_licence(plugged: Plugged) -> None:
    await asyncio.to_thread(write_plugin, plugged.folder, f"plugin.require_license(secret={SECRET!r})")
    await plugged.until("made", lambda view: True)
    await plugged.plugins.enable(ADMIN, "made")
    view = await plugged.until("made", lambda view: bool(view.reason))
    assert "needs a licence key" in (view.reason or "")
    key = make_hmac_key(SECRET.encode(), plugged.settings.instance_id, None)
    await Licensing(plugged.plugins, plugged.licences).store(ADMIN, "made", key)
    await plugged.until_state("made", PluginState.READY)


async def test_a_page_of_the_core(plugged: Plugged) -> None:
    page = """
import threading
value = [0]
@plugin.page
def page():
    return column(metric("Now", 0, id="now"), card("Secret", button("Wipe", lambda event: None), only="admin"))
@plugin.every(0.05)
def tick():
    value[0] += 1
    plugin.page.set("now", value=value[0])
"""
    await asyncio.to_thread(write_plugin, plugged.folder, page)
    await ready(plugged)
    seen = plugged.plugins.page(ADMIN, "made")
    async with asyncio.timeout(10):
        while not (seen.tree(ADMIN) and seen.tree(ADMIN)["children"][0]["value"] >= 3):  # type: ignore[index]
            await asyncio.sleep(0.02)
    assert len(seen.tree(ADMIN)["children"]) == 2  # type: ignore[index]
    assert len(seen.tree(CARLA)["children"]) == 1  # type: ignore[index]


async def test_hello_on_a_server_with_two_viewers(start_server: Any, tmp_path: Path) -> None:
    folder = tmp_path / "server0" / "plugins"
    (folder / ".metadata").mkdir(parents=True)
    (folder / ".metadata" / "config.json").write_text('{"plugins": {"hello": true}}')
    await asyncio.to_thread(packed, "hello", folder)
    server: Server = await start_server()
    async with (
        http_client(server, await session_cookies(server)) as admin,
        http_client(server, await session_cookies(server, CLIENT)) as client,
    ):
        await until_healthy(admin, "hello")
        assert (await client.get("/api/plugins/route/hello/greeting?name=Ada")).json() == {"hello": "Ada"}
        async with looking(admin, "hello") as one, looking(client, "hello") as other:
            tree = await one.tree()
            assert tree == await other.tree()
            button = tree["children"][0]["children"][1]
            reply = await other.ask(button["id"])
            assert (reply["ok"], reply["message"]) == (True, f"Hello, {CLIENT}.")
            assert await one.patches() == [{"id": "visits", "set": {"value": 1}}]
        shown = (await admin.get("/api/plugins/hello/page")).json()["tree"]
        assert shown["children"][0]["children"][0]["value"] == 1
