"""The page of a plugin at its socket: what viewers see, and what comes of what they press."""

import asyncio
import json
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from tests.plugins.pages.support import PAGE, looking, patch, say, show, told
from tests.plugins.puppet import until_healthy
from tests.support.clients import http_client, open_socket, sign_in
from tests.support.server import Server

GO_ON = {"type": "button", "id": "go-on", "label": "Go on"}


def column(*children: Any, **fields: Any) -> dict[str, Any]:
    return {"type": "column", **fields, "children": list(children)}


def button(node_id: str, **fields: Any) -> dict[str, Any]:
    return {"type": "button", "id": node_id, "label": node_id, **fields}


async def test_a_page_from_the_process_to_the_viewer_and_back(admin: httpx.AsyncClient) -> None:
    metric = {"type": "metric", "id": "visits", "label": "Visits", "value": 0}
    await show(admin, column(metric, GO_ON))
    async with looking(admin) as viewer:
        assert await viewer.next() == {"type": "tree", "tree": column(metric, GO_ON)}
        await patch(admin, {"id": "visits", "set": {"value": 1}})
        assert await viewer.next() == {"type": "patches", "patches": [{"id": "visits", "set": {"value": 1}}]}
        reply = await viewer.ask("go-on")
    assert (reply["id"], reply["ok"], reply["kind"], reply["errors"], reply["go"]) == (1, True, "success", {}, None)
    assert json.loads(reply["message"]) == {
        "action": "event",
        "id": "go-on",
        "event": "press",
        "value": {},
        "viewer": {"name": "admin", "role": "admin"},
    }
    assert (await admin.get(f"/api/plugins/{PAGE}/page")).json()["tree"]["children"][0]["value"] == 1


async def test_a_page_without_a_tree_waits_for_one(admin: httpx.AsyncClient) -> None:
    name = "page-two"
    await admin.post(f"/api/plugins/{name}/restart")
    await until_healthy(admin, name)
    async with looking(admin, name) as viewer:
        assert await viewer.next() == {"type": "waiting"}
        assert (await admin.get(f"/api/plugins/{name}/page")).json() == {"tree": None}
        await show(admin, column(GO_ON), name=name)
        assert await viewer.next() == {"type": "tree", "tree": column(GO_ON)}
        await admin.post(f"/api/plugins/{name}/restart")
        assert await viewer.next() == {"type": "waiting"}
        reply = await viewer.ask("go-on")
        assert (reply["ok"], reply["message"]) == (False, "This is no longer there.")
        await until_healthy(admin, name)
        await show(admin, column(), name=name)
        assert await viewer.tree() == {"type": "column"}
        assert (await told(admin, name))[0] == {"action": "watched", "viewers": 1}


async def test_all_viewers_see_the_same(admin: httpx.AsyncClient, client: httpx.AsyncClient) -> None:
    await show(admin, column({"type": "log", "id": "log", "lines": []}))
    async with looking(admin) as one, looking(admin) as two, looking(client) as three:
        for viewer in (one, two, three):
            await viewer.tree()
        for number in range(100):
            await patch(admin, {"id": "log", "lines": [str(number)]})
        for viewer in (one, two, three):
            seen: list[str] = []
            while len(seen) < 100:
                for one_patch in await viewer.patches():
                    seen += one_patch["lines"]
            assert seen == [str(number) for number in range(100)]


