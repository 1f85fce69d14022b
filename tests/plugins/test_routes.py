"""REST of plugins: the contract's fields and doors, who may go through them, and what comes back."""

import asyncio
import json
import os
import stat
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.plugins.values import MAX_VALUE
from tests.plugins.puppet import deploy, puppet_server, until_healthy
from tests.support.clients import CLIENT, http_client, session_cookies, sign_in
from tests.support.processes import ProcessWatch
from tests.support.server import Server
from tests.support.waiting import eventually

CONTRACT = ("id", "name", "version", "author", "icon", "route", "enabled", "running", "health", "pid", "socket_path")
ROUTE = "/api/plugins/route/puppet"


@pytest.fixture(scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory, process_watch: ProcessWatch) -> AsyncIterator[Server]:
    """A server with one puppet that runs, and one that nobody enabled."""
    folder = tmp_path_factory.mktemp("stage")
    async with puppet_server(folder, process_watch, ["puppet"]) as server:
        deploy(folder / "plugins", "idle")
        async with http_client(server, await session_cookies(server)) as admin, asyncio.timeout(15):
            while (await admin.get("/api/plugins/idle")).status_code == 404:
                await asyncio.sleep(0.05)
        yield server


@pytest.fixture
def server(stage: Server) -> Server:
    """Where `admin` and `client` are signed in."""
    return stage


async def kv(client: httpx.AsyncClient, action: str, key: str, **more: Any) -> httpx.Response:
    return await client.post("/api/plugins/puppet/kv", json={"action": action, "key": key, **more})


# -- what is there


async def test_everybody_sees_the_plugins_with_the_fields_of_the_contract(client: httpx.AsyncClient) -> None:
    idle, puppet = (await client.get("/api/plugins")).json()
    assert set(CONTRACT) <= idle.keys()
    assert {name: puppet[name] for name in CONTRACT[:9]} == {
        "id": "puppet",
        "name": "Puppet",
        "version": "1",
        "author": None,
        "icon": "P",
        "route": "/puppet",
        "enabled": True,
        "running": True,
        "health": "healthy",
    }
    assert Path(f"/proc/{puppet['pid']}").exists()
    assert len(puppet["socket_path"]) < 108
    assert (idle["enabled"], idle["running"], idle["health"], idle["pid"]) == (False, False, "disabled", None)
    assert (await client.get("/api/plugins/idle")).json()["id"] == "idle"


async def test_a_plugin_that_runs_has_figures(client: httpx.AsyncClient) -> None:
    for _ in range(5):
        assert (await client.get(f"{ROUTE}/x")).status_code == 200
    puppet: dict[str, Any] = {}

    async def is_measured_as_it_runs() -> bool:
        # Who looked in the moment of its start was told of its first page of memory, and a look is good for a second.
        puppet.update((await client.get("/api/plugins/puppet")).json())
        return int(puppet["memory"]) > 1_000_000

    await eventually(is_measured_as_it_runs)
    assert puppet["requests"] >= 5
    assert 0 < puppet["p95_ms"] < 5000
    assert puppet["cpu_percent"] >= 0
    assert puppet["uptime_seconds"] > 0
    assert puppet["restarts"] == 0
    idle = (await client.get("/api/plugins/idle")).json()
    nothing = ("p95_ms", "memory", "cpu_percent", "uptime_seconds")
    assert ([idle[name] for name in nothing], idle["requests"]) == ([None] * 4, 0)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", None),
        ("POST", "/enable", None),
        ("POST", "/disable", None),
        ("POST", "/restart", None),
        ("GET", "/bundle.js", None),
        ("GET", "/logs", None),
        ("GET", "/logs/stream", None),
        ("POST", "/kv", {"action": "get", "key": "k"}),
        ("GET", "/options", None),
        ("PUT", "/options", {"pages_read_only": True}),
        ("GET", "/license", None),
        ("PUT", "/license", {"key": "x"}),
        ("DELETE", "/license", None),
    ],
)
async def test_a_plugin_that_there_is_not_is_not_found(
    method: str, path: str, body: Any, admin: httpx.AsyncClient
) -> None:
    for name in ("nobody", "..", "%2e%2e%2f", "pup%00pet"):
        answer = await admin.request(method, f"/api/plugins/{name}{path}", json=body)
        assert answer.status_code in (404, 405)
        assert answer.json()["error"].endswith(".")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/puppet/enable", None),
        ("POST", "/puppet/disable", None),
        ("POST", "/puppet/restart", None),
        ("GET", "/puppet/logs", None),
        ("GET", "/puppet/logs/stream", None),
        ("PUT", "/puppet/options", {"pages_read_only": True}),
        ("GET", "/puppet/license", None),
        ("PUT", "/puppet/license", {"key": "x"}),
        ("DELETE", "/puppet/license", None),
    ],
)
async def test_what_is_for_admins_is_closed_to_others(
    method: str, path: str, body: Any, stage: Server, client: httpx.AsyncClient
) -> None:
    assert (await client.request(method, f"/api/plugins{path}", json=body)).status_code == 403
    async with http_client(stage) as nobody:
        assert (await nobody.request(method, f"/api/plugins{path}", json=body)).status_code == 401
    assert (await client.get("/api/plugins/puppet")).json()["enabled"]


