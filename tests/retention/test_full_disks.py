"""Real disks that get full under a real server: work goes on, what is lost is told, and all is well again at once."""

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from app.retention.room import Room
from tests.support.clients import sign_in
from tests.support.disks import SmallDisk
from tests.support.processes import ProcessWatch
from tests.support.server import ADMIN, ADMIN_PASSWORD, Server
from tests.support.waiting import eventually

RECOVERED = 5.0
"""Seconds after which all must be as before, once there is room."""

PLUGIN = """#!/bin/sh
[ "$1" = --metadata ] && echo '{"id": "idle", "name": "Idle", "version": "1", "icon": "I", "route": "/idle"}' && exit
echo "a line of the plugin's"
exec sleep 1000
"""

pytestmark = pytest.mark.needs("mounts")


@dataclass
class Machine:
    """A server whose data, logs and plugins lie on disks of their own."""

    server: Server
    data: SmallDisk
    logs: SmallDisk
    plugins: SmallDisk


@pytest.fixture(scope="module")
async def machine(tmp_path_factory: pytest.TempPathFactory, process_watch: ProcessWatch) -> AsyncIterator[Machine]:
    folder = tmp_path_factory.mktemp("machine")
    disks = [SmallDisk(folder / name, size) for name, size in (("data", 24), ("logs", 4), ("plugins", 4))]
    plugin = folder / "plugins" / "idle.binary"
    plugin.write_text(PLUGIN)
    plugin.chmod(0o755)
    server = Server(folder, env={"TORU_LOG_DIR": str(folder / "logs")})
    await server.start()
    process_watch.keep(server.pid)
    process_watch.keep_runner_of(server.data_dir)
    yield Machine(server, *disks)
    await server.close()
    for disk in disks:
        disk.close()


@pytest.fixture
async def admin(machine: Machine) -> AsyncIterator[httpx.AsyncClient]:
    async with await sign_in(machine.server) as client:
        yield client


@contextlib.contextmanager
def filled(disk: SmallDisk) -> Iterator[None]:
    """Full, for as long as this lasts."""
    disk.fill()
    try:
        yield
    finally:
        disk.free()


def events(machine: Machine, wanted: str) -> list[dict[str, Any]]:
    """What the log says of one kind."""
    lines = (machine.logs.folder / "toru.log").read_text().splitlines()
    return [told for line in lines if (told := json.loads(line)).get("event") == wanted]


def change(admin: httpx.AsyncClient, value: int) -> "asyncio.Task[httpx.Response]":
    """Writes something."""
    return asyncio.ensure_future(admin.put("/api/settings/max_runs", json={"value": str(value)}))


async def until_refused(admin: httpx.AsyncClient) -> httpx.Response:
    """The first answer that says no; what SQLite has room for in its log is still taken."""
    for number in range(1, 199):
        answer = await change(admin, number)
        if answer.status_code != 200:
            return answer
    raise AssertionError("a full disk takes everything")


async def until_well(answer: Callable[[], Any]) -> None:
    """Returns once a write is taken again, soon."""

    async def taken() -> bool:
        return bool((await answer()).status_code == 200)

    await eventually(taken, RECOVERED)


async def until_shown(admin: httpx.AsyncClient, words: str) -> None:
    """Returns once a page says so."""

    async def is_shown() -> bool:
        return words in (await admin.get("/history")).text

    await eventually(is_shown)