async def test_clients_neither_see_nor_press_what_is_for_admins(
    admin: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    secret = column(button("wipe"), only="admin")
    table = {
        "type": "table",
        "id": "admins",
        "only": "admin",
        "rows": [{"key": "a", "do": []}],
        "columns": [{"key": "do", "label": "", "kind": "actions"}],
    }
    fields = [
        {"type": "field", "name": "name", "label": "Name"},
        {"type": "field", "name": "owner", "label": "Owner", "only": "admin", "required": True},
    ]
    form = {"type": "form", "id": "form", "children": fields}
    await show(admin, column(secret, table, form, GO_ON))
    before = len(await told(admin))
    async with looking(admin) as theirs, looking(client) as viewer:
        assert len((await theirs.tree())["children"]) == 4
        seen = await viewer.tree()
        assert seen == column({**form, "children": fields[:1]}, GO_ON)
        assert seen == (await client.get(f"/api/plugins/{PAGE}/page")).json()["tree"]
        for node, event, value in (
            ("wipe", "press", {}),
            ("admins", "action", {"row": "a", "name": "x"}),
            ("nobody", "press", {}),
        ):
            reply = await viewer.ask(node, event, **value)
            assert (reply["ok"], reply["message"]) == (False, "This is no longer there.")
        reply = await viewer.ask("form", "submit", values={"name": "n", "owner": "me"})
        assert json.loads(reply["message"])["value"] == {"values": {"name": "n"}}
        assert json.loads(reply["message"])["viewer"] == {"name": "carla", "role": "client"}
        reply = await theirs.ask("form", "submit", values={"name": "n"})
        assert (reply["ok"], reply["errors"]) == (False, {"owner": "This is needed."})
        await patch(admin, {"id": "wipe", "set": {"label": "Wipe it"}})
        await patch(admin, {"id": "go-on", "set": {"label": "On"}})
        assert (await theirs.patches())[0]["id"] == "wipe"
        assert await viewer.patches() == [{"id": "go-on", "set": {"label": "On"}}]
        await patch(admin, {"id": "go-on", "set": {"only": "admin"}})
        assert "go-on" not in str(await viewer.tree())
    events = [one for one in (await told(admin))[before:] if one["action"] == "event"]
    assert [one["id"] for one in events] == ["form"]


async def test_what_is_pressed_has_to_be_there_to_be_pressed(admin: httpx.AsyncClient) -> None:
    row = {"key": "a", "do": [{"name": "stop", "label": "Stop"}]}
    columns = [{"key": "do", "label": "", "kind": "actions"}]
    table = {"type": "table", "id": "table", "columns": columns, "rows": [row, {"key": "b"}]}
    await show(admin, column(button("off", disabled=True), table, {"type": "badge", "id": "badge", "text": "b"}))
    async with looking(admin) as viewer:
        for node, event, value, sentence in (
            ("off", "press", {}, "This cannot be pressed now."),
            ("off", "submit", {}, "This cannot be done here."),
            ("badge", "press", {}, "This cannot be done here."),
            ("table", "action", {"row": "a", "name": "start"}, "This is no longer there."),
            ("table", "action", {"row": "b", "name": "stop"}, "This is no longer there."),
            ("table", "action", {"row": ["a"], "name": "stop"}, "This is no longer there."),
            ("table", "action", {}, "This is no longer there."),
        ):
            reply = await viewer.ask(node, event, **value)
            assert (reply["ok"], reply["message"], reply["kind"]) == (False, sentence, "error")
        reply = await viewer.ask("table", "action", row="a", name="stop", more="x")
        assert json.loads(reply["message"])["value"] == {"row": "a", "name": "stop"}


async def test_what_is_wrong_with_a_field_that_a_viewer_has_not_stays_hidden(
    admin: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    hidden = {"type": "field", "name": "name", "label": "Name", "only": "admin"}
    await show(admin, column({"type": "form", "id": "wrong", "children": [hidden]}))
    async with looking(admin) as mine, looking(client) as theirs:
        assert (await mine.ask("wrong", "submit", values={}))["errors"] == {"name": "Taken."}
        reply = await theirs.ask("wrong", "submit", values={})
    assert (reply["ok"], reply["errors"]) == (False, {})
    assert reply["message"] == "This was not accepted."


async def test_the_plugins_answer_is_told(admin: httpx.AsyncClient) -> None:
    fields = [{"type": "field", "name": "name", "label": "Name"}, {"type": "button", "id": "wrong", "label": "Check"}]
    form = {"type": "form", "id": "form", "children": fields}
    await show(admin, column(*(button(name) for name in ("fails", "go", "evil", "nonsense")), form))
    async with looking(admin) as viewer:
        seen = {}
        for name in ("fails", "wrong", "go", "evil", "nonsense"):
            seen[name] = await viewer.ask(name)
    assert (seen["fails"]["ok"], seen["fails"]["message"]) == (False, "It did not work.")
    assert (seen["wrong"]["ok"], seen["wrong"]["errors"]) == (False, {"name": "Taken."})
    assert (seen["wrong"]["kind"], seen["wrong"]["message"]) == ("error", None)
    assert (seen["go"]["ok"], seen["go"]["go"]) == (True, "/scripts")
    for name in ("evil", "nonsense"):
        shown = (seen[name]["ok"], seen[name]["message"], seen[name]["go"])
        assert shown == (False, "The plugin's answer cannot be understood.", None)
    reasons = [one["reason"] for one in await told(admin) if one["action"] == "refused"]
    assert reasons[-1] == "done: go must be a path that begins with one slash."


async def test_a_crash_amid_an_event_is_told_at_once(admin: httpx.AsyncClient) -> None:
    crashed = (await until_healthy(admin, PAGE))["pid"]
    await show(admin, column(button("crash"), button("never")))
    async with looking(admin) as viewer:
        await viewer.tree()
        await viewer.press("never")
        began = asyncio.get_running_loop().time()
        await viewer.press("crash")
        replies = [await viewer.reply(), await viewer.reply()]
        assert asyncio.get_running_loop().time() - began < 2
    assert {reply["id"] for reply in replies} == {1, 2}
    for reply in replies:
        assert (reply["ok"], reply["message"]) == (False, "The plugin went away before it answered.")
    await until_healthy(admin, PAGE, other_than=crashed)


async def test_a_tree_that_breaks_a_rule_is_named_and_the_old_one_stays(
    stage: Server, admin: httpx.AsyncClient
) -> None:
    await show(admin, column(GO_ON))
    async with looking(admin) as viewer:
        await viewer.tree()
        evil = column({"type": "link", "text": "x", "href": "javascript:alert(1)"})
        await show(admin, evil)
        await patch(admin, {"id": "nobody", "set": {}})
        await patch(admin, {"id": "go-on", "set": {"label": "New"}}, {"id": "go-on", "set": {"label": 7}})
        await patch(admin, {"id": "go-on", "set": {"confirm": "Sure?"}})
        assert await viewer.patches() == [{"id": "go-on", "set": {"confirm": "Sure?"}}]
    async with asyncio.timeout(5):
        while True:
            reasons = [one["reason"] for one in await told(admin) if one["action"] == "refused"]
            if "go-on: label must be text." in reasons:
                break
            await asyncio.sleep(0.05)
    assert reasons.count("There is no node with the id 'nobody'.") == 0  # at most one a second, the newest
    assert "column > link: href must begin with http://, https:// or one slash." in reasons
    log = (await admin.get(f"/api/plugins/{PAGE}/logs")).text
    assert "Its page was refused. column > link: href must begin" in log


async def test_messages_that_are_none_are_told_so(admin: httpx.AsyncClient) -> None:
    await show(admin, column(GO_ON))
    before = len(await told(admin))
    event = {"type": "event", "id": 1, "node": "go-on", "event": "press"}
    for text in (
        "{",
        "[]",
        "null",
        json.dumps({**event, "id": "x"}),
        json.dumps({**event, "type": "x"}),
        "x" * 300_000,
    ):
        async with looking(admin) as viewer:
            await viewer.socket.connection.send(text)
            reply = await viewer.reply()
            assert (reply["id"], reply["ok"]) == (None, False)
            await viewer.socket.send(b"bytes")
            assert (await viewer.reply())["ok"] is False
            assert (await viewer.ask("go-on"))["ok"] is True
    events = [one for one in (await told(admin))[before:] if one["action"] == "event"]
    assert len(events) == 6


async def test_who_presses_too_often_is_refused_and_only_they(admin: httpx.AsyncClient) -> None:
    await show(admin, column(GO_ON))
    async with looking(admin) as flood, looking(admin) as other:
        await other.tree()
        for _ in range(40):
            await flood.press("go-on")
        assert (await other.ask("go-on"))["ok"] is True
        replies = [await flood.reply() for _ in range(40)]
    good = [reply for reply in replies if reply["ok"]]
    assert 1 <= len(good) <= 25
    refused = {reply["message"] for reply in replies if not reply["ok"]}
    assert refused == {"Too much at once. Try again in a moment."}


async def test_a_token_that_may_only_read_presses_nothing(stage: Server, admin: httpx.AsyncClient) -> None:
    await show(admin, column(GO_ON))
    made = (await admin.post("/api/tokens", json={"name": "looks", "scopes": ["read"]})).json()
    headers = {"Authorization": f"Bearer {made['token']}"}
    async with http_client(stage) as stranger:
        async with open_socket(stranger, f"/api/plugins/{PAGE}/page", None, headers) as socket:
            assert (await socket.receive())["type"] == "tree"
            await socket.send({"type": "event", "id": 5, "node": "go-on", "event": "press", "value": {}})
            reply = await socket.receive()
        assert (reply["id"], reply["ok"], reply["message"]) == (5, False, "This token may only read.")
        assert (await stranger.get(f"/api/plugins/{PAGE}/page", headers=headers)).json()["tree"] == column(GO_ON)
    rows = (await admin.get("/api/audit?what=refused")).json()["items"]
    assert f"/api/plugins/{PAGE}/page" in rows[0]["target"]
    await admin.delete(f"/api/tokens/{made['id']}")


async def test_the_end_of_a_session_closes_its_page(stage: Server, admin: httpx.AsyncClient) -> None:
    await show(admin, column(GO_ON, button("never")))
    async with await sign_in(stage) as other, looking(other) as viewer:
        await viewer.tree()
        await viewer.press("never")
        await other.post("/api/auth/logout")
        with pytest.raises(ConnectionClosed):
            await viewer.next(1)
        assert viewer.socket.connection.close_code == 4401


@pytest.mark.parametrize("name", ["puppet", "nobody"])
async def test_where_there_is_no_page_the_socket_says_so(admin: httpx.AsyncClient, name: str) -> None:
    assert (await admin.get(f"/api/plugins/{name}/page")).status_code == 404
    async with looking(admin, name) as viewer:
        assert "error" in await viewer.next()
        with pytest.raises(ConnectionClosed):
            await viewer.next()
        assert viewer.socket.connection.close_code == 4404


async def test_a_plugin_without_a_page_cannot_show_one(admin: httpx.AsyncClient) -> None:
    await show(admin, column(GO_ON), name="puppet")
    assert (await admin.get("/api/plugins/puppet")).json()["has_page_tree"] is False
    assert (await admin.get(f"/api/plugins/{PAGE}")).json()["has_page_tree"] is True
    assert await told(admin, "puppet") == []


@pytest.mark.parametrize(
    "payload", [None, [], "show", {}, {"action": "dance"}, {"action": "done"}, {"action": "show"}, {"action": "patch"}]
)
async def test_whatever_the_plugin_says_the_connection_stays(admin: httpx.AsyncClient, payload: Any) -> None:
    await show(admin, column(GO_ON))
    pid = (await admin.get(f"/api/plugins/{PAGE}")).json()["pid"]
    await say(admin, payload)
    async with looking(admin) as viewer:
        assert await viewer.tree() == column(GO_ON)
        assert (await viewer.ask("go-on"))["ok"] is True
    assert (await admin.get(f"/api/plugins/{PAGE}")).json()["pid"] == pid
