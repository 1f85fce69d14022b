"""The core goes while much is going on: it ends in order, comes back, and everybody goes on where they were."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from tests.conftest import StartServer
from tests.plugins.support import text_of, write
from tests.plugins.test_faults import all_ready, processes_below, put_ten
from tests.runs.support import processes_of
from tests.support.clients import JsonSocket, http_client, open_socket, session_cookies
from tests.support.evidence import Evidence
from tests.support.server import Server
from tests.support.waiting import eventually

NEVER = "serve2(lambda connection, message: None)"
WAITS = 'echo ready; until [ -e "$1" ]; do sleep 0.1; done; echo done'
COUNTS = 'i=0; until [ -e "$1" ]; do echo $i; i=$((i+1)); sleep 0.01; done; echo end'


async def start(client: httpx.AsyncClient, script: str, *args: str) -> str:
    """A run's id."""
    answer = await client.post("/api/runs", json={"script": script, "args": list(args)})
    assert answer.status_code == 201, answer.text
    run_id: str = answer.json()["id"]
    return run_id


async def is_over(client: httpx.AsyncClient, run_id: str) -> bool:
    return bool((await client.get(f"/api/runs/{run_id}")).json()["state"] == "succeeded")


@pytest.mark.fault("O02")
async def test_a_core_that_is_told_to_end_amid_everything(start_server: StartServer, tmp_path: Path) -> None:
    """Twenty runs, ten viewers, ten plugins, three requests that nobody answers."""
    put_ten(tmp_path / "server0")
    write(tmp_path / "server0" / "plugins" / "plugin-9.binary", text_of("plugin-9", NEVER, protocol="2"))
    server = await start_server()
    script = server.script("waits.sh", WAITS)
    async with http_client(server, await session_cookies(server)) as client, contextlib.AsyncExitStack() as open_ones:
        await all_ready(client)
        runs = [await start(client, script, str(tmp_path / "go")) for _ in range(20)]
        viewers = [await open_ones.enter_async_context(open_socket(client, f"/api/ws/runs/{run}")) for run in runs[:10]]
        for viewer in viewers:
            assert await viewer.receive(20) == b"ready\n"
        hanging = [asyncio.create_task(client.get("/api/plugins/route/plugin-9/")) for _ in range(3)]
        await asyncio.sleep(0)
        began = time.monotonic()
        assert await server.stop() == 0
        assert time.monotonic() - began < 15
        for viewer in viewers:
            with pytest.raises(ConnectionClosed):
                await viewer.receive()
            assert viewer.connection.close_code == 1012
        await asyncio.gather(*hanging, return_exceptions=True)
        assert processes_below(server) == []
        assert all(processes_of(run) for run in runs)
    await server.restart()
    (tmp_path / "go").touch()
    async with http_client(server, await session_cookies(server)) as client:
        for run in runs:
            await eventually(lambda: is_over(client, run), 30)  # noqa: B023 (awaited here)
            assert (await client.get(f"/api/runs/{run}/output")).content == b"ready\ndone\n"


class Viewer:
    """Follows one run through any number of restarts, each time from where it was."""

    def __init__(self, client: httpx.AsyncClient, run_id: str) -> None:
        self.found = bytearray()
        self.resumed = 0
        self._client, self._run_id = client, run_id

    async def follow(self) -> None:
        """Returns at the run's end."""
        while True:
            with contextlib.suppress(ConnectionClosed, InvalidHandshake, OSError):
                path = f"/api/ws/runs/{self._run_id}?offset={len(self.found)}"
                async with open_socket(self._client, path) as socket:
                    if await self._read_on(socket):
                        return
            self.resumed += 1
            await asyncio.sleep(0.05)

    async def _read_on(self, socket: JsonSocket) -> bool:
        while isinstance(frame := await socket.receive(60), bytes):
            self.found += frame
        return "exit" in frame


