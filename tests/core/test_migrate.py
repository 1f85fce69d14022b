"""The schema: made and migrated in one step, equal to the tables of the code; foreign files stay as they are."""

import asyncio
import hashlib
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from sqlmodel import SQLModel

from app.core import migrate
from app.core.migrate import HEAD, KNOWN, UnusableDatabase, prepare_database
from app.core.migrations.__main__ import migrate as migrate_file
from tests.support.server import ROOT

MODELS = (
    "import app.actions.models, app.audit.models, app.auth.models, app.fleet.models, app.plugins.models, "
    "app.runs.models, app.second_factor.models, app.settings.models, app.tokens.models, app.users.models"
)

TIME = "2026-01-01T00:00:00.000Z"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "toru.db"


@pytest.fixture
def made(path: Path, database_template: Path) -> Path:
    """A database as the product makes it."""
    path.write_bytes(database_template.read_bytes())
    path.chmod(0o600)
    return path


def fingerprint(path: Path) -> dict[str, str]:
    """Every file beside and the file itself, but for SQLite's index of the log, which each reader may make anew."""
    files = [file for file in path.parent.iterdir() if file.is_file() and not file.name.endswith("-shm")]
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


@pytest.mark.fault("S15")
async def test_a_fresh_database_has_the_newest_schema_and_is_the_owners_only(path: Path) -> None:
    before = os.umask(0o022)
    try:
        await prepare_database(path)
    finally:
        os.umask(before)
    assert [file.name for file in path.parent.iterdir()] == ["toru.db"]
    assert path.stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(HEAD,)]
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


@pytest.mark.fault("S11")
async def test_a_second_time_changes_nothing(made: Path) -> None:
    before = fingerprint(made)
    await prepare_database(made)
    assert fingerprint(made) == before


@pytest.mark.fault("S11")
def test_the_schema_is_that_of_the_tables_in_the_code(made: Path) -> None:
    exec(MODELS)  # so that the list is one
    engine = create_engine("sqlite://", creator=lambda: sqlite3.connect(made))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, SQLModel.metadata) == []
    engine.dispose()


def test_every_file_of_tables_is_compared() -> None:
    files = {str(file.relative_to(ROOT).with_suffix("")).replace("/", ".") for file in ROOT.glob("app/*/models.py")}
    assert files == set(re.findall(r"[\w.]+models", MODELS))


def test_the_code_knows_every_revision_in_order() -> None:
    config = Config()
    config.set_main_option("script_location", str(ROOT / "app" / "core" / "migrations"))
    scripts = ScriptDirectory.from_config(config)
    assert tuple(script.revision for script in scripts.walk_revisions())[::-1] == KNOWN
    assert scripts.get_current_head() == HEAD


async def test_a_start_that_was_killed_in_the_middle_left_nothing_that_counts(path: Path) -> None:
    path.with_name("toru.db.new").write_bytes(b"half a database")
    await prepare_database(path)
    assert [file.name for file in path.parent.iterdir()] == ["toru.db"]


async def test_a_path_may_hold_any_character(tmp_path: Path) -> None:
    path = tmp_path / "a?b#c%20d'e" / "toru.db"
    path.parent.mkdir()
    await prepare_database(path)
    await prepare_database(path)
    assert path.is_file()


def older_database(path: Path, revision: str) -> None:
    """A database as the version of that schema wrote it, with a row in every table it had."""
    migrate_file(path, revision)
    path.chmod(0o600)
    with closing(sqlite3.connect(path)) as connection, connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
        for (table,) in tables.fetchall():
            if table != "alembic_version":
                columns = connection.execute(f"PRAGMA table_info({table})").fetchall()
                values = [_value(column_type, name) for _, name, column_type, *_ in columns]
                connection.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(values))})", values)


def _value(column_type: str, name: str) -> object:
    if name.endswith("_at"):
        return TIME
    return {"INTEGER": 7, "BOOLEAN": 1, "FLOAT": 1.5}.get(column_type, f"a {name}")


def contents(path: Path) -> dict[str, list[dict[str, object]]]:
    """Every row of every table, by the names of its columns."""
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
        return {
            table: [dict(row) for row in connection.execute(f"SELECT * FROM {table}")]
            for (table,) in tables.fetchall()
            if table != "alembic_version"
        }


@pytest.fixture
def older(path: Path) -> Path:
    """A database that the first version of the schema wrote."""
    older_database(path, "0001")
    return path


def copies(path: Path) -> list[Path]:
    """The copies that were made before migrations."""
    return sorted((path.parent / "backups").glob("*"))


