"""The file that says which plugins are enabled: read whatever stands in it, written whole or not at all."""

import json
from pathlib import Path

import pytest

from app.plugins.enabled import Choice, EnabledPlugins


def file_of(folder: Path, text: str | bytes) -> Path:
    path = folder / ".metadata" / "config.json"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def loaded(folder: Path) -> EnabledPlugins:
    enabled = EnabledPlugins(folder)
    enabled.load()
    return enabled


def test_what_is_decided_is_there_at_the_next_start(tmp_path: Path) -> None:
    enabled = loaded(tmp_path)
    assert enabled.is_enabled("a") is None
    enabled.put("a", True)
    enabled.put("b", False, "It crashed too often.")
    for one in (enabled, loaded(tmp_path)):
        assert (one.is_enabled("a"), one.is_enabled("b"), one.is_enabled("c")) == (True, False, None)
        assert (one.reason("a"), one.reason("b")) == (None, "It crashed too often.")
    enabled.put("b", True)
    assert json.loads((tmp_path / ".metadata" / "config.json").read_text()) == {"plugins": {"a": True, "b": True}}


@pytest.mark.parametrize(
    "text",
    ["", "no JSON", "[]", "5", '{"plugins": 5}', '{"plugins": {"a": 1, "b": "true"}}', b"\xff\xfe", "[" * 100_000],
    ids=["empty", "text", "list", "number", "plugins", "values", "bytes", "deep"],
)
def test_what_is_no_decision_says_nothing(tmp_path: Path, text: str | bytes) -> None:
    file_of(tmp_path, text)
    enabled = loaded(tmp_path)
    assert (enabled.is_enabled("a"), enabled.is_enabled("b"), enabled.reason("a")) == (None, None, None)
    enabled.put("a", True)
    assert loaded(tmp_path).is_enabled("a") is True


def test_what_else_stands_in_the_file_stays(tmp_path: Path) -> None:
    path = file_of(tmp_path, '{"version": 3, "plugins": {"old": true}}')
    enabled = loaded(tmp_path)
    # Written by somebody else after we read it.
    path.write_text('{"version": 4, "plugins": {"old": true, "newer": true}}')
    enabled.put("a", True)
    assert json.loads(path.read_text()) == {"version": 4, "plugins": {"a": True, "newer": True, "old": True}}


def test_a_write_that_fails_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    enabled = loaded(tmp_path)
    enabled.put("a", True)
    path = tmp_path / ".metadata" / "config.json"
    before = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        enabled.put("a", False)
    assert path.read_bytes() == before
    assert enabled.is_enabled("a") is True
    assert [one.name for one in path.parent.iterdir()] == ["config.json"]


def test_which_file_was_meant_is_kept_beside_the_decision(tmp_path: Path) -> None:
    path = file_of(tmp_path, '{"plugins": {"a": true, "b": true, "c": false}}')
    enabled = loaded(tmp_path)
    assert enabled.choice == Choice(frozenset({"a", "b"}), {})
    (tmp_path / "a-1.binary").touch()
    enabled.remember("a", "a-0.binary")
    enabled.remember("a", "a-1.binary")
    enabled.remember("a", "a-2.binary")
    enabled.put("b", True, file="b\udce9.binary")
    enabled.put("b", False)
    assert loaded(tmp_path).choice.files == {"a": "a-1.binary", "b": "b\udce9.binary"}
    assert json.loads(path.read_text())["plugins"] == {"a": True, "b": False, "c": False}
    enabled.put("a", True, file="a-2.binary")
    assert loaded(tmp_path).choice.files["a"] == "a-2.binary"
    for text in ('{"files": 5}', '{"files": {"a": 5}}', '{"plugins": {"a": 1}}'):
        path.write_text(text)
        assert loaded(tmp_path).choice == Choice(frozenset(), {})