class Load:
    """Requests, one after the other, from several clients; what was answered and for how long nobody was there."""

    def __init__(self) -> None:
        self.answers: dict[int, int] = {}
        self.refused = 0

    async def ask(self, server: Server, cookies: dict[str, str], pause: float) -> None:
        """Until cancelled."""
        async with http_client(server, cookies) as client:
            while True:
                try:
                    status = (await client.get("/api/runs?limit=5")).status_code
                    self.answers[status] = self.answers.get(status, 0) + 1
                except httpx.TransportError:
                    self.refused += 1
                await asyncio.sleep(pause)


@pytest.mark.full
@pytest.mark.fault("O04")
@pytest.mark.timeout(300)
@pytest.mark.parametrize("end", [Server.stop, Server.kill], ids=["told to end", "killed"])
async def test_restarts_under_load(
    end: Callable[[Server], Awaitable[object]], start_server: StartServer, tmp_path: Path, evidence: Evidence
) -> None:
    """Ten streams and fifty requests a second: no answer is an error of ours, no stream misses or repeats a byte."""
    server = await start_server()
    script = server.script("counts.sh", COUNTS)
    cookies = await session_cookies(server)
    load, restarts = Load(), 10
    async with http_client(server, cookies) as client:
        runs = [await start(client, script, str(tmp_path / "end")) for _ in range(10)]
        viewers = [Viewer(client, run) for run in runs]
        following = [asyncio.create_task(viewer.follow()) for viewer in viewers]
        asking = [asyncio.create_task(load.ask(server, cookies, 0.1)) for _ in range(5)]
        for number in range(restarts):
            seen = [len(viewer.found) for viewer in viewers]
            await eventually(lambda: all(len(v.found) > n for v, n in zip(viewers, seen, strict=True)), 30)  # noqa: B023
            await end(server)
            await server.start()
            await eventually(lambda: all(viewer.resumed > number for viewer in viewers), 30)  # noqa: B023
        (tmp_path / "end").touch()
        await asyncio.gather(*following)
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
        for viewer, run in zip(viewers, runs, strict=True):
            assert bytes(viewer.found) == (await client.get(f"/api/runs/{run}/output")).content
            *numbers, last = viewer.found.decode().splitlines()
            assert last == "end"
            assert numbers == [str(number) for number in range(len(numbers))]
            evidence.kept["bytes of output through restarts"] += len(viewer.found)
    assert set(load.answers) <= {200, 503}
    assert load.answers[200] > restarts


@pytest.mark.fault("O03")
async def test_a_core_that_was_halted_goes_on(server: Server, admin: httpx.AsyncClient, tmp_path: Path) -> None:
    """SIGSTOP, as a machine that sleeps or a debugger: the script does not notice, and nothing is missing after it."""
    waits = 'seq 1 1000; until [ -e "$1" ]; do sleep 0.05; done; seq 1001 100000; touch "$1.done"'
    run = await start(admin, server.script("halted.sh", waits), str(tmp_path / "go"))
    os.kill(server.pid, signal.SIGSTOP)
    (tmp_path / "go").touch()
    try:
        await eventually((tmp_path / "go.done").exists, 30)
    finally:
        os.kill(server.pid, signal.SIGCONT)
    await eventually(lambda: is_over(admin, run), 30)
    output = (await admin.get(f"/api/runs/{run}/output")).content
    assert output == b"".join(b"%d\n" % number for number in range(1, 100_001))


@pytest.mark.fault("O03")
async def test_a_runner_that_was_halted_goes_on(server: Server, admin: httpx.AsyncClient) -> None:
    script = server.script("hello.sh", "echo hello")
    await start(admin, script)
    [runner] = server.runners()
    runner.suspend()
    try:
        waiting = asyncio.create_task(admin.post("/api/runs", json={"script": script}, timeout=40))
        assert (await admin.get("/api/runs")).status_code == 200  # the core waits for nobody
    finally:
        runner.resume()
    answer = await waiting
    assert answer.status_code == 201
    await eventually(lambda: is_over(admin, answer.json()["id"]), 30)