@pytest.mark.fault("S11")
@pytest.mark.parametrize("revision", KNOWN[:-1])
async def test_what_an_older_database_held_is_kept(revision: str, path: Path) -> None:
    await asyncio.to_thread(older_database, path, revision)
    before = contents(path)
    assert all(len(found) == 1 for found in before.values())
    await prepare_database(path)
    assert rows(path, "SELECT version_num FROM alembic_version") == [(HEAD,)]
    after = contents(path)
    for table, found in before.items():
        assert [{name: row[name] for name in found[0]} for row in after[table]] == found, table
    migrated = fingerprint(path)
    await prepare_database(path)
    assert fingerprint(path) == migrated, "a second start changes nothing"
    assert len(copies(path)) == 1


async def test_what_is_new_follows_from_what_was_there(older: Path) -> None:
    await prepare_database(older)
    assert rows(older, "SELECT dangerous FROM actions") == [(0,)]
    assert rows(older, "SELECT last_seen_at FROM sessions") == [(TIME,)]


@pytest.mark.fault("S11", "S14")
async def test_an_older_database_is_copied_before_it_is_migrated(older: Path) -> None:
    before = contents(older)
    await prepare_database(older)
    [copy] = copies(older)
    assert re.fullmatch(rf"before-{HEAD}-\d{{8}}T\d{{6}}Z\.db", copy.name)
    assert (copy.stat().st_mode & 0o777, copy.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert contents(copy) == before
    assert rows(copy, "PRAGMA integrity_check") == [("ok",)]


async def test_the_newest_three_copies_are_kept_and_nothing_else_is_touched(older: Path) -> None:
    folder = older.parent / "backups"
    folder.mkdir()
    for number, name in enumerate(("before-0000-a.db", "before-0000-b.db", "before-0000-c.db", "nightly.tar")):
        (folder / name).write_bytes(b"old")
        os.utime(folder / name, (number, number))
    (folder / "before-0000-d.db.part").write_bytes(b"half, of a start that was killed")
    await prepare_database(older)
    names = [copy.name for copy in copies(older)]
    assert names[:2] + names[3:] == ["before-0000-b.db", "before-0000-c.db", "nightly.tar"]
    assert names[2].startswith(f"before-{HEAD}-")


@pytest.mark.needs("mounts")
async def test_without_room_for_the_copy_nothing_is_changed(older: Path, small_disk: Path) -> None:
    (older.parent / "backups").symlink_to(small_disk)
    with closing(sqlite3.connect(older)) as connection, connection:
        connection.execute("INSERT INTO settings VALUES ('large', ?)", ("x" * 3_000_000,))
    before = fingerprint(older)
    with pytest.raises(UnusableDatabase, match=r"that failed: .*full.* Make room for [34] MiB there and start again"):
        await prepare_database(older)
    assert fingerprint(older) == before
    assert copies(older) == []


def rows(path: Path, query: str) -> list[tuple[object, ...]]:
    """What a query gives."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


@pytest.mark.fault("S13")
@pytest.mark.parametrize("killed", [False, True])
async def test_a_newer_database_is_refused_and_left_alone(killed: bool, made: Path) -> None:
    script = (
        "import os, sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('PRAGMA journal_mode=WAL');"
        "c.execute(\"UPDATE alembic_version SET version_num = '0999'\"); c.commit();"
        f"os.kill(os.getpid(), 9) if {killed} else c.close()"
    )
    await asyncio.to_thread(subprocess.run, [sys.executable, "-c", script, str(made)], check=False)
    before = fingerprint(made)
    assert ("toru.db-wal" in before) == killed
    with pytest.raises(UnusableDatabase, match="written by a newer version of Toru \\(schema 0999\\)"):
        await prepare_database(made)
    assert fingerprint(made) == before
    assert copies(made) == []


@pytest.mark.fault("S07")
@pytest.mark.parametrize(
    "damage", ["zero bytes", "garbage", "truncated", "wrong magic", "a foreign one", "no version", "a bad page"]
)
async def test_a_file_that_is_no_database_of_ours_is_refused_and_kept(damage: str, made: Path) -> None:
    spoil(made, damage)
    before = fingerprint(made)
    with pytest.raises(UnusableDatabase, match="cannot be used as Toru's database") as told:
        await prepare_database(made)
    assert "Nothing was changed" in str(told.value)
    assert re.search(rf"mv {made} {made}\.corrupt-\d{{8}}T\d{{6}}", str(told.value))
    assert fingerprint(made) == before


def spoil(path: Path, damage: str) -> None:
    content = path.read_bytes()
    if damage == "zero bytes":
        path.write_bytes(b"")
    elif damage == "garbage":
        path.write_bytes(b"\x5a" * 9000)
    elif damage == "truncated":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "wrong magic":
        path.write_bytes(b"SQLite format 4\0" + content[16:])
    elif damage == "a bad page":
        path.write_bytes(content[:8192] + b"\xa5" * 4096 + content[12288:])
    else:
        path.unlink()
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(
                "CREATE TABLE alembic_version (version_num)" if damage == "no version" else "CREATE TABLE x (y)"
            )
            connection.commit()


@pytest.mark.fault("S07")
async def test_a_folder_is_refused(path: Path) -> None:
    path.mkdir()
    with pytest.raises(UnusableDatabase, match="is a folder, not a database"):
        await prepare_database(path)


async def test_changes_that_a_killed_core_left_in_the_log_are_seen(made: Path, tmp_path: Path) -> None:
    script = (
        "import os, sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('PRAGMA journal_mode=WAL');"
        "c.execute(\"INSERT INTO settings VALUES ('a', 'b')\"); c.commit(); os.kill(os.getpid(), 9)"
    )
    await asyncio.to_thread(subprocess.run, [sys.executable, "-c", script, str(made)], check=False)
    assert made.with_name("toru.db-wal").stat().st_size > 0
    await prepare_database(made)
    with closing(sqlite3.connect(made)) as connection:
        assert connection.execute("SELECT * FROM settings").fetchall() == [("a", "b")]


async def test_a_migration_that_fails_says_why_and_leaves_the_file(
    older: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "ROOT", older.parent)
    before = contents(older)
    with pytest.raises(UnusableDatabase, match=r"could not be migrated: .*No module named 'app'"):
        await prepare_database(older)
    assert contents(older) == before
    assert copies(older) == [], "a start that fails again and again fills no disk"


def test_a_folder_with_a_percent_sign_in_its_name_migrates(tmp_path: Path) -> None:
    root, database = tmp_path / "50% %(here)s", tmp_path / "toru.db"
    shutil.copytree(ROOT / "app", root / "app", ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, "-m", "app.core.migrations", str(database)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=50, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert database.exists()


KILLED_AT_EVERY_STEP = """
import os, shutil, sqlite3, sys
from pathlib import Path
import app.core.migrations.__main__ as migrations

source, work, every = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
connect = sqlite3.connect

def schema(path):
    with connect(path) as connection:
        sound = connection.execute("PRAGMA integrity_check").fetchone()[0]
        text = "|".join(sorted(row[0] for row in connection.execute("SELECT sql FROM sqlite_master") if row[0]))
        rows = sorted(map(str, connection.execute("SELECT last_seen_at FROM sessions"))) if "last_seen" in text else []
        version = connection.execute("SELECT version_num FROM alembic_version").fetchone()[0]
    connection.close()
    return sound, version, text, rows

def doomed(path, moment):
    def counted(*args, **kwargs):
        connection, steps = connect(*args, **kwargs), [0]
        def step():
            steps[0] += 1
            if steps[0] == moment:
                os.kill(os.getpid(), 9)
        connection.set_progress_handler(step, every)
        return connection
    sqlite3.connect = counted
    migrations.migrate(path)
    os._exit(0)

shutil.copy(source, work)
old = schema(work)
migrations.migrate(work)
new = schema(work)
moment, done, killed = 0, False, 0
while not done:
    moment += 1
    for suffix in ("", "-wal", "-shm"):
        Path(f"{work}{suffix}").unlink(missing_ok=True)
    shutil.copy(source, work)
    child = os.fork()
    if not child:
        doomed(work, moment)
    done = os.waitpid(child, 0)[1] == 0
    killed += not done
    found = schema(work)
    assert found == (new if done else old) or found == new, (moment, found)
print(killed)
"""


async def test_a_kill_at_any_moment_leaves_the_old_or_the_new(older: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(older)) as connection, connection:
        sessions = [(f"s{number}", None, "admin", TIME, TIME, "127.0.0.1", "x" * 200) for number in range(2000)]
        connection.executemany("INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?)", sessions)
    command = [sys.executable, "-c", KILLED_AT_EVERY_STEP, str(older), str(tmp_path / "work.db"), "500"]
    done = await asyncio.to_thread(subprocess.run, command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 40, "kills in the middle"


async def test_the_migration_ends_with_the_core_that_wants_it(older: Path) -> None:
    starter = (
        "import os, subprocess, sys; child = subprocess.Popen([sys.executable, '-m', 'app.core.migrations',"
        " sys.argv[1], str(os.getpid())]); print(child.pid, flush=True); os.kill(os.getpid(), 9)"
    )
    with closing(sqlite3.connect(older, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")  # which it would wait for
        command = [sys.executable, "-c", starter, str(older)]
        done = await asyncio.to_thread(subprocess.run, command, cwd=ROOT, capture_output=True, text=True, check=False)
        _, status = await asyncio.to_thread(os.waitpid, int(done.stdout), 0)  # ours by now: we adopt orphans
        assert os.WIFSIGNALED(status)
        assert os.WTERMSIG(status) == signal.SIGKILL
    assert rows(older, "SELECT version_num FROM alembic_version") == [("0001",)]
