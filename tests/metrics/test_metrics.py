"""/metrics, read as Prometheus reads it."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from app.metrics.exposition import Family, exposition
from tests.conftest import StartServer
from tests.plugins.support import text_of, write
from tests.support.clients import http_client, session_cookies

SAMPLE = re.compile(
    r'(?P<name>[a-z0-9_]+)(\{(?P<labels>[a-z0-9_]+="(\\.|[^"\\])*"(,[a-z0-9_]+="(\\.|[^"\\])*")*)\})? (?P<value>\S+)'
)


@pytest.fixture
async def admin(start_server: StartServer, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """An administrator of a server with one plugin."""
    folder = tmp_path / "server0" / "plugins"
    folder.mkdir(parents=True)
    write(folder / "hello.binary", text_of("hello", "serve1()"))
    server = await start_server()
    async with http_client(server, await session_cookies(server)) as client:
        yield client


def samples(text: str) -> dict[str, float]:
    """Each sample's number, by its name and labels; fails on a line that is none."""
    found: dict[str, float] = {}
    for line in text.splitlines():
        if line.startswith("# "):
            assert re.fullmatch(r"# (HELP [a-z0-9_]+ .+|TYPE [a-z0-9_]+ (gauge|counter))", line), line
            continue
        assert SAMPLE.fullmatch(line), line
        name, _, value = line.rpartition(" ")
        assert name not in found, line
        found[name] = float(value)
    return found


async def test_a_token_that_may_read_gets_machine_core_and_plugins(admin: httpx.AsyncClient) -> None:
    made = await admin.post("/api/tokens", json={"name": "prometheus", "scopes": ["read"]})
    headers = {"Authorization": f"Bearer {made.json()['token']}"}
    async with httpx.AsyncClient(base_url=admin.base_url, headers=headers, trust_env=False, verify=False) as prometheus:
        while "hello" not in (text := (await prometheus.get("/metrics")).text):
            pass  # the folder is looked at soon after the start
        answer = await prometheus.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    found = samples(text)
    assert found['toru_plugin_enabled{plugin="hello"}'] == 0
    assert found['toru_plugin_requests_total{plugin="hello"}'] == 0
    assert found["toru_machine_memory_used_bytes"] < found["toru_machine_memory_bytes"]
    assert found["toru_core_memory_bytes"] > 10 << 20
    assert sum(name.startswith("toru_build_info{version=") for name in found) == 1
    assert re.findall(r"^toru_machine_disk_bytes\{mount=", text, re.MULTILINE)


async def test_a_plugin_that_works_is_up_and_its_requests_are_counted(admin: httpx.AsyncClient) -> None:
    while (await admin.get("/api/plugins/hello")).status_code == 404:
        pass
    (await admin.post("/api/plugins/hello/enable")).raise_for_status()
    while (await admin.get("/api/plugins/route/hello/")).status_code != 200:
        pass
    found = samples((await admin.get("/metrics")).text)
    assert found['toru_plugin_up{plugin="hello"}'] == 1
    assert found['toru_plugin_requests_total{plugin="hello"}'] >= 1
    assert found['toru_plugin_request_p95_seconds{plugin="hello"}'] > 0
    assert found['toru_plugin_memory_bytes{plugin="hello"}'] > 1 << 20


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
