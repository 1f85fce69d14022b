"""The newest problem that a log tells of."""

import json
from pathlib import Path

from app.core.last_problem import LOOKED_AT, last_problem


def line(level: str, message: str, **more: str) -> str:
    return json.dumps({"timestamp": "2030-01-01T00:00:00.000Z", "level": level, "message": message, **more}) + "\n"


def test_the_newest_warning_or_error_is_found(tmp_path: Path) -> None:
    path = tmp_path / "toru.log"
    assert last_problem(path) is None
    path.write_text(line("info", "fine") * 10)
    assert last_problem(path) is None
    path.write_text(
        "cut off}\n" + line("error", "old") + line("warn", "new") + line("warn", "x", event="old_sqlite") + "[]\n"
    )
    assert last_problem(path) == {"timestamp": "2030-01-01T00:00:00.000Z", "level": "warn", "message": "new"}


def test_of_a_long_log_the_end_is_read(tmp_path: Path) -> None:
    path = tmp_path / "toru.log"
    path.write_text(line("error", "long ago") + line("info", "x" * 1000) * (LOOKED_AT // 1000 + 1))
    assert last_problem(path) is None
