"""The newest problem that a log file tells of."""

import json
import os
from pathlib import Path

LOOKED_AT = 256 << 10
"""Bytes at the end of the file that are read."""

PROBLEMS = ("warn", "error")
OF_EVERY_START = ("old_sqlite",)
"""Events that tell what this machine is, at each start: nothing has happened."""


def last_problem(path: Path) -> dict[str, str] | None:
    """Its `timestamp`, `level` and `message`; None where the end of the file tells of none. Blocks."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - LOOKED_AT))
            lines = file.read(LOOKED_AT).splitlines()
    except OSError:
        return None
    for line in reversed(lines):
        try:
            entry = json.loads(line)
        except ValueError:  # the first one is cut off
            continue
        if not isinstance(entry, dict) or entry.get("event") in OF_EVERY_START:
            continue
        if entry.get("level") in PROBLEMS:
            return {name: str(entry.get(name, "")) for name in ("timestamp", "level", "message")}
    return None
