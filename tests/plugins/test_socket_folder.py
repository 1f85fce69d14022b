"""The folder of the sockets: ours alone, at a path that the kernel takes, wherever the data folder is."""

import os
import stat
from pathlib import Path

import pytest

from app.plugins.socket_folder import NoSocketFolder, make_private, make_socket_folder, socket_path
from tests.support.unprivileged import NOBODY

LONGEST = "x" * 48


@pytest.fixture
def short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A runtime folder with a short path."""
    folder = tmp_path.parents[2] / f"r{os.getpid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    return folder


def test_it_lies_in_the_data_folder_where_that_is_short(short: Path) -> None:
    folder = make_socket_folder(short)
    assert folder == short / "plugins"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert list(folder.iterdir()) == []


def test_a_long_data_folder_has_one_of_its_own_elsewhere(short: Path, tmp_path: Path) -> None:
    first, second = tmp_path / ("a" * 100), tmp_path / ("b" * 100)
    folders = make_socket_folder(first), make_socket_folder(second)
    assert folders[0] != folders[1]
    assert make_socket_folder(first) == folders[0]
    for folder in folders:
        assert folder.parent == short
        assert len(os.fsencode(socket_path(folder, LONGEST))) < 108
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        folder.rmdir()


def test_rights_that_were_given_away_are_taken_back(tmp_path: Path) -> None:
    folder = tmp_path / "sockets"
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    make_private(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_link_or_a_file_in_its_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to("elsewhere")
    (tmp_path / "file").touch()
    for name in ("link", "file"):
        with pytest.raises(OSError, match=r"is not ours|File exists"):
            make_private(tmp_path / name)


@pytest.mark.needs("root")
def test_a_folder_of_somebody_else_is_not_used(tmp_path: Path) -> None:
    folder = tmp_path / "sockets"
    folder.mkdir()
    os.chown(folder, NOBODY, NOBODY)
    with pytest.raises(OSError, match="is not ours"):
        make_private(folder)


def test_no_place_at_all_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.plugins.socket_folder.MOST_PATH", 20)
    with pytest.raises(NoSocketFolder, match="too long"):
        make_socket_folder(tmp_path)
