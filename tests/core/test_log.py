"""Log files: one JSON object a line whatever a name holds, and no line lost or torn by rotation or a full disk."""

import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.core import log as module
from app.core import rotating_file
from app.core.log import FileHandler, LogFile, TerminalLines
from tests.support.server import ROOT


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "toru.log"


@pytest.fixture
def logger(path: Path) -> Iterator[logging.Logger]:
    """A logger of its own that writes to `path`; `written` closes the file and reads it."""
    logger = logging.Logger("app.test")  # noqa: LOG001 - nobody else shall get it
    logger.addHandler(FileHandler(LogFile(path)))
    yield logger
    close(logger)


def close(logger: logging.Logger) -> None:
    for handler in logger.handlers:
        assert isinstance(handler, FileHandler)
        handler.target.close()


def written(logger: logging.Logger, path: Path) -> list[dict[str, Any]]:
    close(logger)
    return [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]


def lines_in(*paths: Path) -> list[str]:
    return [line for path in paths for line in path.read_text().splitlines()]


def test_a_line_has_the_fields_of_the_contract(logger: logging.Logger, path: Path) -> None:
    logger.warning("disk %s is full", "sda", extra={"event": "disk_full", "pid": 7})
    (line,) = written(logger, path)
    assert line.pop("timestamp").endswith("Z")
    assert line == {"level": "warn", "plugin": "toru", "message": "disk sda is full", "event": "disk_full", "pid": 7}


def test_levels_have_the_contracts_names(logger: logging.Logger, path: Path) -> None:
    for level in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL):
        logger.log(level, "x")
    assert [line["level"] for line in written(logger, path)] == ["debug", "info", "warn", "error", "error"]


def test_an_exception_stays_in_its_line(logger: logging.Logger, path: Path) -> None:
    logger.error("it failed", exc_info=ValueError("first\nsecond"))
    (line,) = written(logger, path)
    assert line["message"] == "it failed"
    assert line["error"] == "ValueError: first\nsecond"


@pytest.mark.fault("A47")
@pytest.mark.parametrize(
    "name", ['a\r\n{"level": "error"}', "\x1b[2J\x1b]0;x\x07", "a\u2028b\u2029c\x85d", "\0", "\ud800", '"}, {"', "🚀"]
)
def test_no_name_can_forge_a_line(name: str, logger: logging.Logger, path: Path) -> None:
    logger.info("user %s", name, extra={"by": name})
    raw = (written(logger, path), path.read_bytes())[1]
    assert raw.count(b"\n") == 1
    assert all(0x20 <= byte < 0x7F for byte in raw[:-1])
    line = json.loads(raw)
    assert (line["message"], line["by"], line["level"]) == (f"user {name}", name, "info")


@pytest.mark.fault("A47")
def test_the_terminal_gets_one_harmless_line() -> None:
    record = logging.LogRecord("x", logging.WARNING, "", 0, "user %s", ("a\r\nERROR: forged\x1b[2J",), None)
    assert TerminalLines().format(record) == "WARNING: user a\\r\\nERROR: forged\\x1b[2J"


