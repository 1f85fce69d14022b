"""`toru plugin new` and `toru plugin pack`: a plugin that works at once, and refusals in a sentence."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.sdk.support import SDK, toru
from toru_plugin.testing import running

BARE = {"PATH": "/usr/bin:/bin"}


def test_a_new_plugin_is_tested_packed_and_keeps_every_rule_without_anything_installed(tmp_path: Path) -> None:
    made = toru("plugin", "new", "disk-watch", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    folder = tmp_path / "disk-watch"
    assert {path.name for path in folder.iterdir()} == {
        "README.md",
        "disk_watch.py",
        "test_disk_watch.py",
        "toru_plugin",
    }
    assert "plugin_name" not in "".join(path.read_text() for path in folder.glob("*.*"))
    for command in (["-m", "toru_plugin.testing"], ["disk_watch.py"], ["-m", "toru_plugin", "pack", "."]):
        done = subprocess.run(
            [sys.executable, *command], cwd=folder, env=BARE, capture_output=True, text=True, timeout=30, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    with running(tmp_path / "disk-watch.binary") as p:
        assert "load" in p.get("/load").json()
    checked = toru("plugin", "check", "disk-watch.binary", cwd=tmp_path)
    assert checked.returncode == 0, checked.stdout


def test_it_goes_into_another_folder_and_is_packed_into_one(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "plugins").mkdir()
    assert toru("plugin", "new", "one", "--into", "there", cwd=tmp_path).returncode == 0
    done = toru("plugin", "pack", "there/one", "--into", "plugins", cwd=tmp_path)
    assert done.stdout == f"Made {tmp_path / 'plugins' / 'one.binary'}.\n"
    assert [path.name for path in (tmp_path / "plugins").iterdir()] == ["one.binary"]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("", "A name is 1 to 48 small letters"),
        ("Disk", "A name is 1 to 48 small letters"),
        ("a b", "A name is 1 to 48 small letters"),
        ("../evil", "A name is 1 to 48 small letters"),
        ("a--b", "A name is 1 to 48 small letters"),
        ("1st", "A name is 1 to 48 small letters"),
        ("é", "A name is 1 to 48 small letters"),
        ("a" * 49, "A name is 1 to 48 small letters"),
        ("route", "No plugin can be called route"),
        ("json", "json means something in Python already"),
        ("class", "class means something in Python already"),
        ("toru-plugin", "toru_plugin means something in Python already"),
        ("test-it", "A name cannot begin with test-"),
    ],
)
def test_a_bad_name_is_refused_with_a_sentence(tmp_path: Path, name: str, sentence: str) -> None:
    done = toru("plugin", "new", name, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"toru: {sentence}")
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "other").write_text("mine")
    for name in ("mine", "other"):
        done = toru("plugin", "new", name, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (1, f"toru: {tmp_path / name} is there already.\n")
    assert list((tmp_path / "mine").iterdir()) == []
    assert (tmp_path / "other").read_text() == "mine"
    done = toru("plugin", "new", "one", "--into", "nowhere", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (
        1,
        f"toru: {tmp_path}/nowhere/one cannot be made: No such file or directory.\n",
    )


def test_what_is_no_plugin_is_not_packed(tmp_path: Path) -> None:
    done = toru("plugin", "pack", "nothing", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("toru: There is no nothing.py in ")
    assert not list(tmp_path.iterdir())
    assert (SDK / "template" / "plugin_name.py").is_file()
