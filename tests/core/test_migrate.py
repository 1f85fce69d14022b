"""The schema: made and migrated in one step, equal to the tables of the code; foreign files stay as they are."""

import asyncio
import hashlib
import os
import re
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
    "import app.actions.models, app.audit.models, app.auth.models, app.plugins.models, app.runs.models, "
    "app.second_factor.models, app.settings.models, app.tokens.models, app.users.models"
)


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


@pytest.fixture
def older(path: Path) -> Path:
    """A database that the first version of the schema wrote."""
    migrate_file(path, "0001")
    path.chmod(0o600)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("INSERT INTO settings VALUES ('max_runs', '7')")
        time = "2026-01-01T00:00:00.000Z"
        connection.execute("INSERT INTO actions VALUES ('a1', 'Deploy', 'deploy.sh', NULL, 0, ?)", (time,))
        connection.execute("INSERT INTO sessions VALUES ('s1', NULL, 'admin', ?, ?, '127.0.0.1', '')", (time, time))
        connection.commit()
    return path


@pytest.mark.fault("S11", "S14")
async def test_an_older_database_is_copied_before_it_is_migrated(older: Path) -> None:
    before = rows(older, "SELECT * FROM sessions"), rows(older, "SELECT * FROM settings")
    await prepare_database(older)
    copy = older.with_name(f"toru.db.before-{HEAD}")
    assert copy.stat().st_mode & 0o777 == 0o600
    assert (rows(copy, "SELECT * FROM sessions"), rows(copy, "SELECT * FROM settings")) == before
    assert rows(older, "SELECT version_num FROM alembic_version") == [(HEAD,)]


@pytest.mark.fault("S11")
async def test_what_an_older_database_held_is_kept(older: Path) -> None:
    await prepare_database(older)
    assert rows(older, "SELECT * FROM settings") == [("max_runs", "7")]
    assert rows(older, "SELECT name, script_path, dangerous FROM actions") == [("Deploy", "deploy.sh", 0)]
    assert rows(older, "SELECT username, last_seen_at FROM sessions") == [("admin", "2026-01-01T00:00:00.000Z")]


def rows(path: Path, query: str) -> list[tuple[object, ...]]:
    """What a query gives."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


@pytest.mark.fault("S13")
async def test_a_newer_database_is_refused_and_left_alone(made: Path) -> None:
    with closing(sqlite3.connect(made)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0999'")
        connection.commit()
    before = fingerprint(made)
    with pytest.raises(UnusableDatabase, match="written by a newer version of Toru \\(schema 0999\\)"):
        await prepare_database(made)
    assert fingerprint(made) == before


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


async def test_a_migration_that_fails_says_why(older: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrate, "ROOT", older.parent)
    with pytest.raises(UnusableDatabase, match=r"could not be migrated: .*No module named 'app'"):
        await prepare_database(older)
