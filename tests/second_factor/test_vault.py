"""The key in the data folder: private, made once, and nothing opens without it."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.core.errors import Unavailable
from app.second_factor.vault import MISSING, Vault

SECRET = b"12345678901234567890"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the key will be."""
    return tmp_path / "second-factor.key"


@pytest.fixture
def sealed(path: Path) -> str:
    """A secret of carla's, with a key that was made for it."""
    return Vault(path.parent).seal(SECRET, "carla", may_make_key=True)


def test_the_key_is_made_for_the_first_secret_and_kept(path: Path) -> None:
    first = Vault(path.parent).seal(SECRET, "carla", may_make_key=True)
    key = path.read_bytes()
    assert (len(key), path.stat().st_mode & 0o777) == (32, 0o600)
    second = Vault(path.parent).seal(SECRET, "carla", may_make_key=True)
    assert path.read_bytes() == key
    assert first != second, "nobody sees from outside that two secrets are the same"
    assert [Vault(path.parent).open(text, "carla") for text in (first, second)] == [SECRET, SECRET]
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_two_who_are_the_first_ones_get_one_key(path: Path) -> None:
    vault, together = Vault(path.parent), threading.Barrier(8)

    def seal(_: int) -> str:
        together.wait()
        return vault.seal(SECRET, "carla", may_make_key=True)

    with ThreadPoolExecutor(8) as threads:
        sealed = list(threads.map(seal, range(8)))
    assert [vault.open(text, "carla") for text in sealed] == [SECRET] * 8


def test_what_a_killed_core_left_half_written_is_no_key(path: Path) -> None:
    path.with_name(path.name + ".new").write_bytes(b"half")
    assert Vault(path.parent).open(Vault(path.parent).seal(SECRET, "a", may_make_key=True), "a") == SECRET


def test_a_secret_opens_for_its_owner_only(path: Path, sealed: str) -> None:
    with pytest.raises(Unavailable, match="recovery code"):
        Vault(path.parent).open(sealed, "dora")


@pytest.mark.parametrize("content", [None, b"", b"short", bytes(32), bytes(33)])
def test_without_the_right_key_nothing_opens_and_none_is_made(content: bytes | None, path: Path, sealed: str) -> None:
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(Unavailable) as refused:
        Vault(path.parent).open(sealed, "carla")
    assert str(refused.value) == MISSING
    if content is None:
        with pytest.raises(Unavailable):
            Vault(path.parent).seal(SECRET, "dora", may_make_key=False)
        assert not path.exists()


def test_a_changed_secret_does_not_open(path: Path, sealed: str) -> None:
    for place in (0, len(sealed) // 2, len(sealed) - 3):
        other = "A" if sealed[place] != "A" else "B"
        with pytest.raises(Unavailable):
            Vault(path.parent).open(sealed[:place] + other + sealed[place + 1 :], "carla")


def test_a_folder_that_takes_no_key_says_so(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="cannot be stored: No such file"):
        Vault(tmp_path / "gone").seal(SECRET, "a", may_make_key=True)
