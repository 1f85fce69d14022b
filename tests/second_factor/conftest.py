"""A server whose clock a test moves: the whole product but its pages, with real sockets, in the test process."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.second_factor import recovery
from tests.second_factor.support import MovedServer, open_moved_server
from tests.support.database import MovedClock
from tests.support.processes import ProcessWatch


@pytest.fixture
async def moved(
    tmp_path: Path,
    database_template: Path,
    clock: MovedClock,
    process_watch: ProcessWatch,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[MovedServer]:
    """A fresh one. Its recovery codes are hashed a hundred times quicker: test_recovery.py does it fully."""
    monkeypatch.setattr(recovery, "ROUNDS", recovery.ROUNDS // 100)
    folder = tmp_path / "moved"
    (folder / "scripts").mkdir(parents=True)
    (folder / "data").mkdir(mode=0o700)
    shutil.copy(database_template, folder / "data" / "toru.db")
    process_watch.keep_runner_of(folder / "data")
    async with open_moved_server(folder, clock) as server:
        yield server
