"""Faults by name against a real server: whatever dies, no byte and no end is lost, and nothing hangs."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from websockets.exceptions import ConnectionClosed

from tests.runs.support import processes_of
from tests.support.clients import JsonSocket, open_socket, sign_in
from tests.support.evidence import often
from tests.support.server import Server
from tests.support.waiting import eventually

StartServer = Callable[..., Awaitable[Server]]
Json = dict[str, Any]
RUNNER_LOST = "runner .* is gone"


@pytest.fixture(scope="module")
async def lent(lend_server: StartServer) -> Server:
    """A server for the tests that kill nothing."""
    return await lend_server(fresh=True)


async def start(client: httpx.AsyncClient, script: str, **body: Any) -> str:
    """Starts a script; the run's id."""
    answer = await client.post("/api/runs", json={"script": script, **body})
    assert answer.status_code == 201, answer.text
    run_id: str = answer.json()["id"]
    return run_id


async def read_on(socket: JsonSocket, found: bytearray) -> Json | None:
    """Adds what comes to `found`; the exit, or None when the connection was lost."""
    with contextlib.suppress(ConnectionClosed):
        while True:
            frame = await socket.receive(30)
            if not isinstance(frame, bytes):
                exit_: Json = frame["exit"]
                return exit_
            found += frame
    return None


async def ended(client: httpx.AsyncClient, run_id: str, seconds: float = 30) -> Json:
    """The run, once it has ended."""
    async with asyncio.timeout(seconds):
        while True:
            run: Json = (await client.get(f"/api/runs/{run_id}")).json()
            if run["state"] not in ("queued", "running"):
                return run
            await asyncio.sleep(0.05)


IN_PARTS = """
for part in 1 2 3; do
    i=0; while [ $i -lt 1000 ]; do echo "$part line $i"; i=$((i+1)); done
    until [ -e "$1/$part" ]; do sleep 0.1; done
done
seq 1 200000; exit 9
"""


@pytest.mark.fault("S05")
async def test_kill_9_of_the_core_in_the_middle_of_runs(start_server: StartServer, tmp_path: Path) -> None:
    """Three times; the runs go on while there is no core. Every byte is there, and so is the right code."""
    server = await start_server()
    script = server.script("parts.sh", IN_PARTS)
    parts = [b"".join(b"%d line %d\n" % (part, number) for number in range(1000)) for part in (1, 2, 3)]
    expected = b"".join([*parts, *(b"%d\n" % number for number in range(1, 200_001))])
    async with await sign_in(server) as admin:
        run_ids = [await start(admin, script, args=[str(tmp_path)]) for _ in range(3)]
        found: dict[str, bytearray] = {run_id: bytearray() for run_id in run_ids}
        for part in (1, 2, 3):
            readers = [asyncio.create_task(follow(admin, run_id, output)) for run_id, output in found.items()]
            await until_length(found, part * len(parts[0]))
            await server.kill()
            (tmp_path / str(part)).touch()
            await asyncio.gather(*readers)
            await server.start()
        for run_id, output in found.items():
            run = await ended(admin, run_id)
            assert (run["state"], run["exit_code"], run["size"]) == ("failed", 9, len(expected))
            exit_ = await follow(admin, run_id, output)
            assert output == expected
            assert exit_ is not None
            assert (exit_["state"], exit_["code"]) == ("failed", 9)
            assert (await admin.get(f"/api/runs/{run_id}/output")).content == expected


async def follow(client: httpx.AsyncClient, run_id: str, found: bytearray) -> Json | None:
    """Goes on reading where `found` ends; the exit, or None when the connection was lost."""
    async with open_socket(client, f"/api/ws/runs/{run_id}?offset={len(found)}") as socket:
        return await read_on(socket, found)


async def until_length(found: dict[str, bytearray], length: int, seconds: float = 20) -> None:
    """Waits until the readers of all runs have at least this many bytes."""
    async with asyncio.timeout(seconds):
        while min(map(len, found.values())) < length:
            await asyncio.sleep(0.01)


