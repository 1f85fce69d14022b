"""The scripts folder: what is listed, what runs, and what it says about what does not."""

import os
from pathlib import Path

import pytest

from app.core.errors import NotFound, Unavailable
from app.runs.catalog import CannotStart, ScriptCatalog


def put(folder: Path, name: str, content: bytes = b"#!/bin/sh\necho hi\n", mode: int = 0o755) -> Path:
    path = folder / name
    path.write_bytes(content)
    path.chmod(mode)
    return path


def test_lists_scripts_by_their_endings_sorted(tmp_path: Path) -> None:
    for name in ("b.sh", "a.bash", "readme.md", "noending", ".sh"):
        put(tmp_path, name)
    (tmp_path / "folder.sh").mkdir()
    os.mkfifo(tmp_path / "pipe.sh")
    (tmp_path / "link.sh").symlink_to(tmp_path / "b.sh")
    assert ScriptCatalog(tmp_path).names() == ["a.bash", "b.sh"]


@pytest.mark.fault("X01")
@pytest.mark.parametrize(
    "name",
    [
        "../outside.sh",
        "/etc/passwd",
        "a/../../outside.sh",
        "..%2foutside.sh",
        "sub/inner.sh",
        "..\\outside.sh",
        "nul\0.sh",
        "",
        ".",
        "..",
        ".sh",
        "missing.sh",
        "folder.sh",
        "pipe.sh",
        "link.sh",
        "readme.md",
        "\udcff.sh",
        "x" * 5000 + ".sh",
    ],
)
def test_runs_nothing_but_what_it_lists(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "scripts"
    (folder / "sub").mkdir(parents=True)
    put(tmp_path, "outside.sh")
    put(folder / "sub", "inner.sh")
    put(folder, "readme.md")
    (folder / "folder.sh").mkdir()
    os.mkfifo(folder / "pipe.sh")
    (folder / "link.sh").symlink_to(tmp_path / "outside.sh")
    with pytest.raises(NotFound, match="no script"):
        ScriptCatalog(folder).argv(name)


@pytest.mark.fault("X01")
def test_an_absolute_path_inside_the_folder_is_no_name(tmp_path: Path) -> None:
    path = put(tmp_path, "good.sh")
    with pytest.raises(NotFound):
        ScriptCatalog(tmp_path).argv(str(path))


@pytest.mark.fault("X04", "X05")
@pytest.mark.parametrize(
    "name", ["-n evil.sh", "--version.sh", "with space.sh", "'\"$(reboot);.sh", "line\nfeed.sh", "tab\t.sh", "🚀.sh"]
)
def test_names_are_taken_as_they_are(tmp_path: Path, name: str) -> None:
    path = put(tmp_path, name)
    catalog = ScriptCatalog(tmp_path)
    assert catalog.names() == [name]
    assert catalog.argv(name, ("-x", "$HOME")) == [str(path), "-x", "$HOME"]


@pytest.mark.fault("X04")
def test_names_that_are_no_text_are_hidden_with_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    put(tmp_path, "good.sh")
    with open(os.fsencode(tmp_path) + b"/bad\xff.sh", "wb"):
        pass
    assert ScriptCatalog(tmp_path).names() == ["good.sh"]
    assert "not UTF-8" in caplog.text


@pytest.mark.fault("X07")
def test_without_execute_bit_or_shebang_the_ending_decides(tmp_path: Path) -> None:
    catalog = ScriptCatalog(tmp_path)
    expected = {
        "direct.sh": ["{}"],
        "unmarked.sh": ["sh", "{}"],
        "unmarked.bash": ["bash", "{}"],
        "plain.sh": ["sh", "{}"],
        "plain.bash": ["bash", "{}"],
    }
    put(tmp_path, "direct.sh")
    put(tmp_path, "unmarked.sh", mode=0o644)
    put(tmp_path, "unmarked.bash", mode=0o644)
    put(tmp_path, "plain.sh", b"echo hi\n")
    put(tmp_path, "plain.bash", b"echo hi\n")
    for name, argv in expected.items():
        path = str(tmp_path / name)
        assert catalog.argv(name, ("one",)) == [*(part.format(path) for part in argv), "one"]


@pytest.mark.fault("X09")
@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b"#!/bin/sh\r\necho hi\r\n", "CRLF"),
        (b"#!/opt/no/such/interpreter -x\n", "/opt/no/such/interpreter, which this machine does not have"),
        (b"#!FOLDER/plain\n", "plain, which may not be executed"),
        (b"#!/tmp\n", "may not be executed"),
        (b"#!\necho hi\n", "names no interpreter"),
        (b"\xef\xbb\xbf#!/bin/sh\necho hi\n", "byte order mark"),
        ("#!/bin/sh\n".encode("utf-16"), "UTF-16"),
    ],
)
def test_says_why_a_file_cannot_be_executed(tmp_path: Path, content: bytes, sentence: str) -> None:
    put(tmp_path, "plain", mode=0o644)
    put(tmp_path, "odd.sh", content.replace(b"FOLDER", os.fsencode(tmp_path)))
    with pytest.raises(CannotStart, match=sentence):
        ScriptCatalog(tmp_path).argv("odd.sh")


@pytest.mark.fault("X08")
def test_a_crlf_shebang_is_told_also_without_the_execute_bit(tmp_path: Path) -> None:
    put(tmp_path, "odd.sh", b"#!/bin/sh\r\necho hi\r\n", mode=0o644)
    with pytest.raises(CannotStart, match="CRLF"):
        ScriptCatalog(tmp_path).argv("odd.sh")


@pytest.mark.fault("X09")
def test_a_large_script_is_not_read(tmp_path: Path) -> None:
    path = put(tmp_path, "large.sh")
    os.truncate(path, 100 << 20)
    assert ScriptCatalog(tmp_path).argv("large.sh") == [str(path)]


@pytest.mark.fault("X33")
def test_a_missing_folder_is_told_and_recovers(tmp_path: Path) -> None:
    catalog = ScriptCatalog(tmp_path / "scripts")
    for look in (catalog.names, catalog.scripts, lambda: catalog.argv("a.sh")):
        with pytest.raises(Unavailable, match="scripts folder"):
            look()
    (tmp_path / "elsewhere").mkdir()
    put(tmp_path / "elsewhere", "a.sh")
    (tmp_path / "scripts").symlink_to(tmp_path / "elsewhere")
    assert catalog.names() == ["a.sh"]


def test_describes_scripts(tmp_path: Path) -> None:
    put(tmp_path, "told.sh", b"#!/bin/sh\n\n##  Makes a backup. \necho hi\n")
    put(tmp_path, "untold.sh", b"#!/bin/sh\necho hi # not this\n# nor this\n", mode=0o646)
    told, untold = ScriptCatalog(tmp_path).scripts()
    assert (told.name, told.description, told.executable, told.warning) == ("told.sh", "Makes a backup.", True, None)
    assert told.size == 40
    assert told.modified_at.endswith("Z")
    assert untold.description is None
    assert not untold.executable
    assert "Every user" in (untold.warning or "")
