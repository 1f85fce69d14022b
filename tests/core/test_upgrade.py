"""Another version takes over while a script runs, with a schema and a runner of its own; and the way back."""

import asyncio
import shutil
from pathlib import Path

import pytest

from app.control import call
from app.core.migrate import HEAD
from app.runner.protocol import RUNNER_VERSION
from tests.conftest import StartServer
from tests.support.clients import sign_in
from tests.support.server import ROOT, Server
from tests.support.waiting import eventually

NEWER = "9.9.9"
NEXT = f"{int(HEAD) + 1:04}"
MIGRATION = f"""
import sqlalchemy as sa
from alembic import op

revision = "{NEXT}"
down_revision = "{HEAD}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table("newer", sa.Column("key", sa.String(), primary_key=True))
"""


@pytest.fixture(scope="module")
def newer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The product as a later version: another number, a further migration, a runner that speaks otherwise."""
    project = tmp_path_factory.mktemp("newer") / "project"
    for part in ("app", "ui", "theme"):
        shutil.copytree(ROOT / part, project / part, ignore=shutil.ignore_patterns("__pycache__"))
    (project / "plugins").symlink_to(ROOT / "plugins")
    replace(project / "app" / "version.py", 'VERSION = "', f'VERSION = "{NEWER}" or "')
    replace(project / "app" / "core" / "migrate.py", f'"{HEAD}")', f'"{HEAD}", "{NEXT}")')
    (project / "app" / "core" / "migrations" / "versions" / f"{NEXT}_newer.py").write_text(MIGRATION)
    replace(
        project / "app" / "runner" / "protocol.py",
        f"RUNNER_VERSION = {RUNNER_VERSION}",
        f"RUNNER_VERSION = {RUNNER_VERSION + 1}",
    )
    return project


def replace(file: Path, old: str, new: str) -> None:
    """Changes one place of a file."""
    text = file.read_text()
    assert text.count(old) == 1, (file, old)
    file.write_text(text.replace(old, new))


async def started(server: Server, gate: Path) -> str:
    """The id of a run that counts until the gate is there."""
    lines = f"n=0; while [ ! -e {gate} ]; do n=$((n+1)); echo line $n; sleep 0.001; done; echo $n lines"
    server.script("count.sh", lines)
    async with await sign_in(server) as admin:
        run: str = (await admin.post("/api/runs", json={"script": "count.sh"})).json()["id"]

        async def speaks() -> bool:
            return bool((await admin.get(f"/api/runs/{run}")).json()["size"] > 100)

        await eventually(speaks)
    return run


@pytest.mark.allows_errors("written by a newer version")
async def test_a_newer_version_takes_over_while_a_script_runs_and_the_way_back(
    start_server: StartServer, newer: Path, tmp_path: Path
) -> None:
    older = await start_server()
    gate = tmp_path / "gate"
    run = await started(older, gate)
    assert await older.stop() == 0

    later = await start_server(folder=older.folder, project=newer)
    assert await call(later.data_dir, "version", {}) == NEWER
    gate.touch()
    async with await sign_in(later) as admin:

        async def has_ended() -> bool:
            return bool((await admin.get(f"/api/runs/{run}")).json()["finished_at"])

        await eventually(has_ended)
        output = (await admin.get(f"/api/runs/{run}/output")).text.splitlines()
        count = len(output) - 1
        assert output == [*(f"line {number}" for number in range(1, count + 1)), f"{count} lines"]
        assert (await admin.get(f"/api/runs/{run}")).json()["state"] == "succeeded"
        later.script("next.sh", "echo next")
        assert (await admin.post("/api/runs", json={"script": "next.sh"})).status_code == 201
    assert await later.stop() == 0

    [copy] = (later.data_dir / "backups").iterdir()
    assert copy.name.startswith(f"before-{NEXT}-")
    older.launch()
    assert await older.wait_end() != 0
    assert f"was written by a newer version of Toru (schema {NEXT}). Install that version or newer." in older.output

    # As docs/upgrade.md says.
    database = older.data_dir / "toru.db"
    await asyncio.to_thread(shutil.move, database, database.with_name("toru.db.newer"))
    for suffix in ("-wal", "-shm"):
        database.with_name(f"toru.db{suffix}").unlink(missing_ok=True)
    await asyncio.to_thread(shutil.copy2, copy, database)
    await older.restart()
    async with await sign_in(older) as admin:
        [kept] = (await admin.get("/api/runs")).json()["runs"]
        assert kept["id"] == run
    assert await older.stop() == 0
