"""The page of a plugin at its socket: what viewers see, and what comes of what they press."""

import json

import httpx

from tests.plugins.pages.support import looking, patch, show


async def test_a_page_from_the_process_to_the_viewer_and_back(admin: httpx.AsyncClient) -> None:
    button = {"type": "button", "id": "go-on", "label": "Go on"}
    metric = {"type": "metric", "id": "visits", "label": "Visits", "value": 0}
    await show(admin, {"type": "column", "children": [metric, button]})
    async with looking(admin) as viewer:
        assert await viewer.tree() == {"type": "column", "children": [metric, button]}
        await patch(admin, {"id": "visits", "set": {"value": 1}})
        assert await viewer.patches() == [{"id": "visits", "set": {"value": 1}}]
        reply = await viewer.ask("go-on")
    assert (reply["id"], reply["ok"], reply["kind"]) == (1, True, "success")
    assert json.loads(reply["message"]) == {
        "action": "event",
        "id": "go-on",
        "event": "press",
        "value": {},
        "viewer": {"name": "admin", "role": "admin"},
    }
    assert (await admin.get("/api/plugins/page/page")).json()["tree"]["children"][0]["value"] == 1
