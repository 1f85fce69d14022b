"""Reading a backup that somebody else may have made: nothing that it says is believed."""

import gzip
import hashlib
import json
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest

from app.backup.archive import FORMAT
from app.backup.errors import BadArchive
from app.backup.reading import read_backup
from tests.backup.support import PASSPHRASE, Place, archive_of, members_of

MANIFEST = {"format": FORMAT, "version": "0", "schema": "0001", "made_at": "x", "outputs": False}


def forged(path: Path, *more: tuple[Any, bytes], manifest: Any = MANIFEST, sums: bytes | None = None) -> Path:
    """An archive that is sound, but for what is added."""
    files = [("data/toru.db", b"db"), *more, ("manifest.json", json.dumps(manifest).encode())]
    lines = [
        f"{hashlib.sha256(content).hexdigest()}  {name if isinstance(name, str) else name.name}\n".encode()
        for name, content in files
    ]
    return archive_of(path, [*files, ("SHA256SUMS", b"".join(lines) if sums is None else sums)])


def of_type(name: str, kind: bytes, link: str = "") -> tarfile.TarInfo:
    about = tarfile.TarInfo(name)
    about.type, about.linkname = kind, link
    return about


def test_a_sound_one_is_taken(tmp_path: Path) -> None:
    """Else the tests below could pass for another reason."""
    contents = read_backup(forged(tmp_path / "b", ("plugins/x.binary", b"x"), ("scripts/a/b.sh", b"")), None)
    assert contents.tops == {"data": ("toru.db",), "plugins": ("x.binary",), "scripts": ("a",)}


@pytest.mark.parametrize(
    "name",
    [
        *("/etc/passwd", "../x", "data/../../x", "plugins/../x", "plugins/..", "plugins/./x", "plugins//x", "plugins/"),
        *("data/toru.db-wal", "data/x", "data/runs/x", "data/runs/../x", "data/runs/a/b/c", "data/backup-passphrase"),
        *("elsewhere/x", "x", "scripts", "data/restore.json", "data/sub/x.key", "plugins/" + "a" * 5000),
    ],
)
def test_a_name_that_has_no_place_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(BadArchive, match="has no place here"):
        read_backup(forged(tmp_path / "b", (name, b"x")), None)


@pytest.mark.parametrize(
    "kind",
    [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE],
    ids=["symlink", "hard link", "folder", "fifo", "character device", "block device"],
)
def test_what_is_no_plain_file_is_refused(kind: bytes, tmp_path: Path) -> None:
    with pytest.raises(BadArchive, match="is no plain file"):
        read_backup(forged(tmp_path / "b", (of_type("plugins/x", kind, "data/toru.db"), b"")), None)


def test_a_file_that_is_in_it_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadArchive, match="twice"):
        read_backup(forged(tmp_path / "b", ("plugins/x", b"x"), ("plugins/x", b"y")), None)


@pytest.mark.parametrize(
    ("sums", "said"),
    [
        (b"", "has no hash"),
        (b"nonsense\n", "SHA256SUMS"),
        (f"{'0' * 64}  data/toru.db\n".encode(), "not what it was"),
        (f"{'0' * 64}  data/other\n".encode(), "not what it was, or missing"),
    ],
)
def test_hashes_that_do_not_fit_are_refused(sums: bytes, said: str, tmp_path: Path) -> None:
    with pytest.raises(BadArchive, match=said):
        read_backup(forged(tmp_path / "b", sums=sums), None)


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        ({**MANIFEST, "format": FORMAT + 1}, "a newer version of Toru made it"),
        ([], "cannot be understood"),
        ({}, "cannot be understood"),
        ({**MANIFEST, "format": "1"}, "cannot be understood"),
        ({**MANIFEST, "x": "y" * (1 << 20)}, "too long"),
    ],
)
def test_a_manifest_that_is_none_is_refused(manifest: Any, said: str, tmp_path: Path) -> None:
    with pytest.raises(BadArchive, match=said):
        read_backup(forged(tmp_path / "b", manifest=manifest), None)


