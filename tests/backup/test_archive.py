"""Writing a backup: what is in it, what is not, and that it is there whole or not at all."""

import json
import os
import sqlite3
import stat
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from app.backup import archive, sources
from app.backup.errors import ArchiveError
from app.backup.names import COPY
from app.backup.sink import ArchiveSink, read_sum_line, sum_line
from tests.backup.conftest import RUN
from tests.backup.support import PASSPHRASE, Place, members_of


def test_what_is_in_it(place: Place, tmp_path: Path) -> None:
    made = place.backup(tmp_path / "b.tar.gz")
    found = members_of(Path(made.path))
    assert list(found) == [
        "README.txt",
        "data/toru.db",
        "data/second-factor.key",
        f"data/runs/{RUN}/00000000000000000000.seg",
        f"data/runs/{RUN}/00000000000000000000.out",
        "plugins/.metadata/config.json",
        "plugins/hello/bundle.js",
        "plugins/hello.binary",
        "scripts/a.sh",
        "manifest.json",
        "SHA256SUMS",
    ]
    manifest = json.loads(found["manifest.json"])
    assert (manifest["format"], manifest["outputs"], manifest["made_at"]) == (1, True, "2026-11-23T08:00:00.000Z")
    assert made.files == len(found) - 1


def test_without_outputs(place: Place, tmp_path: Path) -> None:
    place.backup(tmp_path / "b.tar.gz", outputs=False)
    assert not [name for name in members_of(tmp_path / "b.tar.gz") if "/runs/" in name]


def test_any_tar_and_sha256sum_can_check_it(place: Place, tmp_path: Path) -> None:
    place.write("scripts/new\nline \\ here.sh", "#!/bin/sh\n")
    place.backup(tmp_path / "b.tar.gz")
    (tmp_path / "out").mkdir()
    for command in (["tar", "xzf", "../b.tar.gz"], ["sha256sum", "--quiet", "--strict", "-c", "SHA256SUMS"]):
        subprocess.run(command, cwd=tmp_path / "out", check=True, capture_output=True)
    with closing(sqlite3.connect(tmp_path / "out" / "data" / "toru.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert database.execute("SELECT username FROM users").fetchall() == [("carla",)]


@pytest.mark.parametrize("passphrase", [None, PASSPHRASE])
def test_only_its_owner_can_read_it(place: Place, tmp_path: Path, passphrase: str | None) -> None:
    before = os.umask(0)
    try:
        place.backup(tmp_path / "b", passphrase)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "b").stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["b"]


def test_an_encrypted_one_shows_nothing(place: Place, tmp_path: Path) -> None:
    place.backup(tmp_path / "b", PASSPHRASE)
    data = (tmp_path / "b").read_bytes()
    assert data.startswith(b"TORUENC1")
    assert b"\x1f\x8b\x08" not in data[:100]


def test_nothing_in_clear_gets_to_the_disk_of_an_encrypted_one(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk, keys = tmp_path / "disk", sources.keys
    disk.mkdir()
    seen: list[str] = []

    def looked_at_meanwhile(data_dir: Path) -> Iterator[sources.Source]:
        seen.extend(path.name for path in disk.iterdir())
        return keys(data_dir)

    monkeypatch.setattr(sources, "keys", looked_at_meanwhile)
    place.backup(disk / "b", PASSPHRASE)
    assert seen == ["b.part"]
    assert not (place.data / COPY).exists()


def test_nothing_is_overwritten(place: Place, tmp_path: Path) -> None:
    (tmp_path / "b.tar.gz").write_text("mine")
    with pytest.raises(ArchiveError, match=r"b\.tar\.gz is there already"):
        place.backup(tmp_path / "b.tar.gz")
    assert (tmp_path / "b.tar.gz").read_text() == "mine"


def test_a_full_disk_leaves_nothing_behind(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full = OSError(28, "No space left on device")

    def fail(*_: object) -> None:
        raise full

    for name, step in ((ArchiveSink, "add_text"), (ArchiveSink, "_finish"), (archive, "put_in_place")):
        with monkeypatch.context() as patched:
            patched.setattr(name, step, fail)
            with pytest.raises(ArchiveError, match=f"There is no space left in {tmp_path}"):
                place.backup(tmp_path / "b.tar.gz")
        assert [path.name for path in tmp_path.iterdir()] == ["machine"]


@pytest.mark.needs("mounts")
def test_a_disk_that_is_really_full(place: Place, tmp_path: Path) -> None:
    """On a file system of 64 KiB, in a mount namespace of its own."""
    (tmp_path / "small").mkdir()
    script = 'mount -t tmpfs -o size=64k none "$1" && shift && "$@"; code=$?; ls -A "$0"; exit $code'
    place.write("plugins/large.binary", os.urandom(1 << 18))
    command = ["unshare", "--mount", "sh", "-c", script, str(tmp_path / "small"), str(tmp_path / "small")]
    toru = [sys.executable, "-m", "app.cli", "backup", "--to", str(tmp_path / "small" / "b.tar.gz")]
    done = subprocess.run(
        [*command, *toru],
        cwd=Path(__file__).parents[2],
        env={"PATH": os.environ["PATH"], **place.environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == f"toru: There is no space left in {tmp_path}/small. Nothing was kept of what was begun.\n"
    assert (done.returncode, done.stdout) == (1, "")


def test_a_damaged_database_makes_no_backup(place: Place, tmp_path: Path) -> None:
    path = place.data / "toru.db"
    data = bytearray(path.read_bytes())
    data[4096 * 3 : 4096 * 5] = os.urandom(4096 * 2)
    path.write_bytes(bytes(data))
    with pytest.raises(ArchiveError, match=r"is damaged|cannot be copied"):
        place.backup(tmp_path / "b.tar.gz")
    assert not (tmp_path / "b.tar.gz").exists()


def test_a_missing_database_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="There is no database in"):
        Place(tmp_path / "nothing").backup(tmp_path / "b.tar.gz")


def test_memory_stays_flat_whatever_the_size(place: Place, tmp_path: Path) -> None:
    place.write("plugins/large.binary", bytes(64 << 20))
    tracemalloc.start()
    try:
        place.backup(tmp_path / "b.tar.gz", PASSPHRASE)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 16 << 20


@pytest.mark.parametrize("name", ["a", "a b", "a\\b", "a\nb", "\\n", "a\r", "ä\udcff"])
def test_lines_of_hashes_are_read_as_they_were_written(name: str) -> None:
    assert read_sum_line(sum_line("0" * 64, name)) == ("0" * 64, name)
