"""What systemd hears of the real server: when it serves, that it lives, and nothing while it does not."""

import contextlib
import os
import shutil
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from app.core.database import Database
from app.core.errors import Unavailable
from tests.conftest import StartServer
from tests.support.clients import http_client, session_cookies
from tests.support.server import Server
from tests.support.service_manager import FakeManager, fake_manager
from tests.support.waiting import eventually

EVERY = {"WATCHDOG_USEC": "200000"}  # a sign each 50 ms

SLEEPS_ON_USR2 = """
import runpy, signal, sys, time
signal.signal(signal.SIGUSR2, lambda number, frame: time.sleep(2))
runpy.run_module("app.cli", run_name="__main__", alter_sys=True)
"""


def listening_to(systemd: FakeManager) -> dict[str, str]:
    return {"NOTIFY_SOCKET": systemd.address, **EVERY}


@pytest.fixture(scope="module")
async def systemd(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[FakeManager]:
    """What the server that is lent speaks to."""
    with fake_manager(tmp_path_factory.mktemp("systemd")) as manager:
        yield manager


@pytest.fixture(scope="module")
async def lent(systemd: FakeManager, lend_server: StartServer, tmp_path_factory: pytest.TempPathFactory) -> Server:
    """A server for the tests that do not end it; its loop sleeps two seconds on SIGUSR2."""
    folder = tmp_path_factory.mktemp("sleeps")
    (folder / "sleeps.py").write_text(SLEEPS_ON_USR2)
    python = folder / "python"
    python.write_text(f'#!/bin/sh\nshift 4\nexec {sys.executable} {folder}/sleeps.py "$@"\n')
    python.chmod(0o755)
    env = {**listening_to(systemd), "TORU_SCRIPT_ENV": "NOTIFY_SOCKET,WATCHDOG_USEC", "PYTHONPATH": "."}
    return await lend_server(env=env, python=str(python))


async def test_it_tells_that_it_serves_that_it_lives_that_it_ends(tmp_path: Path, start_server: StartServer) -> None:
    with fake_manager(tmp_path, abstract=True) as systemd:
        server = await start_server(env=listening_to(systemd))
        await systemd.pinged()
        ready = systemd.heard.index("READY=1")
        assert systemd.heard[ready + 1] == f"STATUS=Serving on 127.0.0.1:{server.port}"
        assert await server.stop() == 0
        await systemd.until(lambda: "STOPPING=1" in systemd.heard)
        assert systemd.heard.count("READY=1") == systemd.heard.count("STOPPING=1") == 1
        assert ready < systemd.heard.index("STOPPING=1")


async def test_ready_is_not_said_before_a_request_is_answered(tmp_path: Path, start_server: StartServer) -> None:
    answers: list[int] = []
    with fake_manager(tmp_path) as systemd:
        server = Server(tmp_path / "server", env=listening_to(systemd))
        server.launch()
        try:
            await systemd.until(lambda: "READY=1" in systemd.heard)
            async with http_client(server) as client:
                answers.append((await client.get("/api/health")).status_code)
        finally:
            await server.close()
    assert answers == [200]


async def test_a_locked_database_silences_it_until_it_is_free(lent: Server, systemd: FakeManager) -> None:
    await systemd.pinged()
    database = sqlite3.connect(lent.data_dir / "toru.db", isolation_level=None)
    database.execute("BEGIN IMMEDIATE")
    systemd.forget()
    try:
        await systemd.until(lambda: any("does not answer" in word for word in systemd.heard))
        silent = systemd.pings
    finally:
        database.execute("ROLLBACK")
        database.close()
    assert silent <= 1  # what was on its way; five seconds are a hundred signs
    await systemd.until(lambda: any("answers again" in word for word in systemd.heard))
    await systemd.pinged()


async def test_a_blocked_loop_is_silent_until_it_turns_again(lent: Server, systemd: FakeManager) -> None:
    """Its threads go on: signs of life from one of them would be lies."""
    await systemd.pinged()
    lent.process.send_signal(signal.SIGUSR2)
    async with http_client(lent) as client:
        systemd.forget()
        assert (await client.get("/api/health")).status_code == 200  # after two seconds
        assert systemd.pings <= 3  # forty, were they not from the loop
    await systemd.pinged()


async def test_a_stopped_process_is_silent_until_it_goes_on(lent: Server, systemd: FakeManager) -> None:
    await systemd.pinged()
    lent.process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, lent.pid, os.WSTOPPED | os.WNOWAIT)
    systemd.forget()
    lent.process.send_signal(signal.SIGCONT)
    await systemd.pinged()


async def test_neither_scripts_nor_plugins_hear_of_the_manager(lent: Server, tmp_path: Path) -> None:
    lent.script("look.sh", "env; tr '\\0' '\\n' < /proc/$PPID/environ")
    plugin, seen = lent.folder / "plugins" / "look.binary", tmp_path / "seen"
    plugin.parent.mkdir(exist_ok=True)
    plugin.write_text(f"#!/bin/sh\nenv > {seen}.new\nmv {seen}.new {seen}\n")
    plugin.chmod(0o755)
    async with http_client(lent, await session_cookies(lent)) as client:
        run = (await client.post("/api/runs", json={"script": "look.sh", "tty": False})).json()
        await eventually(lambda: _ended(client, run["id"]))
        output = (await client.get(f"/api/runs/{run['id']}/output")).text
        await eventually(seen.exists, 20)
    plugin.unlink()
    assert "TORU_RUN_ID=" in output
    for text in (output, seen.read_text()):
        assert "PATH=" in text
        assert "NOTIFY_SOCKET" not in text
        assert "WATCHDOG" not in text


async def _ended(client: httpx.AsyncClient, run_id: str) -> bool:
    return bool((await client.get(f"/api/runs/{run_id}")).json()["state"] == "succeeded")


async def test_a_database_that_is_read_only_does_answer(
    database_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To start anew mends no full disk and no read-only one; it would only take the pages away that say so."""
    path = shutil.copy(database_template, tmp_path)
    connect = sqlite3.connect
    with contextlib.closing(connect(path)) as before:
        before.execute("PRAGMA journal_mode=WAL")
    monkeypatch.setattr(sqlite3, "connect", lambda name, **given: connect(f"file:{name}?mode=ro", uri=True, **given))
    database = Database(Path(path))
    with pytest.raises(Unavailable):
        await database.write(lambda session: session.connection().exec_driver_sql("DELETE FROM runs"))
    assert await database.answers()
    await database.close()