@pytest.mark.parametrize("missing", ["data/toru.db", "manifest.json", "SHA256SUMS"])
def test_what_must_be_in_it(missing: str, place: Place, tmp_path: Path) -> None:
    place.backup(tmp_path / "b.tar.gz")
    rest = [(name, content) for name, content in members_of(tmp_path / "b.tar.gz").items() if name != missing]
    with pytest.raises(BadArchive):
        read_backup(archive_of(tmp_path / "less", rest), None)


@pytest.mark.parametrize(
    "content",
    [b"", b"x", b"\x1f\x8b", os.urandom(2000), gzip.compress(b"no tar at all" * 100)],
    ids=["empty", "short", "cut off", "noise", "no tar"],  # workers must agree on them
)
def test_what_is_no_archive_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "b").write_bytes(content)
    with pytest.raises(BadArchive, match="cannot be used"):
        read_backup(tmp_path / "b", None)


@pytest.mark.parametrize("passphrase", [None, PASSPHRASE])
def test_one_that_is_cut_off_or_changed_anywhere_is_refused(
    passphrase: str | None, place: Place, tmp_path: Path
) -> None:
    made = place.backup(tmp_path / "b", passphrase)
    data = (tmp_path / "b").read_bytes()
    # An encrypted one takes a third of a second a try; tests/backup/test_sealed.py tries every byte, more cheaply.
    steps = 23 if passphrase is None else 1
    for number in range(steps):
        cut = tmp_path / "cut"
        cut.write_bytes(data[: made.size * number // steps])
        with pytest.raises(BadArchive):
            read_backup(cut, passphrase)
        changed = bytearray(data)
        changed[20 + (made.size - 21) * number // steps] ^= 0x10
        cut.write_bytes(changed)
        with pytest.raises(BadArchive):
            read_backup(cut, passphrase)


def test_an_encrypted_one_without_its_passphrase_says_so(place: Place, tmp_path: Path) -> None:
    place.backup(tmp_path / "b", PASSPHRASE)
    with pytest.raises(BadArchive, match="is encrypted: give its passphrase"):
        read_backup(tmp_path / "b", None)


def test_no_claim_of_an_archive_fills_the_memory(tmp_path: Path) -> None:
    """A header of PAX may say that it is a gigabyte long."""
    about = tarfile.TarInfo("x")
    about.type, about.size = tarfile.XHDTYPE, 1 << 30
    with gzip.open(tmp_path / "b", "wb") as file:
        file.write(about.tobuf(tarfile.USTAR_FORMAT) + bytes(1 << 20))
    with pytest.raises(BadArchive, match="too large"):
        read_backup(tmp_path / "b", None)


def many_headers(name: str, kind: bytes, content: bytes) -> bytes:
    about = tarfile.TarInfo(name)
    about.type, about.size = kind, len(content)
    return (about.tobuf(tarfile.GNU_FORMAT) + content.ljust(512, b"\0")) * 3000


def list_without_lines() -> bytes:
    about = tarfile.TarInfo("SHA256SUMS")
    about.size = 1 << 30
    return about.tobuf() + b"a" * (4 << 20)


def map_of_holes() -> bytes:
    about = tarfile.TarInfo("scripts/a")
    about.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "1"}
    about.size = 1 << 40
    return about.tobuf(tarfile.PAX_FORMAT) + b"99999999\n" + b"1\n" * (4 << 20)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (many_headers("././@LongLink", tarfile.GNUTYPE_LONGNAME, b"abcd\0"), "damaged"),
        (many_headers("x", tarfile.XHDTYPE, b"12 path=aaa\n"), "damaged"),
        (list_without_lines(), "no line of SHA256SUMS"),
        (map_of_holes(), "too large"),
    ],
    ids=["long names", "names of PAX", "a line without an end", "holes without an end"],
)
def test_what_would_be_collected_without_end_is_refused_soon(content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "b").write_bytes(gzip.compress(content + bytes(1024), 1))
    with pytest.raises(BadArchive, match=said):
        read_backup(tmp_path / "b", None)


def test_bytes_behind_the_end_are_refused(place: Place, tmp_path: Path) -> None:
    place.backup(tmp_path / "b")
    with (tmp_path / "b").open("ab") as file:
        file.write(b"more")
    with pytest.raises(BadArchive):
        read_backup(tmp_path / "b", None)