@pytest.mark.fault("S05")
async def test_no_acknowledged_start_is_lost_by_kill_9(start_server: StartServer) -> None:
    server = await start_server()
    script = server.script("hello.sh", "echo hi")
    async with await sign_in(server) as admin:
        acknowledged: list[str] = []

        async def keep_starting() -> None:
            with contextlib.suppress(httpx.TransportError):
                while True:
                    acknowledged.append(await start(admin, script))

        for _ in range(2):
            work = [asyncio.create_task(keep_starting()) for _ in range(8)]
            begun = len(acknowledged)
            await eventually(lambda: len(acknowledged) > begun + 5)  # noqa: B023 (awaited here)
            await server.kill()
            await asyncio.gather(*work)
            await server.start()
        assert len(acknowledged) > 10
        for run_id in acknowledged:
            assert (await ended(admin, run_id))["state"] == "succeeded"
            assert (await admin.get(f"/api/runs/{run_id}/output")).content == b"hi\n"


@pytest.mark.allows_errors(RUNNER_LOST)
async def test_kill_9_of_the_runner_ends_its_runs_and_nothing_hangs(start_server: StartServer) -> None:
    server = await start_server()
    script = server.script("wait.sh", "echo ready; sleep 60")
    async with await sign_in(server) as admin, open_socket(admin, "/api/ws") as socket:
        await socket.send({"type": "run", "script": script})
        task_id = (await socket.until("stdout"))[0]["task_id"]
        [runner] = server.runners()
        begin = time.monotonic()
        runner.kill()
        [exit_] = await socket.until("exit")
        assert time.monotonic() - begin < 1.5
        assert (exit_["task_id"], exit_["code"]) == (task_id, -1)
        run = (await admin.get(f"/api/runs/{task_id}")).json()
        assert (run["state"], run["exit_code"]) == ("interrupted", None)
        assert processes_of(task_id) == []
        await socket.send({"type": "run", "script": server.script("hello.sh", "echo hi")})
        assert [message["type"] for message in await socket.until("exit")] == ["started", "stdout", "exit"]


@pytest.mark.fault("S05")
@pytest.mark.allows_errors(RUNNER_LOST)
async def test_both_killed_at_once(start_server: StartServer) -> None:
    server = await start_server()
    async with await sign_in(server) as admin:
        lost = await start(admin, server.script("wait.sh", "echo ready; sleep 60"))
        over = await start(admin, server.script("over.sh", "echo over; exit 4"))
        await ended(admin, over)
        for runner in server.runners():
            runner.kill()
        await server.kill()
        await server.start()
        assert (await ended(admin, lost, 5))["state"] == "interrupted"
        run = await ended(admin, over)
        assert (run["state"], run["exit_code"]) == ("failed", 4)


@contextlib.asynccontextmanager
async def capped(admin: httpx.AsyncClient, megabytes: int) -> AsyncIterator[None]:
    """Runs may keep so much, for as long as this lasts."""
    path = "/api/settings/output_cap_mb"
    listed = (await admin.get("/api/settings")).json()["settings"]
    (await admin.put(path, json={"value": str(megabytes)})).raise_for_status()
    yield
    before = {setting["key"]: setting["value"] for setting in listed}["output_cap_mb"]
    (await admin.put(path, json={"value": str(before)})).raise_for_status()


