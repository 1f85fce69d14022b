"""Reading logs: newest first over all files, a page at a time, by level and text, whatever lies in them."""

import json
from pathlib import Path

import pytest

from app.core.errors import BadValue, Unavailable
from app.plugins import log_reader
from app.plugins.log_lines import LEVELS, LogEntry, LogFilter, log_filter
from app.plugins.log_reader import read_page

ALL = LogFilter()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "hello.log"


def line(message: str, level: str = "info", **fields: object) -> bytes:
    return json.dumps({"timestamp": "t", "level": level, "message": message, **fields}).encode() + b"\n"


def fill(path: Path, first: int, last: int) -> None:
    path.write_bytes(b"".join(line(str(number)) for number in range(first, last)))


def told(entries: list[LogEntry]) -> list[str]:
    return [entry.message for entry in entries]


def test_pages_are_newest_first_and_go_on_into_older_files(path: Path) -> None:
    fill(path, 20, 25)
    fill(path.with_name("hello.log.1"), 10, 20)
    fill(path.with_name("hello.log.2"), 0, 10)
    assert told(read_page(path, "hello", 0, 10, ALL)) == [str(number) for number in range(24, 14, -1)]
    assert told(read_page(path, "hello", 1, 10, ALL)) == [str(number) for number in range(14, 4, -1)]
    assert told(read_page(path, "hello", 2, 10, ALL)) == [str(number) for number in range(4, -1, -1)]
    assert read_page(path, "hello", 3, 10, ALL) == []


def test_a_plugin_that_never_printed_has_an_empty_log(path: Path) -> None:
    assert read_page(path, "hello", 0, 100, ALL) == []


@pytest.mark.parametrize("block", [1, 7, 64, 64 * 1024])
def test_lines_are_found_wherever_blocks_end(block: int, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_reader, "BLOCK", block)
    texts = ["a", "b" * 300, "", "ü€🚀", "c"]
    path.write_bytes(b"\n" + b"".join(line(text) for text in texts) + b"\n")
    assert told(read_page(path, "hello", 0, 100, ALL)) == texts[::-1]


def test_what_is_no_log_line_is_left_out(path: Path) -> None:
    garbage = [b"text\n", b"{}\n", b"[1]\n", b"\xff\xfe\n", b'{"timestamp":"t","level":"info"}\n', b"\0" * 50 + b"\n"]
    path.write_bytes(line("1") + b"".join(garbage) + line("2") + b'{"timestamp":"t","level":"info","mess')
    assert told(read_page(path, "hello", 0, 100, ALL)) == ["2", "1"]


def test_a_line_without_an_end_is_not_kept_in_memory(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_reader, "MAX_LINE", 200_000)
    path.write_bytes(line("1") + b"x" * 3_000_000 + b"\n" + line("2"))
    assert told(read_page(path, "hello", 0, 100, ALL)) == ["2", "1"]


def test_the_levels_of_foreign_formats_are_ours_and_odd_fields_do_no_harm(path: Path) -> None:
    levels = ["TRACE", "Debug", "warning", "CRITICAL", "fatal", "notice", " error "]
    odd = line("x", pid="7", error={"a": 1}, plugin="other") + line("y", pid=True, error=None)
    path.write_bytes(b"".join(line("m", level) for level in levels) + odd)
    y, x, *entries = read_page(path, "hello", 0, 100, ALL)
    assert [entry.level for entry in entries[::-1]] == ["trace", "debug", "warn", "error", "error", "info", "error"]
    assert x == LogEntry("t", "info", "hello", "x", error='{"a": 1}')
    assert y == LogEntry("t", "info", "hello", "y")


@pytest.mark.parametrize("level", ["warn", "WARN", "Warning", " warn "])
def test_a_level_means_at_least(level: str, path: Path) -> None:
    path.write_bytes(b"".join(line(name, name) for name in LEVELS))
    assert told(read_page(path, "hello", 0, 100, log_filter(level, None))) == ["error", "warn"]


@pytest.mark.parametrize("level", [None, "", "trace"])
def test_without_a_level_everything_is_shown(level: str | None, path: Path) -> None:
    path.write_bytes(b"".join(line(name, name) for name in LEVELS))
    assert len(read_page(path, "hello", 0, 100, log_filter(level, None))) == len(LEVELS)


def test_a_level_that_there_is_not_is_refused() -> None:
    with pytest.raises(BadValue, match="trace, debug, info, warn, error"):
        log_filter("loud", None)


def test_a_search_looks_into_message_and_error_and_pages_count_what_is_found(path: Path) -> None:
    path.write_bytes(line("Disk FULL") + line("fine") + line("x", error="disk full") + line("disk fine", full="full"))
    wanted = log_filter(None, "disk full")
    assert told(read_page(path, "hello", 0, 100, wanted)) == ["x", "Disk FULL"]
    assert told(read_page(path, "hello", 1, 1, wanted)) == ["Disk FULL"]


def test_a_file_that_moves_on_while_we_look_is_not_read_twice(path: Path) -> None:
    fill(path, 0, 3)
    path.with_name("hello.log.1").hardlink_to(path)
    assert told(read_page(path, "hello", 0, 100, ALL)) == ["2", "1", "0"]


def test_a_log_that_cannot_be_read_is_told(path: Path) -> None:
    path.mkdir()
    with pytest.raises(Unavailable, match="The log cannot be read: Is a directory"):
        read_page(path, "hello", 0, 100, ALL)
