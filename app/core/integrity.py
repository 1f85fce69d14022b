"""Whether a database file is sound, found out without changing it."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

LONGEST_SECONDS = 20.0
STEPS = 10_000
"""Of SQLite's machine between two looks at the clock."""


def integrity_problem(path: Path) -> str | None:
    """A sentence about what is wrong with it, None when it is sound or too large to be looked at in time. Blocks."""
    until = time.monotonic() + LONGEST_SECONDS
    # Without a log of changes nobody has it open, and SQLite needs no files beside it to read it.
    how = "mode=ro" if path.with_name(f"{path.name}-wal").exists() else "immutable=1"
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?{how}", uri=True, timeout=5)) as connection:
            connection.set_progress_handler(lambda: time.monotonic() > until, STEPS)
            (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
            return None
        return f"It cannot be opened: {error}."
    except sqlite3.DatabaseError as error:
        return f"It is damaged: {error}."
    return None if found == "ok" else f"It is damaged: {' '.join(str(found).split())}."
