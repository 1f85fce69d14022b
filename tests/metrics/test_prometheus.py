"""Debian's Prometheus and promtool: they find two machines by the list of one, watch both, and know our figures."""

import asyncio
import functools
import hashlib
import json
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import StartServer
from tests.metrics.test_dashboard import ALERTS, GUIDE, queries
from tests.support.clients import http_client, session_cookies
from tests.support.debian import DebianProgram
from tests.support.server import Server, free_port
from tests.support.waiting import eventually

pytestmark = [pytest.mark.full, pytest.mark.needs("debian-packages"), pytest.mark.timeout(300)]

SECONDS = 120
Json = Any

ONE = 'instance="a"'
GOING_OFF = {
    "ToruSilent": {f'up{{job="toru",{ONE}}}': "0x40"},
    "ToruDatabaseSilent": {f"toru_database_up{{{ONE}}}": "0x40"},
    "ToruDiskFull": {
        f'toru_machine_disk_free_bytes{{{ONE},mount="/"}}': "9x40",
        f'toru_machine_disk_bytes{{{ONE},mount="/"}}': "100x40",
    },
    "ToruMemoryShort": {
        f"toru_machine_memory_used_bytes{{{ONE}}}": "96x40",
        f"toru_machine_memory_bytes{{{ONE}}}": "100x40",
    },
    "ToruRunsFail": {f'toru_runs_ended_total{{{ONE},outcome="timed_out"}}': "0x10 1x30"},
    "ToruRunsWait": {f"toru_runs_queued{{{ONE}}}": "1x40"},
    "ToruPluginDown": {
        f'toru_plugin_enabled{{{ONE},plugin="p"}}': "1x40",
        f'toru_plugin_up{{{ONE},plugin="p"}}': "0x40",
    },
    "ToruPluginCrashes": {f'toru_plugin_restarts_total{{{ONE},plugin="p"}}': "0+1x40"},
    "ToruSlow": {f"toru_event_loop_lag_max_seconds{{{ONE}}}": "0.6x40"},
    "ToruErrors": {f'toru_http_requests_total{{{ONE},route="/api/runs",method="GET",status="5xx"}}': "0+1x40"},
    "ToruSignInsRefused": {f'toru_sign_ins_total{{{ONE},outcome="refused"}}': "0+3x40"},
    "ToruLosesRecords": {f"toru_audit_rows_lost_total{{{ONE}}}": "0+1x40"},
}
"""What each alert is there for, a sample a minute."""

QUIET = {
    f'up{{job="toru",{ONE}}}': "1x20 0 1x20",
    f'up{{job="another",{ONE}}}': "0x40",
    f"toru_database_up{{{ONE}}}": "1x40",
    f'toru_machine_disk_free_bytes{{{ONE},mount="/"}}': "11x40",
    f'toru_machine_disk_bytes{{{ONE},mount="/"}}': "100x40",
    f"toru_machine_memory_used_bytes{{{ONE}}}": "90x40",
    f"toru_machine_memory_bytes{{{ONE}}}": "100x40",
    f'toru_runs_ended_total{{{ONE},outcome="succeeded"}}': "0+1x40",
    f'toru_runs_ended_total{{{ONE},outcome="cancelled"}}': "0+1x40",
    f"toru_runs_queued{{{ONE}}}": "0x20 1x5 0x15",
    f'toru_plugin_enabled{{{ONE},plugin="p"}}': "1x40",
    f'toru_plugin_up{{{ONE},plugin="p"}}': "1x40",
    f'toru_plugin_enabled{{{ONE},plugin="off"}}': "0x40",
    f'toru_plugin_up{{{ONE},plugin="off"}}': "0x40",
    f"toru_event_loop_lag_max_seconds{{{ONE}}}": "0.1x40",
    f'toru_http_requests_total{{{ONE},route="/api/runs",method="GET",status="4xx"}}': "0+9x40",
    f'toru_http_requests_total{{{ONE},route="/api/plugins/route/{{route}}",method="GET",status="5xx"}}': "0+9x40",
    f'toru_sign_ins_total{{{ONE},outcome="accepted"}}': "0+9x40",
    f'toru_sign_ins_total{{{ONE},outcome="refused"}}': "0+1x40",
    f"toru_audit_rows_lost_total{{{ONE}}}": "0x40",
    f"toru_log_lines_lost_total{{{ONE}}}": "0x40",
}


