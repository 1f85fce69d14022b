"""One file of a plugin's folder: what is in it, and what it is refused for."""

import os
import zipfile
from pathlib import Path

import pytest

from tests.sdk.support import python, toru
from toru_plugin.packing import CannotPack, pack
from toru_plugin.testing import running

PLUGIN = """
from helper import word
from toru_plugin import Plugin
plugin = Plugin(id="made", name="Made", version="1.0")
plugin.get("/")(lambda request: word())
"""
HELPER = "import pkgutil\ndef word(): return pkgutil.get_data('helper', 'words/hello.txt').decode()\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "made"
    (folder / "words").mkdir(parents=True)
    (folder / "made.py").write_text(PLUGIN)
    (folder / "helper.py").write_text(HELPER)
    (folder / "test_made.py").write_text("def test(): pass\n")
    (folder / "README.md").write_text("# Made\n")
    (folder / ".secret").write_text("secret")
    (folder / "words" / "hello.txt").write_text("hello")
    (folder / "link.txt").symlink_to("/etc/passwd")
    return folder


def test_modules_and_data_come_along_and_nothing_else(folder: Path) -> None:
    file = pack(folder)
    assert file == folder.with_name("made.binary")
    assert file.read_bytes().startswith(b"#!/usr/bin/env python3\n")
    assert os.access(file, os.X_OK)
    names = {name for name in zipfile.ZipFile(file).namelist() if not name.startswith("toru_plugin/")}
    assert names == {"__main__.py", "__main__.pyc", "made.py", "made.pyc", "helper.py", "helper.pyc", "words/hello.txt"}
    with running(file) as p:
        assert p.get("/").text == "hello"


def test_the_same_content_makes_the_same_file(folder: Path, tmp_path: Path) -> None:
    one = pack(folder).read_bytes()
    assert pack(folder, tmp_path / "other.binary").read_bytes() == one


def test_a_python_that_did_not_pack_it_takes_the_sources(folder: Path, tmp_path: Path) -> None:
    file = pack(folder)
    other = tmp_path / "other.binary"
    with zipfile.ZipFile(file) as packed, zipfile.ZipFile(other, "w") as archive:
        for entry in packed.infolist():
            content = packed.read(entry)
            archive.writestr(entry, b"\0\0\r\n" + content[4:] if entry.filename.endswith(".pyc") else content)
    assert python(other, "--metadata").stdout.startswith('{"id": "made"')


def test_its_own_copy_of_the_library_is_the_one_that_is_packed(folder: Path) -> None:
    (folder / "toru_plugin").mkdir()
    (folder / "toru_plugin" / "__init__.py").write_text("class Plugin: ...\n")
    names = zipfile.ZipFile(pack(folder)).namelist()
    assert [name for name in names if name.startswith("toru_plugin/")] == [
        "toru_plugin/__init__.py",
        "toru_plugin/__init__.pyc",
    ]


def test_what_is_no_plugin_is_one_sentence_and_leaves_the_old_file(folder: Path, tmp_path: Path) -> None:
    before = pack(folder).read_bytes()
    (folder / "helper.py").write_text("def word(:\n")
    with pytest.raises(CannotPack, match=r"helper\.py is not Python"):
        pack(folder)
    assert folder.with_name("made.binary").read_bytes() == before
    with pytest.raises(CannotPack, match=r"There is no words\.py"):
        pack(folder / "words")
    assert python("-m", "toru_plugin", "pack", folder / "words").stderr.startswith("There is no words.py")
    assert python("-m", "toru_plugin").returncode == 2
    done = toru("plugin", "pack", "words", cwd=folder)
    assert (done.returncode, done.stderr.startswith("toru: There is no words.py")) == (1, True)