def test_files_can_be_read_by_the_group_whatever_the_umask(logger: logging.Logger, path: Path, tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        target = LogFile(tmp_path / "other.log")
    finally:
        os.umask(before)
    assert target.path.stat().st_mode & 0o777 == 0o640
    target.close()


@pytest.mark.fault("O10")
def test_a_file_that_grew_is_renamed_and_five_old_ones_stay(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotating_file, "MAX_BYTES", 1000)
    target = LogFile(path)
    for number in range(700):
        target.write(f"{number:09d}")
    target.close()
    names = sorted(file.name for file in path.parent.iterdir())
    assert names == ["toru.log", *(f"toru.log.{n}" for n in range(1, 6))]
    newest_last = [path.with_name(f"toru.log.{n}") for n in range(5, 0, -1)] + [path]
    assert all(file.stat().st_size <= 1000 for file in newest_last)
    kept = lines_in(*newest_last)
    assert kept == [f"{number:09d}" for number in range(700 - len(kept), 700)]
    assert len(kept) > 500


@pytest.mark.fault("O10")
@pytest.mark.parametrize("how", ["rename", "remove", "remove the folder", "truncate"])
def test_whatever_logrotate_does_the_lines_go_on(how: str, path: Path) -> None:
    target = LogFile(path)
    target.write("before")
    drained = threading.Event()
    while path.stat().st_size == 0:
        drained.wait(0.01)
    if how == "rename":
        path.rename(path.with_name("toru.log-20261122"))
    elif how == "remove":
        path.unlink()
    elif how == "truncate":
        os.truncate(path, 0)
    else:
        path.unlink()
        path.parent.rmdir()
    target.write("after")
    target.close()
    assert lines_in(path) == ["after"]


@pytest.mark.fault("O10")
def test_ten_thousand_lines_from_four_threads_under_rotation_are_all_there(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotating_file, "MAX_BYTES", 50_000)
    monkeypatch.setattr(rotating_file, "KEPT_FILES", 20)
    target = LogFile(path)

    def write(me: int) -> None:
        for number in range(2500):
            target.write(f"{me}:{number:06d} {'x' * 20}")

    threads = [threading.Thread(target=write, args=(me,)) for me in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    target.close()
    found = lines_in(*path.parent.iterdir())
    assert sorted(found) == sorted(f"{me}:{number:06d} {'x' * 20}" for me in range(4) for number in range(2500))


@pytest.mark.fault("O11")
def test_what_does_not_fit_into_the_queue_is_counted(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "QUEUE_LINES", 3)
    hold, held = threading.Event(), threading.Event()
    append = LogFile._append

    def slow(self: LogFile, line: bytes) -> None:
        held.set()
        hold.wait(10)
        append(self, line)

    monkeypatch.setattr(LogFile, "_append", slow)
    target = LogFile(path)
    target.write("0")
    held.wait(10)
    for number in range(1, 9):
        target.write(str(number))
    hold.set()
    target.close()
    first, *rest = lines_in(path)
    assert json.loads(first)["message"].startswith("5 log lines were lost")
    assert rest == ["0", "1", "2", "3"]


def test_a_folder_that_cannot_be_written_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=r"Not a directory|File exists"):
        LogFile(tmp_path / "file" / "toru.log")


FULL_DISK = """
import json, os, sys, time
from pathlib import Path
from app.core.log import LogFile
folder = Path(sys.argv[1])
target = LogFile(folder / "toru.log")
for number in range(400):
    target.write(json.dumps({"n": number, "pad": "x" * 500}))
while not target._queue.empty():
    time.sleep(0.01)
time.sleep(0.05)  # for the line that was taken last
filler = folder / "toru.log"
lines = filler.read_bytes().split(b"\\n")
print(len(lines) - 1, lines[-1] == b"", all(json.loads(line) for line in lines[:-1]))
os.truncate(filler, 0)
target.write(json.dumps({"n": 1000}))
target.close()
print(filler.read_text())
"""


@pytest.mark.fault("O11")
@pytest.mark.needs("mounts")
def test_a_full_disk_tears_no_line_and_its_losses_are_told_when_there_is_room(tmp_path: Path) -> None:
    mount = f"mount -t tmpfs -o size=64k none {tmp_path} && exec {sys.executable} -c '{FULL_DISK}' {tmp_path}"
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", mount], cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.stderr == ""
    told, notice, last = done.stdout.split("\n")[:3]
    kept = int(told.split()[0])
    assert told.split()[1:] == ["True", "True"]
    assert 50 < kept < 400
    assert json.loads(notice)["message"] == f"{400 - kept} log lines were lost: the disk was full or too slow."
    assert json.loads(notice)["event"] == "log_lines_lost"
    assert json.loads(last) == {"n": 1000}