@functools.cache
def program(name: str) -> str:
    debian = DebianProgram("prometheus", f"usr/bin/{name}")
    debian.fetch()
    return debian.program


def promtool(*arguments: str, folder: Path, text: str = "") -> tuple[int, str]:
    """The code of promtool, and whatever it said."""
    command = [program("promtool"), *arguments]
    done = subprocess.run(command, cwd=folder, input=text, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr


class Prometheus:
    """One that runs, asked over its API."""

    def __init__(self, url: str) -> None:
        self._http = httpx.AsyncClient(base_url=url, timeout=30, trust_env=False, verify=False)

    async def ask(self, path: str, **parameters: str) -> Json:
        answer = await self._http.get(f"/api/v1/{path}", params=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    async def values(self, query: str) -> dict[str, str]:
        """What a query finds, by machine."""
        found = (await self.ask("query", query=query))["result"]
        return {sample["metric"].get("instance", ""): sample["value"][1] for sample in found}

    async def ready(self) -> bool:
        try:
            return (await self._http.get("/-/ready")).status_code == 200
        except httpx.TransportError:
            return False

    async def close(self) -> None:
        await self._http.aclose()


def written_config(folder: Path, hub: Server) -> None:
    """The guide's configuration, in a hurry."""
    blocks = re.findall(r"```yaml\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    [config] = [block for block in blocks if "http_sd_configs" in block]
    for said, meant in (
        ("https://hub.example.com", hub.url),
        ("scrape_interval: 15s", "scrape_interval: 1s\n  evaluation_interval: 1s"),
        ("refresh_interval: 1m", "refresh_interval: 1s"),
    ):
        assert said in config
        config = config.replace(said, meant)
    (folder / "prometheus.yml").write_text(config)
    shutil.copy(ALERTS, folder / "alerts.yml")


@asynccontextmanager
async def running_prometheus(folder: Path) -> AsyncIterator[Prometheus]:
    """Debian's, with `prometheus.yml` in a folder."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        program("prometheus"),
        "--config.file=prometheus.yml",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}",
        cwd=folder,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    prometheus = Prometheus(f"http://127.0.0.1:{port}")
    try:
        await eventually(prometheus.ready, SECONDS)
        yield prometheus
    finally:
        await prometheus.close()
        process.terminate()
        await process.wait()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Of Prometheus."""
    made = tmp_path / "prometheus"
    made.mkdir()
    return made


async def test_two_machines_are_found_watched_and_missed(start_server: StartServer, folder: Path) -> None:
    hub, other = await start_server(), await start_server()
    async with (
        http_client(hub, await session_cookies(hub)) as admin,
        http_client(other, await session_cookies(other)) as other_admin,
    ):
        token = (await admin.post("/api/tokens", json={"name": "prometheus", "scopes": ["read"]})).json()["token"]
        sha256 = hashlib.sha256(token.encode()).hexdigest()
        accepted = await other_admin.post("/api/tokens/accept", json={"name": "fleet", "sha256": sha256})
        assert accepted.status_code == 201
        here = (await admin.get("/api/v1/fleet/sd")).json()[0]["labels"]["instance"]
        (folder / "toru.token").write_text(token)
        written_config(folder, hub)
        assert promtool("check", "config", "prometheus.yml", folder=folder)[0] == 0
        async with running_prometheus(folder) as prometheus:
            await eventually(_finds(prometheus, {here: "1"}), SECONDS)
            body = {"url": other.url, "labels": {"client": "acme"}}
            assert (await admin.put("/api/fleet/web-1", json=body)).status_code == 200
            await eventually(_finds(prometheus, {here: "1", "web-1": "1"}), SECONDS)
            [told] = (await prometheus.ask("query", query='toru_build_info{client="acme"}'))["result"]
            assert told["metric"]["instance"] == "web-1"
            assert (told["metric"]["job"], "exported_instance" in told["metric"]) == ("toru", False)
            await _understands_everything(prometheus, folder)
            await other.stop()
            await eventually(_finds(prometheus, {here: "1", "web-1": "0"}), SECONDS)
            await eventually(lambda: _warns(prometheus, "ToruSilent"), SECONDS)
            assert (await admin.delete("/api/fleet/web-1")).status_code == 204
            await eventually(_finds(prometheus, {here: "1"}), SECONDS)


def _finds(prometheus: Prometheus, wanted: dict[str, str]) -> Callable[[], Awaitable[bool]]:
    async def found() -> bool:
        active = (await prometheus.ask("targets", state="active"))["activeTargets"]
        names = {target["labels"]["instance"] for target in active}
        up = await prometheus.values('up{job="toru"}')
        return names == wanted.keys() and {name: up.get(name) for name in names} == wanted

    return found


async def _warns(prometheus: Prometheus, alert: str) -> bool:
    alerts = (await prometheus.ask("alerts"))["alerts"]
    return any(one["labels"]["alertname"] == alert for one in alerts)


async def _understands_everything(prometheus: Prometheus, folder: Path) -> None:
    """Every query of the dashboard has a meaning, and every rule was evaluated."""
    words = {"$__rate_interval": "1m", "$__range": "5m", "$instance": ".*"}
    for query in queries():
        await prometheus.ask(
            "query", query=functools.reduce(lambda text, word: text.replace(*word), words.items(), query)
        )
    await eventually(lambda: _rules_are_well(prometheus), SECONDS)


async def _rules_are_well(prometheus: Prometheus) -> bool:
    [group] = (await prometheus.ask("rules"))["groups"]
    states = {rule["health"] for rule in group["rules"]}
    assert "err" not in states, group
    return states == {"ok"}


async def test_promtool_has_nothing_to_say_about_our_figures(
    start_server: StartServer, folder: Path, tmp_path: Path
) -> None:
    from tests.plugins.support import text_of, write

    plugins = tmp_path / "server0" / "plugins"
    plugins.mkdir(parents=True)
    write(plugins / "hello.binary", text_of("hello", "serve1()"))
    server = await start_server()
    async with http_client(server, await session_cookies(server)) as admin:
        await eventually(lambda: _answers(admin, "/api/plugins/hello"))
        await admin.post("/api/plugins/hello/enable")
        await eventually(lambda: _answers(admin, "/api/plugins/route/hello/"))
        text = (await admin.get("/metrics")).text
    assert "toru_plugin_request_p95_seconds" in text
    assert promtool("check", "metrics", folder=folder, text=text) == (0, "")
    code, said = promtool("check", "metrics", folder=folder, text=text.replace("requests_total", "requests_count"))
    assert code != 0, said


async def _answers(client: httpx.AsyncClient, path: str) -> bool:
    return (await client.get(path)).status_code == 200


def test_promtool_takes_the_alerts_and_they_go_off(folder: Path) -> None:
    shutil.copy(ALERTS, folder / "alerts.yml")
    code, said = promtool("check", "rules", "alerts.yml", folder=folder)
    assert (code, "12 rules found" in said) == (0, True), said

    series = [{"series": name, "values": values} for samples in GOING_OFF.values() for name, values in samples.items()]
    quiet = [{"series": name, "values": values} for name, values in QUIET.items()]
    cases = [
        {"interval": "1m", "input_series": series, "promql_expr_test": [_expects(alert) for alert in GOING_OFF]},
        {"interval": "1m", "input_series": quiet, "promql_expr_test": [_expects(None)]},
    ]
    (folder / "tests.yml").write_text(json.dumps({"rule_files": ["alerts.yml"], "tests": cases}))
    code, said = promtool("test", "rules", "tests.yml", folder=folder)
    assert code == 0, said


def _expects(alert: str | None) -> Json:
    """That this alert, or for None no alert at all, goes off on one machine after half an hour."""
    name = f'alertname="{alert}",' if alert else ""
    wanted = [{"labels": "{}", "value": 1}] if alert else []
    return {"expr": f'count(ALERTS{{{name}alertstate="firing"}})', "eval_time": "30m", "exp_samples": wanted}