async def test_an_admin_enables_restarts_and_disables(admin: httpx.AsyncClient) -> None:
    where = "/api/plugins/route/idle/x"
    assert (await admin.get(where)).status_code == 404
    assert (await admin.post("/api/plugins/idle/enable")).json() == {"success": True}
    first = (await until_healthy(admin, "idle"))["pid"]
    assert (await admin.get(where)).status_code == 200
    assert (await admin.post("/api/plugins/idle/restart")).json() == {"success": True}
    second = (await until_healthy(admin, "idle"))["pid"]
    assert second != first
    assert (await admin.post("/api/plugins/idle/disable")).json() == {"success": True}
    assert not Path(f"/proc/{second}").exists()
    assert (await admin.get(where)).status_code == 404
    assert (await admin.get("/api/plugins/idle")).json()["health"] == "disabled"


async def test_files_that_are_no_plugins_are_told_to_admins(
    stage: Server, admin: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    broken = stage.folder / "plugins" / "broken.binary"
    broken.write_text("#!/bin/sh\necho nonsense\n")
    broken.chmod(0o755)
    async with asyncio.timeout(15):
        while not (problems := (await admin.get("/api/plugin-problems")).json()):
            await asyncio.sleep(0.05)
    assert (problems[0]["file"], problems[0]["reason"][-1]) == ("broken.binary", ".")
    assert (await client.get("/api/plugin-problems")).status_code == 403
    broken.unlink()


async def test_a_name_that_is_not_utf8_is_told_all_the_same(stage: Server, admin: httpx.AsyncClient) -> None:
    names = (b"caf\xe9.binary", b"caf\xe8.binary")
    for name, text in zip(names, ("#!/bin/sh\necho nonsense\n", "not executable"), strict=True):
        path = Path(os.fsdecode(bytes(stage.folder / "plugins") + b"/" + name))
        path.write_text(text)
        path.chmod(0o755 if name == names[0] else 0o644)
    try:
        async with asyncio.timeout(15):
            while len(problems := (await admin.get("/api/plugin-problems")).json()) < 2:
                await asyncio.sleep(0.05)
    finally:
        for name in names:
            os.unlink(bytes(stage.folder / "plugins") + b"/" + name)
    assert [problem["file"] for problem in problems] == ["caf\\xe8.binary", "caf\\xe9.binary"]


# -- the bundle


async def test_the_bundle_is_the_file_beside_the_plugin_else_what_it_says(
    stage: Server, client: httpx.AsyncClient
) -> None:
    folder = stage.folder / "plugins" / "puppet"
    (folder / "frontend").mkdir(parents=True)
    said = await client.get("/api/plugins/puppet/bundle.js")
    assert said.json()["path"] == "/bundle.js"
    assert (said.json()["headers"]["x-toru-user"], said.json()["method"]) == (CLIENT, "GET")
    for name in ("frontend/bundle.js", "bundle.js"):
        (folder / name).write_text(f"// {name} ü")
        answer = await client.get("/api/plugins/puppet/bundle.js")
        assert answer.text == f"// {name} ü"
        assert answer.headers["content-type"].startswith("application/javascript")
        assert answer.headers["cache-control"] == "no-store"
    assert (await client.get("/api/plugins/idle/bundle.js")).status_code == 404


async def test_a_bundle_that_is_a_link_to_elsewhere_is_none(stage: Server, client: httpx.AsyncClient) -> None:
    folder = stage.folder / "plugins" / "puppet"
    folder.mkdir(exist_ok=True)
    bundle = folder / "bundle.js"
    bundle.unlink(missing_ok=True)
    (folder / "frontend" / "bundle.js").unlink(missing_ok=True)
    for target in ("../puppet.binary", "/etc/passwd", "bundle.js", "missing"):
        bundle.symlink_to(target)
        answer = await client.get("/api/plugins/puppet/bundle.js")
        assert answer.json()["path"] == "/bundle.js", target  # the plugin was asked
        bundle.unlink()


@pytest.mark.parametrize("name", ["bundle.js", "frontend/bundle.js"])
async def test_a_bundle_that_everybody_may_change_is_not_served(
    stage: Server, client: httpx.AsyncClient, name: str
) -> None:
    folder = stage.folder / "plugins" / "puppet"
    bundle = folder / name
    bundle.parent.mkdir(parents=True, exist_ok=True)
    bundle.write_text("// mine")
    try:
        for path in {folder, bundle.parent, bundle}:
            mode = path.stat().st_mode
            path.chmod(mode | stat.S_IWOTH)
            answer = await client.get("/api/plugins/puppet/bundle.js")
            what = f"The {'folder' if path.is_dir() else 'file'} {path.name} may be changed by everybody."
            error = f"The bundle of this plugin is not used. {what} Forbid that with: chmod o-w"
            assert (answer.status_code, answer.json()["error"]) == (404, error)
            await eventually(partial(is_logged, stage, what))
            path.chmod(mode)
            assert (await client.get("/api/plugins/puppet/bundle.js")).text == "// mine"
    finally:
        bundle.unlink()


def is_logged(server: Server, text: str) -> bool:
    return text in (server.data_dir / "logs" / "toru.log").read_text()


# -- values


@pytest.mark.fault("G43")
async def test_pages_keep_values_and_never_see_the_plugins_own(client: httpx.AsyncClient) -> None:
    assert (await kv(client, "get", "k")).json() == {"value": None}
    assert (await kv(client, "set", "k", value="page's")).json() == {"value": "page's"}
    call = {"action": "set", "key": "k", "value": "plugin's", "namespace": "page", "plugin_id": "idle"}
    assert (await client.post(f"{ROUTE}/kv", json=call)).json() == {"value": "plugin's"}
    assert (await kv(client, "get", "k")).json() == {"value": "page's"}
    assert (await kv(client, "delete", "k")).json() == {"value": None}
    own = await client.post(f"{ROUTE}/kv", json={"action": "get", "key": "k"})
    assert own.json() == {"value": "plugin's"}
    refused = (await client.post(f"{ROUTE}/kv", json={"action": "list", "key": "k"})).json()
    assert refused["status"] == 400


async def test_the_largest_value_fits_into_a_request_however_it_is_written(client: httpx.AsyncClient) -> None:
    value = "\x01" * MAX_VALUE
    body = json.dumps({"action": "set", "key": "large", "value": value})
    assert len(body) > 6 * MAX_VALUE
    answer = await client.post("/api/plugins/puppet/kv", content=body, headers={"Content-Type": "application/json"})
    assert answer.json() == {"value": value}
    assert (await kv(client, "set", "large", value="x" * (MAX_VALUE + 1))).status_code == 413
    assert (await kv(client, "delete", "large")).status_code == 200


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"action": "set", "key": "k"}, 400),
        ({"action": "drop", "key": "k"}, 400),
        ({"action": "get", "key": ""}, 400),
        ({"action": "get", "key": "k" * 1025}, 400),
        ({"action": "get"}, 422),
        ({"action": "set", "key": "k", "value": 7}, 422),
        ([], 422),
    ],
)
async def test_what_is_no_call_is_refused(body: Any, status: int, client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/plugins/puppet/kv", json=body)
    assert (answer.status_code, answer.json()["error"][-1]) == (status, ".")


async def test_a_value_is_changed_only_where_it_is_the_expected_one(client: httpx.AsyncClient) -> None:
    assert (await kv(client, "set", "c", value="1", expected=None)).status_code == 200
    assert (await kv(client, "set", "c", value="2", expected=None)).status_code == 409
    assert (await kv(client, "set", "c", value="2", expected="1")).json() == {"value": "2"}
    assert (await kv(client, "delete", "c", expected="1")).status_code == 409
    assert (await kv(client, "delete", "c")).status_code == 200


@pytest.mark.fault("G43")
async def test_an_admin_makes_pages_read_only_for_clients(admin: httpx.AsyncClient, client: httpx.AsyncClient) -> None:
    where = "/api/plugins/puppet/options"
    assert (await client.get(where)).json() == {"pages_read_only": False}
    assert (await admin.put(where, json={"pages_read_only": True})).json() == {"pages_read_only": True}
    try:
        assert (await client.get(where)).json() == {"pages_read_only": True}
        assert (await kv(client, "set", "k", value="v")).status_code == 403
        assert (await kv(client, "get", "k")).status_code == 200
        assert (await kv(admin, "set", "k", value="v")).status_code == 200
    finally:
        await admin.put(where, json={"pages_read_only": False})


# -- logs


async def printed(client: httpx.AsyncClient, text: str) -> None:
    assert (await client.post(f"{ROUTE}/print", content=text)).status_code == 200


async def test_a_page_of_the_log_is_newest_first_with_level_and_search(admin: httpx.AsyncClient) -> None:
    own = {"timestamp": "2026-01-02T03:04:05Z", "level": "error", "message": "own", "error": "why", "pid": 7}
    await printed(admin, f"apple\npear\n{json.dumps(own)}\n")
    async with asyncio.timeout(10):
        while not (await admin.get("/api/plugins/puppet/logs", params={"search": "own"})).json()["logs"]:
            await asyncio.sleep(0.02)
    page = (await admin.get("/api/plugins/puppet/logs", params={"page": 0, "page_size": 3})).json()
    assert (page["page"], page["page_size"]) == (0, 3)
    assert [line["message"] for line in page["logs"]] == ["own", "pear", "apple"]
    assert page["logs"][0] == {**own, "plugin": "puppet"}
    assert page["logs"][1].keys() == {"timestamp", "level", "plugin", "message"}
    second = (await admin.get("/api/plugins/puppet/logs", params={"page": 1, "page_size": 2})).json()["logs"]
    assert second[0]["message"] == "apple"
    errors = (await admin.get("/api/plugins/puppet/logs", params={"level": "WARN"})).json()
    assert {line["level"] for line in errors["logs"]} <= {"warn", "error"}
    assert "own" in [line["message"] for line in errors["logs"]]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"page": -1}, 422),
        ({"page_size": 0}, 422),
        ({"page_size": 10**9}, 422),
        ({"page": ";drop"}, 422),
        ({"level": "loud"}, 400),
        ({"search": "x" * 201}, 422),
    ],
)
async def test_a_page_that_there_is_not_is_refused(query: Any, status: int, admin: httpx.AsyncClient) -> None:
    for path in ("logs", "logs/stream") if "page" not in "".join(query) else ("logs",):
        assert (await admin.get(f"/api/plugins/puppet/{path}", params=query)).status_code == status


