"""For tests of backups: a deployment with something in it."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from app.runner.journal import RECORD, out_name, seg_name
from tests.backup.support import AT, Place

RUN = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def place(tmp_path: Path, database_template: Path) -> Place:
    """A database with a user and a run, its output, a key, a plugin, a script; and what has no place in a backup."""
    made = Place(tmp_path / "machine")
    (made.folder / "logs").mkdir(parents=True)
    made.data.mkdir(mode=0o700)
    shutil.copy(database_template, made.data / "toru.db")
    with closing(sqlite3.connect(made.data / "toru.db")) as database, database:
        database.execute(
            "INSERT INTO users VALUES ('u1', 'carla', 'carla', 'Carla', '$argon2id$hash-of-carla', 1, ?)", (AT,)
        )
        database.execute(
            "INSERT INTO runs (id, script, args, tty, cols, rows, time_limit, state, truncated, size, username,"
            " requester, boot_id, created_at) VALUES (?, 'a.sh', '[]', 0, 80, 24, 0, 'succeeded', 0, 6, 'carla',"
            " 'u1', 'b', ?)",
            (RUN, AT),
        )
        database.execute("INSERT INTO settings VALUES ('instance_id', '6f9619ff-8b86-4d01-b42d-00c04fc964ff')")
    made.write(f"data/runs/{RUN}/{out_name(0)}", b"hello\nnot covered")
    made.write(f"data/runs/{RUN}/{seg_name(0)}", RECORD.pack(0, 1, 6, 0, 0))
    made.write(f"data/runs/{RUN}/reserve", bytes(4096))
    made.write("data/runs/ffff/00000000000000000000.out", b"of a run that nobody knows")
    made.write("data/second-factor.key", bytes(range(32)), 0o600)
    made.write("data/backup-passphrase", "kept words\n", 0o600)
    made.write("plugins/hello.binary", b"#!/bin/sh\n", 0o755)
    made.write("plugins/.metadata/config.json", '{"plugins": {"hello": true}}')
    made.write("plugins/hello/bundle.js", "1")
    made.write("scripts/a.sh", "#!/bin/sh\necho hello\n", 0o755)
    (made.folder / "scripts" / "link.sh").symlink_to("/etc/passwd")
    return made
