"""Restoring where no core runs: what changes, what is kept, and that it is the old state or the new one, always."""

import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from app.backup.errors import ArchiveError
from app.backup.placing import LIST
from app.backup.restoring import restore_into
from app.core.instance_lock import InstanceLock
from tests.backup.conftest import RUN
from tests.backup.support import PASSPHRASE, Place
from tests.support.server import ROOT

pytestmark = pytest.mark.allows_blocking  # a command may hold up its own loop


def users(place: Place) -> list[str]:
    with contextlib.closing(sqlite3.connect(place.data / "toru.db")) as database:
        return [name for (name,) in database.execute("SELECT username FROM users ORDER BY username")]


def change(place: Place) -> None:
    """What happens after the backup."""
    with contextlib.closing(sqlite3.connect(place.data / "toru.db")) as database, database:
        database.execute("INSERT INTO users VALUES ('u2', 'dora', 'dora', '', 'x', 1, 'x')")
    place.write("scripts/a.sh", "changed")
    place.write("scripts/newer.sh", "newer")
    place.write("plugins/.metadata/config.json", '{"plugins": {}}')
    place.write("data/second-factor.key", b"another")
    shutil.rmtree(place.data / "runs" / RUN)


@pytest.fixture
def backup(place: Place, tmp_path: Path) -> Path:
    place.backup(tmp_path / "b.tar.gz")
    change(place)
    return tmp_path / "b.tar.gz"


def test_everything_is_as_it_was_and_what_there_was_is_kept(place: Place, backup: Path) -> None:
    done = place.toru("restore", str(backup))
    assert (done.returncode, done.stderr) == (0, "")
    assert users(place) == ["carla"]
    found = place.tree()
    assert found["scripts/a.sh"] == b"#!/bin/sh\necho hello\n"
    assert found["scripts/newer.sh"] == b"newer"
    assert found["plugins/.metadata/config.json"] == b'{"plugins": {"hello": true}}'
    assert found["data/second-factor.key"] == bytes(range(32))
    assert found[f"data/runs/{RUN}/00000000000000000000.out"] == b"hello\nnot covered"
    assert os.access(place.folder / "plugins" / "hello.binary", os.X_OK)
    [kept] = (place.folder / "scripts").glob("before-restore-*")
    assert (kept / "a.sh").read_text() == "changed"
    assert (place.data / kept.name / "second-factor.key").read_bytes() == b"another"
    assert f"What was there before is in {kept}" in done.stdout


def test_files_of_the_data_folder_are_their_owners_only(place: Place, backup: Path) -> None:
    place.restore(backup)
    for name in ("toru.db", "second-factor.key", f"runs/{RUN}/00000000000000000000.out"):
        assert (place.data / name).stat().st_mode & 0o077 == 0


def test_a_dry_run_tells_and_changes_nothing(place: Place, backup: Path) -> None:
    before = place.tree()
    done = place.toru("restore", str(backup), "--dry-run")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"would be replaced: {place.data / 'toru.db'}" in done.stdout
    assert "Nothing was changed." in done.stdout
    assert place.tree() == before


