"""A real core with ten plugins: killed, stormed, told to end. Nothing is left, nothing is there twice."""

import asyncio
import json
import os
import random
import signal
import time
from pathlib import Path

import httpx
import psutil
import pytest

from tests.conftest import StartServer
from tests.plugins.support import text_of, write
from tests.support.clients import http_client, session_cookies, sign_in
from tests.support.server import Server
from tests.support.waiting import eventually

TEN = [f"plugin-{number}" for number in range(10)]
NAME = "serve1(lambda request: answer(request, os.environ['TORU_PLUGIN_ID']))"
NAME2 = "serve2(lambda connection, message: answer(message, os.environ['TORU_PLUGIN_ID']))"


def put_ten(folder: Path, code: str | None = None) -> None:
    """Ten enabled plugins, half of them of protocol 2."""
    plugins = folder / "plugins"
    (plugins / ".metadata").mkdir(parents=True)
    plugins.chmod(0o755)
    (plugins / ".metadata" / "config.json").write_text(json.dumps({"plugins": dict.fromkeys(TEN, True)}))
    for number, plugin_id in enumerate(TEN):
        protocol = "1" if number < 5 else "2"
        text = text_of(plugin_id, code or (NAME if protocol == "1" else NAME2), protocol=protocol)
        write(plugins / f"{plugin_id}.binary", text)


def processes_below(server: Server) -> list[psutil.Process]:
    """Every living process of a plugin of this server, by the file that it runs."""
    found = []
    for process in psutil.process_iter():
        try:
            words = process.cmdline()
            if process.status() != psutil.STATUS_ZOMBIE and any(str(server.folder / "plugins") in one for one in words):
                found.append(process)
        except psutil.Error:
            continue
    return found


async def all_ready(client: httpx.AsyncClient, seconds: float = 30) -> dict[str, int]:
    """Waits until ten plugins are healthy; their process ids."""
    deadline = time.monotonic() + seconds
    while True:
        views = (await client.get("/api/plugins")).raise_for_status().json()
        if len(views) == 10 and all(view["health"] == "healthy" for view in views):
            return {view["id"]: view["pid"] for view in views}
        assert time.monotonic() < deadline, [(view["id"], view["state"], view["reason"]) for view in views]
        await asyncio.sleep(0.1)


async def none_left(server: Server, seconds: float) -> None:
    """Fails when a plugin's process lives longer than this."""
    deadline = time.monotonic() + seconds
    while left := processes_below(server):
        assert time.monotonic() < deadline, left
        await asyncio.sleep(0.05)


@pytest.mark.fault("G38")
async def test_a_killed_core_leaves_no_plugin_and_the_next_one_starts_each_once(
    start_server: StartServer, tmp_path: Path
) -> None:
    put_ten(tmp_path / "server0")
    server = await start_server()
    async with http_client(server, await session_cookies(server)) as client:
        await all_ready(client)
    assert len(processes_below(server)) == 10
    await server.kill()
    await none_left(server, 2)
    await server.restart()
    async with http_client(server, await session_cookies(server)) as client:
        pids = await all_ready(client)
        assert sorted(process.pid for process in processes_below(server)) == sorted(pids.values())
        for plugin_id in TEN:
            assert (await client.get(f"/api/plugins/route/{plugin_id}/")).text == plugin_id


async def test_what_a_plugin_of_a_killed_core_had_started_is_ended_by_the_next_one(
    start_server: StartServer, tmp_path: Path
) -> None:
    code = """
if os.fork() == 0:
    os.setsid()
    wait()
(serve2 if os.environ["TORU_PLUGIN_ID"] >= "plugin-5" else serve1)()
"""
    put_ten(tmp_path / "server0", code)
    server = await start_server()
    async with http_client(server, await session_cookies(server)) as client:
        await all_ready(client)
    orphans = {process.pid for process in processes_below(server)}
    assert len(orphans) == 20
    await server.kill()
    await server.restart()
    async with http_client(server, await session_cookies(server)) as client:
        await all_ready(client)
    now = {process.pid for process in processes_below(server)}
    assert len(now) == 20
    assert not now & orphans


@pytest.mark.fault("G39")
@pytest.mark.parametrize("seconds", [8, pytest.param(60, marks=pytest.mark.full)])
@pytest.mark.timeout(240)
async def test_a_storm_of_kills(start_server: StartServer, tmp_path: Path, seconds: int) -> None:
    put_ten(tmp_path / "server0")
    server = await start_server()
    core = psutil.Process(server.pid)
    async with http_client(server, await session_cookies(server)) as client:
        pids = await all_ready(client)
        await asyncio.sleep(1)
        files = core.num_fds()
        end = time.monotonic() + seconds
        chance = random.Random(7)
        while time.monotonic() < end:
            living = processes_below(server)
            for process in chance.sample(living, k=min(2, len(living))):
                process.kill()
            await asyncio.sleep(0.2)
            assert (await client.get("/api/health")).status_code == 200
        after = await all_ready(client, 60)
        assert not set(after.values()) & set(pids.values())
        assert sorted(process.pid for process in processes_below(server)) == sorted(after.values())
        zombies = [child for child in core.children() if child.status() == psutil.STATUS_ZOMBIE]
        assert zombies == []
        await eventually(lambda: core.num_fds() <= files + 2)
        for plugin_id in TEN:
            assert (await client.get(f"/api/plugins/route/{plugin_id}/")).text == plugin_id


