"""The machine says no: to more processes, to more memory, to a home, to writing, to seeing other processes."""

import asyncio
import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests.conftest import StartServer
from tests.runs.support import processes_of
from tests.support.clients import http_client, session_cookies
from tests.support.evidence import Evidence, often
from tests.support.unprivileged import NOBODY, open_folder
from tests.support.waiting import eventually

BOMB = """#!/bin/bash
ulimit -u {most}
bomb() {{ bomb | bomb & }}
echo armed
bomb 2>/dev/null
sleep 100
"""
ROOM = 60
"""Processes that the bomb may have."""


def processes_of_nobody() -> int:
    found = 0
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            found += process.num_threads() if process.uids().real == NOBODY else 0
    return found


async def start(client: httpx.AsyncClient, script: str) -> str:
    """A run's id."""
    answer = await client.post("/api/runs", json={"script": script})
    assert answer.status_code == 201, answer.text
    run_id: str = answer.json()["id"]
    return run_id


async def state_of(client: httpx.AsyncClient, run_id: str) -> str:
    state: str = (await client.get(f"/api/runs/{run_id}")).json()["state"]
    return state


@pytest.mark.fault("X39")
@pytest.mark.needs("nobody")
@pytest.mark.timeout(120)
async def test_a_fork_bomb_under_a_limit(start_server: StartServer) -> None:
    """As a unit's TasksMax has it: the limit holds the bomb, a cancel ends it, the dashboard answers all along."""
    server = await start_server(unprivileged=True)
    server.script("hello.sh", "echo hello")
    async with http_client(server, await session_cookies(server)) as client:
        await start(client, "hello.sh")
        bomb = server.script("bomb.sh", BOMB.format(most=processes_of_nobody() + ROOM))
        run = await start(client, bomb)
        await eventually(lambda: len(processes_of(run)) > ROOM // 2, 30)
        for _ in range(10):
            assert (await client.get("/api/health")).status_code == 200
        assert (await client.post(f"/api/runs/{run}/cancel")).status_code == 200
        await eventually(lambda: _is(client, run, "cancelled"), 30)
        await eventually(lambda: not processes_of(run), 30)
        again = await start(client, "hello.sh")
        await eventually(lambda: _is(client, again, "succeeded"), 30)


async def _is(client: httpx.AsyncClient, run_id: str, state: str) -> bool:
    return await state_of(client, run_id) == state


@pytest.fixture
def small_memory() -> Iterator[Path]:
    """A control group of 256 MiB."""
    for root in (Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup")):
        group, name = root / f"toru-test-{os.getpid()}", "memory.limit_in_bytes"
        with contextlib.suppress(OSError):
            group.mkdir()
            limit = group / (name if (group / name).exists() else "memory.max")
            try:
                limit.write_text(str(256 << 20))
                yield group
            finally:
                group.rmdir()
            return
    pytest.skip("control groups cannot be made here")


@pytest.mark.fault("O08")
@pytest.mark.timeout(300)
async def test_a_flood_in_a_control_group_of_256_mib(
    start_server: StartServer, small_memory: Path, evidence: Evidence
) -> None:
    """Core, runner and script together; the page cache counts, too, and has to make room."""
    server = await start_server()
    size = often(300_000_000, 1 << 30)
    script = server.script("flood.sh", f"head -c {size} /dev/zero | tr '\\0' x")
    async with http_client(server, await session_cookies(server)) as client:
        await start(client, server.script("hello.sh", "echo hello"))
        for process in [psutil.Process(server.pid), *server.runners()]:
            (small_memory / "cgroup.procs").write_text(str(process.pid))
        run = await start(client, script)
        while await state_of(client, run) == "running":
            assert (await client.get("/api/health")).status_code == 200
            await asyncio.sleep(0.1)
        view = (await client.get(f"/api/runs/{run}")).json()
        assert (view["state"], view["size"]) == ("succeeded", size)
    await server.close()  # the group can only go when nobody is in it


READ_ONLY = """
mount --bind {folder} {folder}
mount -o remount,ro,bind /
if touch /tmp/toru-must-not-be-here 2>/dev/null; then exit 1; fi
exec "$@"
"""
HIDDEN = """
mount -t proc -o hidepid=2 proc /proc
exec "$@"
"""


def within_namespace(commands: str) -> tuple[str, ...]:
    """A command that changes its own view of the file systems, then becomes what follows it."""
    return ("unshare", "--mount", "sh", "-e", "-c", commands, "sh")


def require(commands: str) -> None:
    """Skips where a container allows no such mounts."""
    done = subprocess.run([*within_namespace(commands), "true"], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"mounting is not allowed here: {done.stderr.strip()}")


@pytest.mark.fault("O14")
@pytest.mark.needs("nobody")
async def test_without_a_home_and_with_nothing_else_to_write_to(start_server: StartServer) -> None:
    """As nobody, the root file system read-only: its own folders are enough."""
    folder = open_folder()
    commands = READ_ONLY.format(folder=folder)
    require(commands)
    server = await start_server(
        folder=folder, unprivileged=True, env={"HOME": "/nonexistent"}, within=within_namespace(commands)
    )
    server.script("hello.sh", "echo hello")
    async with http_client(server, await session_cookies(server)) as client:
        run = await start(client, "hello.sh")
        await eventually(lambda: _is(client, run, "succeeded"), 30)
        assert (await client.get("/")).status_code == 200


@pytest.mark.fault("O18")
@pytest.mark.needs("nobody")
async def test_where_other_processes_are_hidden(start_server: StartServer) -> None:
    """/proc with hidepid, for real: the machine is shown without what cannot be seen, and nothing is an error."""
    require(HIDDEN)
    server = await start_server(unprivileged=True, within=within_namespace(HIDDEN))
    async with http_client(server, await session_cookies(server)) as client:
        found = (await client.get("/api/resources/processes")).raise_for_status().json()
        (await client.get("/api/resources")).raise_for_status()
        assert found["complete"] is False
        assert 1 not in {process["pid"] for process in found["items"]}
        assert (await client.get("/system-monitor")).status_code == 200