def test_onto_an_empty_machine(place: Place, backup: Path, tmp_path: Path) -> None:
    other = Place(tmp_path / "other")
    done = other.toru("restore", str(backup), "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert users(other) == ["carla"]
    assert (other.folder / "scripts" / "a.sh").read_text() == "#!/bin/sh\necho hello\n"
    assert other.toru("audit", "verify").returncode == 0


def test_where_the_settings_name_a_scripts_folder_that_is_not_here(place: Place, tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(place.data / "toru.db")) as database, database:
        database.execute("INSERT INTO settings VALUES ('scripts_dir', '/nowhere/scripts')")
    place.backup(tmp_path / "b.tar.gz")
    other = Place(tmp_path / "other")
    [note] = other.restore(tmp_path / "b.tar.gz").notes
    assert note == f"There is no folder /nowhere/scripts here; the scripts folder is {other.folder}/scripts now."
    with contextlib.closing(sqlite3.connect(other.data / "toru.db")) as database:
        [(value,)] = database.execute("SELECT value FROM settings WHERE key = 'scripts_dir'").fetchall()
    assert value == str(other.folder / "scripts")


def test_it_is_in_the_audit_which_stays_whole_even_where_the_log_knows_newer_rows(place: Place, backup: Path) -> None:
    place.restore(backup)  # which is a row
    place.write("logs/toru.log", log_of_row(place))
    place.restore(backup)
    verified = place.toru("audit", "verify")
    assert (verified.returncode, verified.stderr) == (0, "")
    assert audited(place) == ["backup.restored"]


def audited(place: Place) -> list[str]:
    with contextlib.closing(sqlite3.connect(place.data / "toru.db")) as database:
        return [what for (what,) in database.execute("SELECT what FROM audit ORDER BY id")]


def log_of_row(place: Place) -> str:
    with contextlib.closing(sqlite3.connect(place.data / "toru.db")) as database:
        number, own = database.execute("SELECT id, hash FROM audit ORDER BY id DESC LIMIT 1").fetchone()
        [(instance,)] = database.execute("SELECT value FROM settings WHERE key = 'instance_id'").fetchall()
    return (
        f'{{"timestamp": "x", "event": "audit_head", "number": {number}, "hash": "{own}", "instance": "{instance}"}}\n'
    )


def test_rows_that_are_cut_off_without_a_restore_still_show(place: Place, backup: Path) -> None:
    place.restore(backup)
    place.write("logs/toru.log", log_of_row(place))
    with contextlib.closing(sqlite3.connect(place.data / "toru.db")) as database, database:
        database.execute("DELETE FROM audit")
    assert place.toru("audit", "verify").returncode == 1


def test_a_newer_schema_is_refused_and_nothing_touched(place: Place, tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(place.data / "toru.db")) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    place.backup(tmp_path / "b.tar.gz")
    before = place.tree()
    with pytest.raises(ArchiveError, match=r"A newer version of Toru \(.*\) wrote its database \(schema 9999\)"):
        place.restore(tmp_path / "b.tar.gz")
    assert place.tree() == before


def test_a_damaged_backup_is_refused_and_nothing_touched(place: Place, backup: Path) -> None:
    data = bytearray(backup.read_bytes())
    data[len(data) // 2] ^= 1
    backup.write_bytes(data)
    before = place.tree()
    done = place.toru("restore", str(backup))
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert place.tree() == before


def test_while_a_core_runs_it_is_refused(place: Place, backup: Path) -> None:
    with InstanceLock(place.data):
        before = place.tree()
        done = place.toru("restore", str(backup))
        assert (done.returncode, done.stderr) == (
            69,
            f"toru: Toru already runs on {place.data} (process {os.getpid()}).\n",
        )
        assert place.tree() == before


def test_an_encrypted_one_takes_its_passphrase(place: Place, tmp_path: Path) -> None:
    place.backup(tmp_path / "b.enc", PASSPHRASE)
    missing = place.toru("restore", str(tmp_path / "b.enc"))
    assert (missing.returncode, missing.stderr.count("\n")) == (2, 1)
    with pytest.raises(ArchiveError, match="The passphrase is wrong, or the file is damaged"):
        place.restore(tmp_path / "b.enc", "wrong")
    done = place.toru("restore", str(tmp_path / "b.enc"), "--passphrase-stdin", line=f"{PASSPHRASE}\n")
    assert (done.returncode, done.stderr) == (0, "")


def test_into_a_folder_of_its_own(place: Place, backup: Path) -> None:
    before = place.tree()
    done = place.toru("restore", str(backup), "--into", "looked-at")
    assert (done.returncode, done.stderr) == (0, "")
    looked_at = place.folder / "looked-at"
    assert (looked_at / "scripts" / "a.sh").read_text() == "#!/bin/sh\necho hello\n"
    assert {name: data for name, data in place.tree().items() if not name.startswith("looked-at")} == before
    with pytest.raises(ArchiveError, match="is there already, and not empty"):
        restore_into(backup, None, looked_at)


def test_a_backup_without_outputs_leaves_those_that_are_there(place: Place, tmp_path: Path) -> None:
    place.backup(tmp_path / "b.tar.gz", outputs=False)
    place.restore(tmp_path / "b.tar.gz")
    assert (place.data / "runs" / RUN / "00000000000000000000.out").read_bytes() == b"hello\nnot covered"


KILLED = """
import os, signal, sys
from pathlib import Path
from app.cli.__main__ import main

rename = Path.rename
moves = 0

def killing(path, target):
    global moves
    rename(path, target)
    moves += target.name == "restore.json" or moves > 0
    if moves == 4:
        os.kill(os.getpid(), signal.SIGKILL)

Path.rename = killing
sys.exit(main(sys.argv[1:]))
"""


def test_the_next_command_finishes_a_restore_that_was_killed_in_the_middle(place: Place, backup: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED, "restore", str(backup)],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **place.environment},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    assert (place.data / LIST).exists()
    assert place.toru("audit", "verify").returncode == 0
    assert users(place) == ["carla"]
    assert place.tree()["scripts/a.sh"] == b"#!/bin/sh\necho hello\n"
    assert not (place.data / LIST).exists()
    assert not list(place.folder.rglob(".restore"))