async def test_a_full_data_folder(machine: Machine, admin: httpx.AsyncClient) -> None:
    server, gate, flooded = machine.server, machine.server.folder / "gate", machine.server.folder / "flooded"
    flood = f"while [ ! -e {gate} ]; do sleep 0.02; done; head -c 3000000 /dev/zero | tr '\\0' x"
    tell = f"echo $$ >{flooded}.new; mv {flooded}.new {flooded}"
    server.script("flood.sh", f"echo begun; {flood}; {tell}; exec sleep 1000")
    run = (await admin.post("/api/runs", json={"script": "flood.sh"})).json()["id"]
    leaving = await sign_in(server)
    with filled(machine.data):
        await eventually(lambda: events(machine, "no_room"))
        refused = await until_refused(admin)
        assert refused.status_code == 507
        assert refused.json()["error"] == (
            "The disk of the data folder is full, so this could not be kept. Make room and try again."
        )
        assert (await admin.post("/api/runs", json={"script": "flood.sh"})).status_code == 507
        signing_in = {"username": ADMIN, "password": ADMIN_PASSWORD}
        assert (await admin.post("/api/auth/login", json=signing_in)).status_code == 507, "it fails closed"

        for path in ("/api/runs", "/api/history", "/api/settings", f"/api/runs/{run}", "/api/resources"):
            assert (await admin.get(path)).status_code == 200, path
        await until_shown(admin, "The disk of the data folder and the output of runs")

        gate.touch()
        await eventually(flooded.exists)
        assert (await leaving.post("/api/auth/logout")).status_code == 200
        assert (await leaving.get("/api/runs")).status_code == 401, "signed out for good"
        assert (await admin.post(f"/api/runs/{run}/cancel")).status_code == 200
        script = int(flooded.read_text())
        await eventually(lambda: not psutil.pid_exists(script))
    await until_well(lambda: change(admin, 20))
    ended: dict[str, Any] = {}

    async def is_ended() -> bool:
        ended.update((await admin.get(f"/api/runs/{run}")).json())
        return bool(ended["finished_at"])

    await eventually(is_ended, RECOVERED)
    assert (ended["state"], ended["reason"]) == ("cancelled", "Some of its output could not be written to the disk.")
    output = (await admin.get(f"/api/runs/{run}/output")).text
    assert output.startswith("begun\n")
    again = (await admin.post("/api/runs", json={"script": "flood.sh"})).status_code
    assert again == 201
    await eventually(lambda: events(machine, "room"), RECOVERED)
    assert len(events(machine, "no_room")) == 1, "one alert"
    assert (await leaving.get("/api/runs")).status_code == 401
    for other in (await admin.get("/api/runs?state=running")).json()["runs"]:
        await admin.post(f"/api/runs/{other['id']}/cancel")
    await leaving.aclose()


async def test_full_logs(machine: Machine, admin: httpx.AsyncClient) -> None:
    assert (await admin.post("/api/plugins/idle/enable")).status_code == 200
    log = machine.logs.folder / "toru.log"
    with filled(machine.logs):
        for value in range(5, 60):
            assert (await change(admin, value)).status_code == 200
        await until_shown(admin, "The disk of the logs")
        assert (await admin.post("/api/plugins/idle/restart")).status_code == 200
    size = log.stat().st_size

    async def is_told() -> bool:
        await change(admin, 20)
        return b"log_lines_lost" in log.read_bytes()[size - 200 :]

    await eventually(is_told, RECOVERED)
    [lost] = events(machine, "log_lines_lost")
    assert int(re.findall(r"\d+", lost["message"])[0]) > 10
    assert (await admin.post("/api/plugins/idle/disable")).status_code == 200


async def test_a_full_plugins_folder(machine: Machine, admin: httpx.AsyncClient) -> None:
    with filled(machine.plugins):
        refused = await admin.post("/api/plugins/idle/enable")
        assert refused.status_code == 503
        assert refused.json() == {"error": "The plugins folder cannot be written: No space left on device."}
        assert (await admin.get("/api/plugins")).json()[0]["enabled"] is False
        await until_shown(admin, "The disk of the plugins folder")
    await until_well(lambda: admin.post("/api/plugins/idle/enable"))
    assert (await admin.post("/api/plugins/idle/disable")).status_code == 200


async def test_a_disk_that_turns_read_only_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    disk = await asyncio.to_thread(SmallDisk, tmp_path / "disk", 8)
    room = Room({disk.folder: ("the logs", "lines are lost"), tmp_path / "none": ("nothing", "")}, every=0.01)
    changes: list[list[str]] = []
    end = room.subscribe(lambda: changes.append(room.problems))
    await room.open()
    try:
        await asyncio.to_thread(disk.make_read_only)
        await eventually(lambda: len(changes) == 1)
        await asyncio.to_thread(disk.make_read_only, on=False)
        await eventually(lambda: len(changes) == 2)
        end()
    finally:
        await room.close()
        await asyncio.to_thread(disk.close)
    sentence = (
        f"The disk of the logs ({disk.folder}) can only be read: lines are lost. "
        "Reading, cancelling and signing out work."
    )
    assert changes == [[sentence], []]
    assert caplog.messages.count(sentence) == 1