@pytest.mark.fault("O02")
async def test_a_core_that_is_told_to_end_ends_its_plugins_in_time(start_server: StartServer, tmp_path: Path) -> None:
    deaf = """
signal.signal(signal.SIGTERM, signal.SIG_IGN)
server = listen()
connections = []
while True:
    connections.append(server.accept())
"""
    put_ten(tmp_path / "server0")
    plugins = tmp_path / "server0" / "plugins"
    write(plugins / "plugin-0.binary", text_of("plugin-0", deaf))
    server = await start_server()
    client = await sign_in(server)
    await all_ready(client)
    hanging = [asyncio.create_task(client.get("/api/plugins/route/plugin-0/")) for _ in range(3)]
    await asyncio.sleep(0.3)
    began = time.monotonic()
    assert await server.stop() == 0
    assert time.monotonic() - began < 10
    assert processes_below(server) == []
    await asyncio.gather(*hanging, return_exceptions=True)
    await client.aclose()


@pytest.mark.fault("G22")
async def test_a_hanging_a_crashing_and_a_flooding_plugin_do_not_slow_the_others(
    start_server: StartServer, tmp_path: Path
) -> None:
    put_ten(tmp_path / "server0")
    plugins = tmp_path / "server0" / "plugins"
    write(plugins / "plugin-0.binary", text_of("plugin-0", "serve1(lambda request: time.sleep(60))"))
    flood = "\ndef flood():\n    while True: print('noise' * 50)\nthreading.Thread(target=flood, daemon=True).start()\n"
    crash = "serve1(lambda request: os._exit(3))"
    server = await start_server()
    client = await sign_in(server)
    await all_ready(client)

    async def p95() -> float:
        taken = []
        for _ in range(150):
            began = time.monotonic()
            assert (await client.get("/api/plugins/route/plugin-9/")).text == "plugin-9"
            taken.append(time.monotonic() - began)
        return sorted(taken)[len(taken) * 95 // 100]

    calm = await p95()
    hanging = [asyncio.create_task(client.get("/api/plugins/route/plugin-0/")) for _ in range(20)]
    write(plugins / "plugin-1.binary", text_of("plugin-1", crash))
    write(plugins / "plugin-2.binary", text_of("plugin-2", flood + NAME))
    async with asyncio.timeout(30):
        while not (await client.get("/api/plugins/plugin-2/logs", params={"search": "were dropped"})).json()["logs"]:
            await asyncio.sleep(0.05)
    crashing = asyncio.create_task(client.get("/api/plugins/route/plugin-1/"))
    loaded = await p95()
    assert (await crashing).status_code == 502
    began = time.monotonic()
    assert (await client.get("/api/plugins")).status_code == 200
    assert time.monotonic() - began < 5
    # The flood takes a processor of the machine for itself.
    assert loaded < max(4 * calm, 1), (calm, loaded)
    for one in hanging:
        one.cancel()
    await asyncio.gather(*hanging, return_exceptions=True)
    await client.aclose()


async def test_as_somebody_without_rights_a_socket_whose_rights_were_taken_is_told(
    start_server: StartServer,
) -> None:
    server = await start_server(unprivileged=True)
    client = await sign_in(server)
    plugins = server.folder / "plugins"
    plugins.mkdir(exist_ok=True)
    samples = server.folder / "samples"
    samples.mkdir()
    kit = Path(__file__).parent / "samples" / "plugin_kit.py"
    (samples / "plugin_kit.py").write_text(kit.read_text())
    text = text_of("hello").replace(str(kit.parent), str(samples))
    owner = server.data_dir.stat().st_uid
    if owner != os.geteuid():
        from tests.support.unprivileged import open_python

        text = text.replace(text.split()[0], f"#!{open_python()}", 1)
        os.chown(plugins, owner, owner)
    path = write(plugins / "hello.binary", text)
    os.chown(path, owner, owner)

    async def view() -> dict[str, object]:
        views = (await client.get("/api/plugins")).json()
        return dict(views[0]) if views else {}

    async def until(name: str, value: object) -> dict[str, object]:
        async with asyncio.timeout(15):
            while (found := await view()).get(name) != value:
                await asyncio.sleep(0.05)
        return found

    await until("id", "hello")
    assert (await client.post("/api/plugins/hello/enable")).json() == {"success": True}
    found = await until("state", "ready")
    Path(str(found["socket_path"])).chmod(0)
    assert (await client.get("/api/plugins/route/hello/")).status_code == 502
    path.chmod(0)
    async with asyncio.timeout(10):
        while await view():
            await asyncio.sleep(0.05)
    problems = (await client.get("/api/plugin-problems")).json()
    assert problems[0]["file"] == "hello.binary"
    assert "may not be executed" in problems[0]["reason"]
    path.chmod(0o755)
    await until("state", "ready")
    os.kill(int(str((await view())["pid"])), signal.SIGKILL)
    await until("restarts", 1)
    await client.aclose()
