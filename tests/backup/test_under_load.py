"""The promise as a whole: backed up while scripts run and people sign in, wiped, restored, compared."""

import asyncio
import contextlib
import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.backup.support import PASSPHRASE, Place
from tests.conftest import StartServer
from tests.support.clients import http_client, session_cookies
from tests.support.server import ADMIN, ADMIN_PASSWORD, Server
from tests.support.waiting import eventually

NOISE = "i=0; while [ $i -lt 4000 ]; do i=$((i + 1)); echo line $i; echo problem $i >&2; done"
TABLES = ("users", "sessions", "settings", "actions", "tokens", "audit", "runs", "sign_ins", "plugin_values")


async def begin(admin: httpx.AsyncClient, script: str) -> str:
    answer = await admin.post("/api/runs", json={"script": script})
    return str(answer.json()["id"])


async def ended(admin: httpx.AsyncClient, run: str) -> bool:
    return (await admin.get(f"/api/runs/{run}")).json()["finished_at"] is not None


async def keep_signing_in(server: Server, stop: asyncio.Event) -> int:
    count = 0
    while not stop.is_set():
        async with http_client(server) as http:
            body = {"username": ADMIN, "password": ADMIN_PASSWORD}
            assert (await http.post("/api/auth/login", json=body)).status_code == 200
        count += 1
    return count


def tables_of(path: Path) -> dict[str, list[Any]]:
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        return {table: database.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall() for table in TABLES}


async def toru(place: Place, *arguments: str) -> Any:
    """What a command of `toru` tells as JSON."""
    line = f"{PASSPHRASE}\n"
    done = await asyncio.to_thread(place.toru_process, *arguments, "--json", "--passphrase-stdin", line=line)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.timeout(240)
async def test_backed_up_under_load_wiped_and_restored(start_server: StartServer, tmp_path: Path) -> None:
    folder = tmp_path / "machine"
    plugins = {"TORU_PLUGINS_DIR": str(folder / "plugins"), "TORU_LOG_DIR": str(folder / "logs")}
    server = await start_server(folder=folder, env=plugins)
    server.script("noise.sh", NOISE)
    place = Place(folder)
    place.write("plugins/.metadata/config.json", '{"plugins": {"gone": false}}')
    async with http_client(server, await session_cookies(server)) as admin:
        await admin.post("/api/users", json={"username": "carla", "password": "Long-Enough-9"})
        await admin.put("/api/settings/max_runs", json={"value": "7"})
        done = [await begin(admin, "noise.sh") for _ in range(3)]
        for run in done:
            await eventually(lambda run=run: ended(admin, run), 50)  # type: ignore[misc]
        output = {run: (await admin.get(f"/api/runs/{run}/output")).content for run in done}
        going = [await begin(admin, "noise.sh") for _ in range(3)]
        stop = asyncio.Event()
        signing_in = asyncio.create_task(keep_signing_in(server, stop))
        made = await toru(place, "backup", "--to", str(tmp_path / "b.enc"), "--with-outputs")
        stop.set()
        assert await signing_in > 0
        for run in going:
            await eventually(lambda run=run: ended(admin, run), 50)  # type: ignore[misc]
    assert made["path"] == str(tmp_path / "b.enc")
    await server.stop()
    looked_at = await toru(place, "restore", str(tmp_path / "b.enc"), "--into", str(tmp_path / "looked-at"))
    assert looked_at["outputs"] is True
    then = tables_of(tmp_path / "looked-at" / "data" / "toru.db")
    for name in ("data", "plugins", "scripts", "logs"):  # the runner, which ends by itself, has its files in data
        for path in (folder / name).iterdir():
            if path.name not in ("runner", "toru.lock"):
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    restored = await toru(place, "restore", str(tmp_path / "b.enc"))
    assert restored["restored"] is True

    now = tables_of(folder / "data" / "toru.db")
    assert {**now, "audit": now["audit"][:-1]} == then
    assert json.loads((folder / "plugins/.metadata/config.json").read_text()) == {"plugins": {"gone": False}}
    verified = await asyncio.to_thread(place.toru_process, "audit", "verify")
    assert (verified.returncode, verified.stderr) == (0, "")
    await server.restart()
    async with http_client(server, await session_cookies(server)) as admin:
        for run, before in output.items():
            assert (await admin.get(f"/api/runs/{run}/output")).content == before
        for run in going:  # they had begun when the backup was made, and had not ended
            about = (await admin.get(f"/api/runs/{run}")).json()
            assert about["finished_at"] is not None
        settings = {one["key"]: one["value"] for one in (await admin.get("/api/settings")).json()["settings"]}
        assert settings["max_runs"] == "7"
        async with http_client(server) as carla:
            body = {"username": "carla", "password": "Long-Enough-9"}
            assert (await carla.post("/api/auth/login", json=body)).status_code == 200
