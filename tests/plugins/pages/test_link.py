"""Between a process and its page: answers that come late or never, and what is told to a process that is new."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from app.core.errors import Forbidden, NotFound
from app.core.permissions import TokenRights
from app.plugins.pages import link
from app.plugins.pages.audience import FROM_THE_START
from app.plugins.pages.events import PageEvent, Reply
from app.plugins.wire import PluginBusy, PluginDown, PluginLate
from tests.plugins.support import ADMIN, CARLA, Plugged, connection_of

SILENT = """
seen = []
def other(connection, message):
    if message["type"] == "lifecycle" and message["payload"]["action"] == "init":
        tree = {"type": "button", "id": "b", "label": "B"}
        say(connection, "page", {"action": "show", "tree": tree})
    if message["type"] == "page":
        seen.append(message['payload'])
def handle(connection, message):
    if message["payload"]["path"] == "/late":
        say(connection, "page", {"action": "done"}, "nobody")
    return answer(message, json.dumps(seen))
serve2(handle, other)
"""
PRESS = PageEvent("b", "press", {})


async def shown(plugged: Plugged, code: str = SILENT) -> Any:
    """The page of a plugin that has shown its button."""
    await plugged.ready("silent", code, protocol="2", page="tree")
    page = plugged.plugins.page(ADMIN, "silent")
    async with asyncio.timeout(10):
        with page.watching(ADMIN) as audience:
            number = FROM_THE_START
            while page.tree(ADMIN) is None:
                number, _ = await audience.after(number)
    return page


async def test_an_answer_that_does_not_come_is_waited_for_so_long(
    plugged: Plugged, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "ANSWER_SECONDS", 0.3)
    page = await shown(plugged)
    with pytest.raises(PluginLate, match="did not answer within 0 seconds"):
        await page.take(ADMIN, PRESS)
    await plugged.ask("silent", "/late")
    assert connection_of(plugged, "silent").stray == 1


async def test_so_many_events_are_under_way_and_no_more(plugged: Plugged) -> None:
    page = await shown(plugged)
    waiting = [asyncio.ensure_future(page.take(CARLA, PRESS)) for _ in range(link.MOST_EVENTS)]
    await asyncio.sleep(0)
    with pytest.raises(PluginBusy):
        await page.take(CARLA, PRESS)
    await plugged.plugins.restart(ADMIN, "silent")
    ended = await asyncio.gather(*waiting, return_exceptions=True)
    assert {type(one) for one in ended} == {PluginDown}
    assert str(ended[0]) == "The plugin was stopped before it answered."


async def test_nobody_is_asked_while_nobody_is_there(plugged: Plugged) -> None:
    page = await shown(plugged)
    await plugged.plugins.disable(ADMIN, "silent")
    assert page.tree(ADMIN) is None
    with pytest.raises(NotFound):
        await page.take(ADMIN, PRESS)


async def test_a_new_process_is_told_who_looks(plugged: Plugged) -> None:
    page = await shown(plugged)
    with page.watching(ADMIN), page.watching(CARLA):
        before = (await plugged.plugins.get(ADMIN, "silent")).pid
        await plugged.plugins.restart(ADMIN, "silent")
        await plugged.until("silent", lambda view: view.pid not in (None, before) and view.state == "ready")
        seen: Any = b"[]"
        async with asyncio.timeout(5):
            while seen == b"[]":
                seen = (await plugged.ask("silent")).body
    assert seen == b'[{"action": "watched", "viewers": 2}]'


async def test_an_answer_reaches_who_pressed(plugged: Plugged) -> None:
    code = SILENT.replace(
        "        seen.append(message['payload'])",
        "        viewer = message['payload'].get('viewer')\n"
        "        if viewer:\n"
        "            say(connection, 'page', {'action': 'done', 'message': viewer['name']}, message['request_id'])",
    )
    assert code != SILENT
    page = await shown(plugged, code)
    told = await asyncio.gather(page.take(ADMIN, PRESS), page.take(CARLA, PRESS))
    assert list(told) == [Reply(ok=True, message="admin"), Reply(ok=True, message="carla")]


async def test_a_plugin_without_a_tree_has_no_page(plugged: Plugged) -> None:
    await plugged.ready("plain", "serve2()", protocol="2")
    for plugin_id in ("plain", "nobody"):
        with pytest.raises(NotFound):
            plugged.plugins.page(ADMIN, plugin_id)
    with pytest.raises(Forbidden):
        plugged.plugins.page(replace(CARLA, token=TokenRights("t", frozenset())), "plain")
