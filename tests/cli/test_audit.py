"""`toru audit`: beside a running core, on the file that a stopped one left, and after somebody tampered with it."""

import asyncio
import csv
import io
import json
import re
import shutil
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from app.audit.chain import COVERED, hash_of
from app.cli.exits import INTERRUPTED
from tests.audit.support import toru_audit
from tests.support.clients import session_cookies, sign_in
from tests.support.server import Server

Json = dict[str, Any]

pytestmark = pytest.mark.allows_blocking  # a command may hold up its own loop


@pytest.fixture(scope="module")
async def used(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a server that was used and stopped."""
    server = await Server(tmp_path_factory.mktemp("used")).start()
    await session_cookies(server, "carla")
    async with await sign_in(server) as admin:
        for value in ("5", "6", "7"):
            await admin.put("/api/settings/max_runs", json={"value": value})
    await server.close()
    return server.folder


@pytest.fixture
async def left_behind(used: Path, tmp_path: Path) -> AsyncIterator[Server]:
    """A copy of it, which a test may tamper with and start again."""
    await asyncio.to_thread(shutil.copytree, used, tmp_path / "server")
    server = Server(tmp_path / "server")
    yield server
    await server.close()
    assert server.log.errors() == []


def tamper(data_dir: Path, *statements: str) -> None:
    with closing(sqlite3.connect(data_dir / "toru.db")) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def newest(data_dir: Path) -> tuple[int, str]:
    with closing(sqlite3.connect(data_dir / "toru.db")) as connection:
        row: tuple[int, str] = connection.execute("SELECT id, hash FROM audit ORDER BY id DESC").fetchone()
        return row


def heads(server: Server) -> list[Json]:
    """What the log says of the audit."""
    lines = [json.loads(line) for line in server.log.path.read_text().splitlines()]
    return [line for line in lines if line.get("event") == "audit_head"]


async def test_a_running_core_verifies_its_audit(server: Server) -> None:
    await session_cookies(server)
    done = await asyncio.to_thread(toru_audit, server.data_dir, "verify")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.match(
        r"(1 row fits|\d+ rows fit together), the newest is number \d+, its hash [0-9a-f]{64}\.$", done.stdout
    )


def test_so_does_the_command_on_the_file_of_a_stopped_one(left_behind: Server) -> None:
    number, own_hash = newest(left_behind.data_dir)
    done = toru_audit(left_behind.data_dir, "verify")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{number} rows fit together, the newest is number {number}, its hash {own_hash}.\n"


def test_the_stop_left_the_newest_hash_in_the_log(left_behind: Server) -> None:
    assert (heads(left_behind)[-1]["number"], heads(left_behind)[-1]["hash"]) == newest(left_behind.data_dir)


@pytest.mark.parametrize(
    ("statement", "number", "words"),
    [
        ("UPDATE audit SET actor = 'boris' WHERE id = 3", 3, "was changed"),
        ("DELETE FROM audit WHERE id = 3", 3, "is missing"),
        ("DELETE FROM audit WHERE id > 3", 4, "the newest were cut off"),
    ],
)
def test_the_first_row_that_does_not_fit_is_named(left_behind: Server, statement: str, number: int, words: str) -> None:
    tamper(left_behind.data_dir, statement)
    done = toru_audit(left_behind.data_dir, "verify")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"toru: Row {number} ")
    assert words in done.stderr
    assert done.stderr.endswith(f"toru: The {number - 1} rows before it fit together.\n")


async def test_a_running_core_finds_out_too(left_behind: Server) -> None:
    tamper(left_behind.data_dir, "UPDATE audit SET target = 'x' WHERE id = 2")
    await left_behind.restart()
    done = await asyncio.to_thread(toru_audit, left_behind.data_dir, "verify")
    assert done.returncode == 1
    assert done.stderr.startswith("toru: Row 2 was changed")


def test_a_removal_of_all_that_looks_like_the_servers_is_refused(left_behind: Server) -> None:
    number, own_hash = newest(left_behind.data_dir)
    row: dict[str, int | str | None] = dict.fromkeys(COVERED, "")
    detail = json.dumps({"last": number, "hash": own_hash, "rows": number})
    row |= {"id": number + 1, "actor": "system", "actor_id": None, "role": "admin", "what": "audit.pruned"}
    row |= {"detail": detail, "previous_hash": own_hash}
    values = [*row.values(), hash_of(list(row.values()))]
    with closing(sqlite3.connect(left_behind.data_dir / "toru.db")) as connection, connection:
        connection.execute("DELETE FROM audit")
        columns = f"{', '.join(row)}, hash"
        connection.execute(f"INSERT INTO audit ({columns}) VALUES ({', '.join('?' * len(values))})", values)
    done = toru_audit(left_behind.data_dir, "verify")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"toru: Row {number + 1} tells of a removal of the oldest rows that never was.\n"


async def test_a_tail_cut_off_without_a_trace_shows_by_the_log_even_after_new_rows(left_behind: Server) -> None:
    told, own_hash = newest(left_behind.data_dir)
    cut = "DELETE FROM audit WHERE id > 3", "UPDATE sqlite_sequence SET seq = 3 WHERE name = 'audit'"
    tamper(left_behind.data_dir, *cut)
    done = toru_audit(left_behind.data_dir, "verify")
    assert done.returncode == 1
    assert f"tells of row {told}, but the newest row is 3: rows were cut off at the end." in done.stderr
    await left_behind.restart()
    async with await sign_in(left_behind) as admin:
        for value in range(told):
            await admin.put("/api/settings/max_runs", json={"value": str(value + 10)})
    done = await asyncio.to_thread(toru_audit, left_behind.data_dir, "verify")
    assert done.returncode == 1
    assert f"tells of row {told} with another hash" in done.stderr
    left_behind.log.path.unlink()  # the log is gone, too: whoever kept a line of it elsewhere still knows
    done = await asyncio.to_thread(toru_audit, left_behind.data_dir, "verify", "--expect", own_hash)
    assert done.returncode == 1
    assert done.stderr == f"toru: No row has the hash {own_hash}: it was removed or replaced.\n"
    assert (await asyncio.to_thread(toru_audit, left_behind.data_dir, "verify")).returncode == 0


def test_a_hash_that_was_kept_is_expected_to_be_there(left_behind: Server) -> None:
    kept = str(heads(left_behind)[-1]["hash"])
    done = toru_audit(left_behind.data_dir, "verify", "--expect", kept)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("running", [True, False])
async def test_the_whole_audit_is_written_out(left_behind: Server, running: bool) -> None:
    if running:
        await left_behind.restart()
    number, _ = newest(left_behind.data_dir)
    done = await asyncio.to_thread(toru_audit, left_behind.data_dir, "export")
    assert (done.returncode, done.stderr) == (0, "")
    assert [json.loads(line)["id"] for line in done.stdout.splitlines()] == list(range(1, number + 1))
    done = await asyncio.to_thread(toru_audit, left_behind.data_dir, "export", "--format", "csv")
    header, *rows = csv.reader(io.StringIO(done.stdout, newline=""))
    assert header[:2] == ["id", "at"]
    assert len(rows) == number


async def test_a_long_audit_is_verified_and_written_while_the_core_serves(left_behind: Server) -> None:
    fill(left_behind.data_dir, 20_000)
    await left_behind.restart()
    number, _ = newest(left_behind.data_dir)
    verifying = asyncio.create_task(asyncio.to_thread(toru_audit, left_behind.data_dir, "verify"))
    slowest = 0.0
    async with await sign_in(left_behind) as admin:
        while not verifying.done():
            begun = time.monotonic()
            assert (await admin.get("/api/runs")).status_code == 200
            slowest = max(slowest, time.monotonic() - begun)
    done = await verifying
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout.split()[0]) >= number
    assert slowest < 1
    done = await asyncio.to_thread(toru_audit, left_behind.data_dir, "export")
    assert len(done.stdout.splitlines()) >= number


def fill(data_dir: Path, count: int) -> None:
    """Writes further rows as the product would."""
    from app.audit.chain import hash_of

    number, before = newest(data_dir)
    with closing(sqlite3.connect(data_dir / "toru.db")) as connection, connection:
        for place in range(number + 1, number + 1 + count):
            values = (place, "2030-01-01T00:00:00.000Z", "carla", "c", "client", "", "run.started", "x.sh", "ok", "{}")
            before_it, before = before, hash_of([*values, before])
            marks = ", ".join("?" * 12)
            connection.execute(f"INSERT INTO audit VALUES ({marks})", (*values, before_it, before))


def test_a_folder_without_a_database_is_told(tmp_path: Path) -> None:
    done = toru_audit(tmp_path, "verify")
    assert (done.returncode, done.stderr) == (
        69,
        f"toru: No Toru runs on {tmp_path}, and there is no database. Is it the right folder?\n",
    )
    assert not (tmp_path / "toru.db").exists()


def age(data_dir: Path) -> int:
    """Makes every row but the newest a year old, chain and all; how many."""
    with closing(sqlite3.connect(data_dir / "toru.db")) as connection, connection:
        connection.row_factory = sqlite3.Row
        rows = [dict(row) for row in connection.execute("SELECT * FROM audit ORDER BY id")]
        previous = rows[0]["previous_hash"]
        for row in rows:
            if row is not rows[-1]:
                row["at"] = "2020-01-01T00:00:00.000Z"
            row["previous_hash"] = previous
            row["hash"] = previous = hash_of([row[name] for name in COVERED])
            connection.execute("UPDATE audit SET at=:at, previous_hash=:previous_hash, hash=:hash WHERE id=:id", row)
        return len(rows) - 1


@pytest.mark.parametrize("running", [False, True])
async def test_old_rows_go_on_command(left_behind: Server, running: bool) -> None:
    data_dir = left_behind.data_dir
    old = age(data_dir)
    for log in (data_dir / "logs").glob("toru.log*"):
        log.unlink()  # it tells of the rows as they were
    if running:
        await left_behind.start()
    refused = await asyncio.to_thread(toru_audit, data_dir, "prune", "--before", "2021-01-01")
    assert refused.returncode == INTERRUPTED, "nobody said yes"
    assert f"{old} rows are older than 2021-01-01. Remove for good?" in refused.stderr
    done = await asyncio.to_thread(toru_audit, data_dir, "prune", "--before", "2021-01-01", "--yes")
    assert (done.returncode, done.stdout) == (
        0,
        f"{old} removed. What is left fits together as before: ./toru audit verify.\n",
    )
    verified = await asyncio.to_thread(toru_audit, data_dir, "verify")
    assert verified.returncode == 0, verified.stderr
    again = await asyncio.to_thread(toru_audit, data_dir, "prune", "--before", "2021-01-01", "--yes")
    assert again.stdout == "No row is older than 2021-01-01.\n"
    future = await asyncio.to_thread(toru_audit, data_dir, "prune", "--before", "2199-01-01", "--yes")
    assert (future.returncode, future.stderr) == (1, "toru: That moment is still to come.\n")
