"""/metrics, read as Prometheus reads it."""

import asyncio
import re
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import httpx
import pytest
from sqlmodel import Session

from app.core.errors import Forbidden
from app.core.permissions import Actor, TokenRights
from app.metrics import service as module
from app.metrics.exposition import Family, exposition
from app.services import Services
from tests.conftest import StartServer
from tests.metrics.scrape import samples
from tests.plugins.support import text_of, write
from tests.support.clients import http_client, session_cookies
from tests.support.server import Server
from tests.support.waiting import eventually


@pytest.fixture(scope="module")
async def lent(lend_server: StartServer, tmp_path_factory: pytest.TempPathFactory) -> Server:
    """A server with two plugins: one that nobody wants, and one that works."""
    folder = tmp_path_factory.mktemp("plugged") / "plugins"
    folder.mkdir()
    for plugin_id in ("hello", "works"):
        write(folder / f"{plugin_id}.binary", text_of(plugin_id, "serve1()"))
    return await lend_server(folder=folder.parent)


@pytest.fixture
async def admin(lent: Server) -> AsyncIterator[httpx.AsyncClient]:
    """Its administrator."""
    async with http_client(lent, await session_cookies(lent)) as client:
        yield client


def has(client: httpx.AsyncClient, path: str, text: str = "") -> Callable[[], Awaitable[bool]]:
    """Whether there is an answer with this in it."""

    async def look() -> bool:
        answer = await client.get(path)
        return answer.status_code == 200 and text in answer.text

    return look


async def test_a_token_that_may_read_gets_machine_core_and_plugins(admin: httpx.AsyncClient) -> None:
    made = await admin.post("/api/tokens", json={"name": "prometheus", "scopes": ["read"]})
    headers = {"Authorization": f"Bearer {made.json()['token']}"}
    async with httpx.AsyncClient(base_url=admin.base_url, headers=headers, trust_env=False, verify=False) as prometheus:
        await eventually(has(prometheus, "/metrics", "hello"))  # the folder is looked at soon after the start
        answer = await prometheus.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    found = samples(answer.text)
    assert found['toru_plugin_enabled{plugin="hello"}'] == 0
    assert found['toru_plugin_requests_total{plugin="hello"}'] == 0
    assert found["toru_machine_memory_used_bytes"] < found["toru_machine_memory_bytes"]
    assert found["toru_core_memory_bytes"] > 10 << 20
    assert sum(name.startswith("toru_build_info{version=") for name in found) == 1
    assert re.findall(r"^toru_machine_disk_bytes\{mount=", answer.text, re.MULTILINE)


async def test_a_plugin_that_works_is_up_and_its_requests_are_counted(admin: httpx.AsyncClient) -> None:
    await eventually(has(admin, "/api/plugins/works"))
    (await admin.post("/api/plugins/works/enable")).raise_for_status()
    await eventually(has(admin, "/api/plugins/route/works/"))
    found = samples((await admin.get("/metrics")).text)
    assert found['toru_plugin_up{plugin="works"}'] == 1
    assert found['toru_plugin_requests_total{plugin="works"}'] >= 1
    assert found['toru_plugin_request_p95_seconds{plugin="works"}'] > 0
    assert found['toru_plugin_memory_bytes{plugin="works"}'] > 1 << 20
    (await admin.post("/api/plugins/works/disable")).raise_for_status()


async def test_nobody_else_sees_a_figure(admin: httpx.AsyncClient) -> None:
    async with httpx.AsyncClient(base_url=admin.base_url, trust_env=False, verify=False) as nobody:
        answer = await nobody.get("/metrics")
    assert answer.status_code == 401
    assert answer.json() == {"error": "Not signed in."}


def test_what_was_not_measured_is_left_out_and_labels_are_escaped() -> None:
    disks = Family("disk_bytes", "gauge", "A\nsize.", [({"mount": 'a"b\\c\nd\udcff'}, 5), ({"mount": "/"}, None)])
    nothing = Family("nothing", "gauge", "Never measured.", [({}, None)])
    assert exposition([disks, nothing]) == (
        '# HELP disk_bytes A\\nsize.\n# TYPE disk_bytes gauge\ndisk_bytes{mount="a\\"b\\\\c\\nd?"} 5\n'
    )


async def test_everything_that_the_core_counts_is_told(lent: Server, admin: httpx.AsyncClient) -> None:
    async with http_client(lent) as stranger:
        wrong = await stranger.post("/api/auth/login", json={"username": "nobody", "password": "wrong"})
    assert wrong.status_code == 401
    before = samples((await admin.get("/metrics")).text)
    lent.script("five.sh", "printf 12345\nexit $1")
    for args in ([], ["3"]):
        run = (await admin.post("/api/runs", json={"script": "five.sh", "args": args})).json()
        await admin.get(f"/api/runs/{run['id']}/stream")  # it ends with the run
    text = (await admin.get("/metrics")).text
    found = samples(text)

    def grew(name: str) -> float:
        return found[name] - before.get(name, 0)

    assert grew('toru_runs_ended_total{outcome="succeeded"}') == 1
    assert grew('toru_runs_ended_total{outcome="failed"}') == 1
    assert grew("toru_runs_started_total") == 2
    assert grew("toru_runs_output_bytes_total") == 10
    assert grew("toru_run_duration_seconds_count") == 2
    assert grew('toru_run_duration_seconds_bucket{le="14400.0"}') == 2
    assert grew('toru_http_requests_total{route="/api/runs",method="POST",status="2xx"}') == 2
    assert grew('toru_http_request_duration_seconds_count{route="/api/runs"}') == 2
    assert grew("toru_event_loop_lag_seconds_count") > 0
    assert grew("toru_database_write_duration_seconds_count") > 0
    assert grew("toru_audit_rows") > 0
    assert found["toru_http_requests_in_flight"] == 1
    assert found['toru_websockets_open{kind="runs"}'] == 0
    assert before['toru_sign_ins_total{outcome="refused"}'] == 1
    assert before['toru_sign_ins_total{outcome="accepted"}'] >= 1
    assert found["toru_sessions"] >= 1
    assert found["toru_database_up"] == 1
    assert found["toru_database_bytes"] > 0
    assert found["toru_core_memory_proportional_bytes"] < found["toru_core_memory_bytes"]
    assert found["toru_runner_memory_bytes"] > found["toru_runner_memory_proportional_bytes"] > 1 << 20
    assert found["toru_event_loop_lag_max_seconds"] > 0
    assert found["toru_log_lines_lost_total"] == 0


async def test_figures_come_also_while_the_database_does_not_answer(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "DATABASE_SECONDS", 0.05)
    begun, goes_on = threading.Event(), threading.Event()

    def hold_up(session: Session) -> None:
        begun.set()
        goes_on.wait(30)

    held_up = asyncio.ensure_future(services.metrics._database.read(hold_up))
    await asyncio.to_thread(begun.wait, 30)
    try:
        found = samples(exposition(await services.metrics.families(Actor.system())))
    finally:
        goes_on.set()
        await held_up
    assert found["toru_database_up"] == 0
    assert "toru_audit_rows" not in found
    assert found["toru_runs_running"] == 0
    monkeypatch.undo()
    assert samples(exposition(await services.metrics.families(Actor.system())))["toru_database_up"] == 1


async def test_a_token_that_may_only_run_sees_no_figure(services: Services) -> None:
    actor = replace(Actor.system(), token=TokenRights("x", frozenset({"run:y"})))
    with pytest.raises(Forbidden):
        await services.metrics.families(actor)
