"""Everything in open formats: complete, readable without Toru, and without a secret."""

import csv
import json
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from app.backup.export import make_export
from app.backup.tables import EXPORTED, LEFT_OUT, columns_of
from tests.backup.conftest import RUN
from tests.backup.support import Place, members_of


@pytest.fixture
def exported(place: Place, tmp_path: Path) -> Path:
    with closing(sqlite3.connect(place.data / "toru.db")) as database, database:
        database.execute("UPDATE users SET display_name = '=cmd()'")
        token = ("t", "hash-of-a-token", "u1", "carla", "n", '["read"]', "x", "", "")
        database.execute("INSERT INTO tokens VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", token)
        factor = ("u1", "sealed-secret", '["hash-of-a-code"]', 1, "x", "x")
        database.execute("INSERT INTO second_factors VALUES (?, ?, ?, ?, ?, ?)", factor)
        database.execute("INSERT INTO auth_state VALUES (1, 'admin', 'hash-of-the-admin', 'device-key')")
        values = "('hash-of-a-session', 'u1', 'carla', 'x', 'y', '127.0.0.1', 'curl', NULL, NULL)"
        database.execute(f"INSERT INTO sessions VALUES {values}")
        machine = ("berlin", "https://berlin.example", '{"site": "berlin"}', "x")
        database.execute("INSERT INTO machines VALUES (?, ?, ?, ?)", machine)
    place.write("logs/toru.log", '{"message": "x"}\n')
    make_export(place.job(tmp_path / "all", kind="export", as_folder=True))
    return tmp_path / "all"


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_tables_are_json_lines_and_csv(exported: Path) -> None:
    [user] = lines(exported / "tables" / "users.jsonl")
    assert user == {
        "id": "u1",
        "username": "carla",
        "username_key": "carla",
        "display_name": "=cmd()",
        "is_active": True,
        "created_at": "2026-11-23T08:00:00.000Z",
    }
    with (exported / "tables" / "users.csv").open(newline="") as file:
        [row] = csv.DictReader(file)
    assert row["username"] == "carla"
    assert row["display_name"] == "'=cmd()", "a spreadsheet would compute it"
    [run] = lines(exported / "tables" / "runs.jsonl")
    assert (run["id"], run["args"], run["tty"]) == (RUN, [], False)
    [machine] = lines(exported / "tables" / "machines.jsonl")
    assert (machine["name"], machine["labels"]) == ("berlin", {"site": "berlin"})


def test_outputs_are_the_bytes_that_the_runner_vouched_for(exported: Path) -> None:
    assert (exported / "outputs" / f"{RUN}.out").read_bytes() == b"hello\n"
    assert lines(exported / "outputs" / f"{RUN}.pieces.jsonl") == [
        {"offset": 0, "length": 6, "stream": "stdout", "time_ns": 1}
    ]
    assert not (exported / "outputs" / "ffff.out").exists()


def test_plugins_scripts_and_logs_are_in_it(exported: Path) -> None:
    for name in ("plugins/hello.binary", "plugins/.metadata/config.json", "scripts/a.sh", "logs/toru.log"):
        assert (exported / name).is_file(), name


def test_no_secret_is_in_it(exported: Path) -> None:
    everything = b"".join(path.read_bytes() for path in exported.rglob("*") if path.is_file())
    for secret in (b"hash-of", b"$argon2", b"sealed-secret", b"device-key", bytes(range(32)), b"kept words"):
        assert secret not in everything, secret
    told = json.loads((exported / "about.json").read_text())["left_out"]
    assert {"users.password_hash", "tokens.hash", "sessions.id", "second_factors.secret"} <= set(told)


def test_its_hashes_can_be_checked_and_only_its_owner_reads_it(exported: Path) -> None:
    check = ["sha256sum", "--quiet", "--strict", "-c", "SHA256SUMS"]
    subprocess.run(check, cwd=exported, check=True, capture_output=True)
    assert not [path for path in (exported, *exported.rglob("*")) if path.stat().st_mode & 0o077]


def test_its_readme_names_everything_that_is_in_it(exported: Path) -> None:
    readme = (exported / "README.md").read_text()
    for name in {path.relative_to(exported).parts[0] for path in exported.rglob("*")} - {"README.md"}:
        assert f"`{name}" in readme, name
    for table in (exported / "tables").glob("*.csv"):
        assert f"`{table.stem}`" in readme, table.stem


def test_as_an_archive_it_is_the_same(place: Place, exported: Path, tmp_path: Path) -> None:
    make_export(place.job(tmp_path / "all.tar.gz", kind="export"))
    found = members_of(tmp_path / "all.tar.gz")
    there = {str(path.relative_to(exported)): path.read_bytes() for path in exported.rglob("*") if path.is_file()}
    assert found == there


def test_every_column_is_either_exported_or_left_out_on_purpose(database_template: Path) -> None:
    """A new one is decided about here; until then it stays inside."""
    with closing(sqlite3.connect(f"file:{database_template}?mode=ro", uri=True)) as database:
        found = columns_of(database)
    tables = EXPORTED.keys() | LEFT_OUT.keys()
    decided = {table: sorted((*EXPORTED.get(table, ()), *LEFT_OUT.get(table, ()))) for table in tables}
    assert {table: sorted(columns) for table, columns in found.items()} == decided
