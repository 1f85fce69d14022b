"""Where systemd starts the runner: behind a socket of its own, for whoever connects, and again when it was lost."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from app.core.config import ROOT
from app.runner.__main__ import ALREADY_SERVED
from app.runner.protocol import start_command
from app.runs.runner_process import RunnerStarter
from app.runs.runners import Runners
from tests.runs.test_runner_process import QUICK_END, Nobody
from tests.support.activation import Activation
from tests.support.clients import http_client, session_cookies
from tests.support.server import Server, is_runner_of
from tests.support.waiting import eventually

PACED = "i=0; until [ -e {} ]; do echo $i; i=$((i+1)); sleep 0.02; done; echo done"


@asynccontextmanager
async def activated(folder: Path, *options: str) -> AsyncIterator[Activation]:
    """A service behind `folder/runner.sock` that starts runners for `folder/data`."""
    systemd = Activation(folder / "runner.sock", start_command(ROOT, folder / "data", *options))
    try:
        yield systemd
    finally:
        await systemd.close()


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Runners]:
    """Runners that know of the service."""
    starter = RunnerStarter(ROOT, folder / "data", QUICK_END, folder / "no-cgroup")
    runners = Runners(folder / "data", starter, Nobody(), folder / "runner.sock")
    await runners.open()
    try:
        yield runners
    finally:
        await runners.close()


async def test_connecting_starts_it_and_what_systemd_made_stays(tmp_path: Path) -> None:
    async with activated(tmp_path, *QUICK_END) as systemd:
        async with opened(tmp_path) as runners:
            assert systemd.process is not None
            assert (await runners.own()).pid == systemd.process.pid
        await asyncio.wait_for(systemd.process.wait(), 20)  # nobody needs it
        assert systemd.process.returncode == 0
        assert (tmp_path / "runner.sock").exists()
        assert not (tmp_path / "data" / "runner" / "1.sock").exists()
        async with opened(tmp_path) as runners:
            assert (await runners.own()).alive
        assert systemd.started == 2


async def test_its_environment_says_nothing_of_the_activation(tmp_path: Path) -> None:
    async with activated(tmp_path, *QUICK_END), opened(tmp_path) as runners:
        link = await runners.own()
        await link.ask("start", run="look", argv=["/usr/bin/env"], env={"A": "b"}, cwd="/", cap=1 << 20)
        folder = tmp_path / "data" / "runs" / "look"

        def output() -> bytes:
            return b"".join(path.read_bytes() for path in folder.glob("*.out"))

        await eventually(lambda: b"A=b" in output())
        assert b"LISTEN" not in output()
        await link.ask("forget", run="look")


@pytest.mark.allows_errors("runner .* is gone")
async def test_another_takes_the_place_of_one_that_was_killed(tmp_path: Path) -> None:
    async with activated(tmp_path, *QUICK_END) as systemd, opened(tmp_path) as runners:
        first = await runners.own()
        psutil.Process(first.pid).kill()
        await eventually(lambda: systemd.started == 2, 20)
        assert (await runners.own()).pid != first.pid


async def test_where_nobody_listens_the_core_starts_one_itself(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(tmp_path) as runners:
        assert is_runner_of(psutil.Process((await runners.own()).pid), tmp_path / "data")
        assert "toru service install" in caplog.text


async def test_one_that_was_started_by_hand_before_is_found_first(tmp_path: Path) -> None:
    starter = RunnerStarter(ROOT, tmp_path / "data", QUICK_END)
    pid = await asyncio.to_thread(starter.start)
    await eventually((tmp_path / "data" / "runner" / "1.sock").exists)
    async with activated(tmp_path, *QUICK_END) as systemd:
        async with opened(tmp_path) as runners:
            assert (await runners.own()).pid == pid
        assert systemd.started == 0
    await eventually(lambda: starter.exit_code(pid) is not None)


async def test_a_core_that_knows_nothing_of_the_service_finds_it_too(tmp_path: Path) -> None:
    """As after `toru service remove`, while scripts go on."""
    async with activated(tmp_path) as systemd:
        async with opened(tmp_path) as runners:
            pid = (await runners.own()).pid
        by_hand = Runners(tmp_path / "data", RunnerStarter(ROOT, tmp_path / "data", QUICK_END), Nobody())
        await by_hand.open()
        try:
            assert (await by_hand.own()).pid == pid
        finally:
            await by_hand.close()
        assert systemd.started == 1


async def test_one_that_cannot_serve_turns_those_away_who_wait(tmp_path: Path) -> None:
    """Else systemd would start the next one at once, and so on."""
    starter = RunnerStarter(ROOT, tmp_path / "data", ("--idle-exit", "60"))
    pid = await asyncio.to_thread(starter.start)
    await eventually((tmp_path / "data" / "runner" / "1.sock").exists)
    async with activated(tmp_path) as systemd:
        reader, writer = await asyncio.open_unix_connection(str(tmp_path / "runner.sock"))
        assert await asyncio.wait_for(reader.read(), 20) == b""
        writer.close()
        await eventually(lambda: systemd.process is not None and systemd.process.returncode == ALREADY_SERVED)
        assert systemd.started == 1
    os.kill(pid, signal.SIGTERM)
    await eventually(lambda: starter.exit_code(pid) is not None, 20)


async def test_a_restart_of_the_core_leaves_runs_of_the_service_alone(tmp_path: Path) -> None:
    server = Server(tmp_path / "server", env={"TORU_RUNNER_SOCKET": str(tmp_path / "runner.sock")})
    systemd = Activation(tmp_path / "runner.sock", start_command(ROOT, server.data_dir, *QUICK_END))
    server.script("paced.sh", PACED.format(tmp_path / "go"))
    try:
        await server.start()
        async with http_client(server, await session_cookies(server)) as client:
            run = (await client.post("/api/runs", json={"script": "paced.sh", "tty": False})).json()["id"]
        await server.kill()
        await server.restart()
        (tmp_path / "go").touch()
        async with http_client(server, await session_cookies(server)) as client:

            async def ended() -> bool:
                return (await client.get(f"/api/runs/{run}")).json()["state"] not in ("queued", "running")

            await eventually(ended, 40)
            assert (await client.get(f"/api/runs/{run}")).json()["state"] == "succeeded"
            *numbers, last = (await client.get(f"/api/runs/{run}/output")).text.splitlines()
        assert numbers == [str(number) for number in range(len(numbers))]
        assert last == "done"
        assert systemd.started == 1
        assert server.runners() == [psutil.Process(systemd.process.pid)] if systemd.process else False
        assert await server.stop() == 0
    finally:
        await server.close()
        await systemd.close()