async def test_lines_come_live_filtered_and_only_as_long_as_the_session(stage: Server) -> None:
    client = await sign_in(stage)
    events: list[tuple[str, Any]] = []

    async def follow() -> None:
        where = "/api/plugins/puppet/logs/stream?level=warn&search=live"
        async with client.stream("GET", where, timeout=30) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            name = ""
            async for line in answer.aiter_lines():
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    events.append((name, json.loads(line.removeprefix("data: "))))

    following = asyncio.create_task(follow())
    lines = [{"timestamp": "t", "level": level, "message": f"live {level}"} for level in ("info", "warn", "error")]
    text = "".join(json.dumps(line) + "\n" for line in lines) + "live but only text\n"
    async with asyncio.timeout(15):
        while not events:  # it takes a moment until somebody listens
            await printed(client, text)
            await asyncio.sleep(0.1)
    assert [data["message"] for _, data in events[:2]] == ["live warn", "live error"]
    assert {name for name, _ in events} == {"line"}
    await client.post("/api/auth/logout")
    async with asyncio.timeout(1):
        await following
    await client.aclose()


async def test_a_flood_is_cut_counted_and_felt_by_nobody(stage: Server, admin: httpx.AsyncClient) -> None:
    await printed(admin, "flood\n" * 200_000)
    assert (await admin.get("/api/plugins")).status_code == 200
    async with asyncio.timeout(10):
        while True:
            answer = await admin.get("/api/plugins/puppet/logs", params={"search": "were dropped", "page_size": 10})
            if notices := answer.json()["logs"]:
                break
            await asyncio.sleep(0.1)
    dropped = sum(int(line["message"].split()[0]) for line in notices)
    assert dropped > 190_000
    assert notices[0]["event"] == "log_lines_dropped"


async def test_the_supervisor_keeps_a_log_of_its_own(stage: Server, admin: httpx.AsyncClient) -> None:
    for deed in ("enable", "disable"):
        assert (await admin.post(f"/api/plugins/idle/{deed}")).json() == {"success": True}
    log = stage.data_dir / "logs" / "plugin-supervisor.log"
    await eventually(lambda: log.exists() and b'"plugin_disabled"' in log.read_bytes())
    lines = [json.loads(line) for line in log.read_bytes().splitlines()]
    assert all({"timestamp", "level", "plugin", "message"} <= line.keys() for line in lines)
    assert "idle" in {line["plugin"] for line in lines if line["event"] == "plugin_enabled"}


# -- licence keys


async def test_a_licence_key_goes_in_and_never_comes_back(stage: Server, admin: httpx.AsyncClient) -> None:
    where = "/api/plugins/puppet/license"
    assert (await admin.get(where)).json() == {"license": None}
    refused = await admin.put(where, json={"key": "canary-7f3a"})
    assert (refused.status_code, "canary" in refused.text) == (400, False)
    assert (await admin.delete(where)).status_code == 404
    assert "canary" not in stage.log.path.read_text()
