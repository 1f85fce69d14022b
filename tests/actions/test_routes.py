"""REST of quick actions, contract §1."""

import asyncio

import httpx

from tests.support.server import Server


async def test_admins_make_and_delete_everybody_runs(
    server: Server, admin: httpx.AsyncClient, client: httpx.AsyncClient, anonymous: httpx.AsyncClient
) -> None:
    script = server.script("action.sh", 'echo "ran $# arguments"')
    made = await admin.post("/api/quick-actions", json={"name": "Action", "script_path": script, "icon": "🚀"})
    assert made.status_code == 200
    action = made.json()
    assert {key: action[key] for key in ("name", "script_path", "icon")} == {
        "name": "Action",
        "script_path": script,
        "icon": "🚀",
    }
    assert action in (await client.get("/api/quick-actions")).json()
    address = f"/api/quick-actions/{action['id']}"
    executed = await client.post(f"{address}/execute", json={"args": ["smuggled"]})
    assert executed.status_code == 200
    run = f"/api/runs/{executed.json()['task_id']}"
    async with asyncio.timeout(10):
        while (await client.get(run)).json()["state"] == "running":
            await asyncio.sleep(0.05)
    assert (await client.get(f"{run}/output")).text == "ran 0 arguments\n"
    assert (await client.get(run)).json()["username"] == "carla"
    assert (await client.delete(address)).status_code == 403
    assert (await client.post("/api/quick-actions", json={"name": "x", "script_path": script})).status_code == 403
    assert (await anonymous.get("/api/quick-actions")).status_code == 401
    deleted = await admin.delete(address)
    assert (deleted.status_code, isinstance(deleted.json(), dict)) == (200, True)
    for answer in (await client.post(f"{address}/execute"), await admin.delete(address)):
        assert answer.status_code == 404


async def test_an_action_whose_script_is_gone_says_so(server: Server, admin: httpx.AsyncClient) -> None:
    made = await admin.post("/api/quick-actions", json={"name": "Gone", "script_path": "never-there.sh"})
    answer = await admin.post(f"/api/quick-actions/{made.json()['id']}/execute")
    assert answer.status_code == 404
    assert "never-there.sh" in answer.json()["error"]


async def test_order_and_change(server: Server, admin: httpx.AsyncClient) -> None:
    for action in (await admin.get("/api/quick-actions")).json():
        await admin.delete(f"/api/quick-actions/{action['id']}")
    ids = [
        (await admin.post("/api/quick-actions", json={"name": name, "script_path": "x.sh"})).json()["id"]
        for name in ("a", "b")
    ]
    ordered = await admin.put("/api/quick-actions/order", json={"ids": ids[::-1]})
    assert [action["name"] for action in ordered.json()] == ["b", "a"]
    changed = await admin.put(f"/api/quick-actions/{ids[0]}", json={"name": "A", "icon": None})
    assert changed.json()["name"] == "A"
    assert (await admin.post("/api/quick-actions", json={"name": "a"})).status_code == 422
    assert (await admin.post("/api/quick-actions", json={"name": "a", "script_path": "../x"})).status_code == 400