@pytest.mark.fault("X37")
@pytest.mark.parametrize(("size_mb", "cap_mb"), [(often(256, 1024), 64), (256, 512)])
@pytest.mark.timeout(240)
async def test_a_flood_with_viewers_that_never_read(lent: Server, size_mb: int, cap_mb: int) -> None:
    """They stop neither the script nor anybody else, cost no memory, and find what the cap left when they wake up."""
    size, is_cut = size_mb << 20, size_mb > cap_mb
    line = b"0123456789abcde\n"
    script = lent.script("flood.sh", f"yes 0123456789abcde | head -c {size}")
    async with await sign_in(lent) as admin, capped(admin, cap_mb):
        await ended(admin, await start(admin, lent.script("warm.sh", "echo warm")))
        core = psutil.Process(lent.pid)
        before = core.memory_full_info().pss
        run_id = await start(admin, script)
        async with open_socket(admin, f"/api/ws/runs/{run_id}") as frozen, open_socket(admin, "/api/ws") as lines:
            frozen.connection.transport.pause_reading()
            await lines.send({"type": "follow", "task_id": run_id})
            lines.connection.transport.pause_reading()
            run = await ended(admin, run_id, 200)
            assert (run["state"], run["size"], run["truncated"]) == ("succeeded", size, is_cut)
            assert core.memory_full_info().pss - before < 10 << 20
            frozen.connection.transport.resume_reading()
            position = 0
            while position < 100 << 20:
                frame = await frozen.receive(30)
                if isinstance(frame, bytes):
                    assert frame == (line * (len(frame) // 16 + 2))[position % 16 : position % 16 + len(frame)]
                    position += len(frame)
                else:
                    position = frame["offset"]
            if is_cut:
                assert position > size - (cap_mb << 20)
            else:
                assert position < (100 << 20) + (1 << 20)
            for viewer in (frozen, lines):  # who reads no further, nor the answer to a polite end: ten seconds each
                viewer.connection.transport.abort()


@pytest.mark.fault("X19")
@pytest.mark.timeout(120)
async def test_200_mb_without_a_line_end(lent: Server) -> None:
    script = lent.script("long.sh", "head -c 200000000 /dev/zero | tr '\\0' z")
    async with await sign_in(lent) as admin, capped(admin, 512), open_socket(admin, "/api/ws") as socket:
        core = psutil.Process(lent.pid)
        await socket.send({"type": "run", "script": script})
        await socket.until("started")
        count = 0
        while (message := await socket.receive(60))["type"] == "stdout":
            assert len(message["data"]) <= 65536
            count += len(message["data"])
        assert (count, message["type"], message["code"]) == (200_000_000, "exit", 0)
        assert core.memory_full_info().pss < 150 << 20


@pytest.mark.fault("X32")
async def test_two_hundred_starts_over_sockets_all_finish(lent: Server) -> None:
    may_end = lent.folder / "may-end"
    script = lent.script("short.sh", f"until [ -e {may_end} ]; do sleep 0.1; done; echo done")
    async with await sign_in(lent) as admin:
        starts = (admin.post("/api/runs", json={"script": script}, timeout=60) for _ in range(200))
        answers = await asyncio.gather(*starts)
        states = [answer.json()["state"] for answer in answers]
        assert states.count("running") == 20
        assert states.count("queued") == 180
        may_end.touch()
        for answer in answers:
            assert (await ended(admin, answer.json()["id"]))["state"] == "succeeded"


@pytest.mark.fault("X33")
@pytest.mark.needs("nobody")
async def test_files_that_toru_may_not_read_or_execute(start_server: StartServer) -> None:
    """As an unprivileged user: root ignores modes."""
    server = await start_server(unprivileged=True)
    server.script("unreadable.sh", "echo hi", 0o000)
    server.script("unmarked.sh", "echo by sh", 0o644)
    server.script("write_only.sh", "echo hi", 0o200)
    async with await sign_in(server) as admin:
        assert (await admin.get("/api/scripts")).json() == ["unmarked.sh", "unreadable.sh", "write_only.sh"]
        for name in ("unreadable.sh", "write_only.sh"):
            run = (await admin.post("/api/runs", json={"script": name})).json()
            assert run["state"] == "spawn_failed"
            assert "cannot be read" in run["reason"]
        run_id = await start(admin, "unmarked.sh")
        await ended(admin, run_id)
        assert (await admin.get(f"/api/runs/{run_id}/output")).text == "by sh\n"
        server.scripts_dir.chmod(0o000)
        for answer in (await admin.get("/api/scripts"), await admin.post("/api/runs", json={"script": "unmarked.sh"})):
            assert answer.status_code == 503
            assert "Permission denied" in answer.json()["error"]
        server.scripts_dir.chmod(0o755)
        assert (await admin.get("/api/scripts")).status_code == 200
