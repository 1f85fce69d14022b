"""A journal as the runner writes it, and services of their own on a real database with a real runner."""

import asyncio
import contextlib
import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from app.actions.service import ActionsService
from app.audit.trail import AuditTrail
from app.core.clock import Clock
from app.core.config import Config, load_config
from app.core.database import Database
from app.core.permissions import Actor, Role
from app.runner.journal import Journal
from app.runs.schemas import Chunk, Ended, Lines, RunView, Skipped
from app.runs.service import RunsService
from app.settings.service import SettingsService

ADMIN = Actor(None, "admin", "Administrator", Role.ADMIN)
CARLA = Actor("c" * 32, "carla", "Carla", Role.CLIENT)
DORA = Actor("d" * 32, "dora", "Dora", Role.CLIENT)

CAP = 64 << 20

Entry = tuple[int, bytes]


def write_journal(folder: Path, entries: Iterable[Entry], *, cap: int = CAP, status: int | None = 0) -> Journal:
    """A journal with these (stream, bytes), ended unless `status` is None."""
    journal = Journal(str(folder), cap)
    for stream, data in entries:
        journal.append(stream, data)
    if status is not None:
        journal.end(status)
    journal.close()
    return journal


@pytest.fixture
def separate_records(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each write gets a record of its own, as if it came 20 ms after the one before."""
    monkeypatch.setattr("app.runner.journal.MERGE_NS", 0)


def told(lines: Iterable[Lines | Skipped]) -> list[tuple[str, bytes, int]]:
    """(stream, line, position after it) of each line; what was skipped as ("skipped", count, position)."""
    found = []
    for part in lines:
        if isinstance(part, Skipped):
            found.append(("skipped", b"%d" % part.count, part.offset))
            continue
        name = "stderr" if part.stderr else "stdout"
        if part.end is not None:
            found.append((name, part.data, part.end))
            continue
        position = part.start
        for line in part.data.split(b"\n"):
            position += len(line) + 1
            found.append((name, line, position))
    return found


@dataclass
class Product:
    """Services on a folder of their own."""

    config: Config
    database: Database
    trail: AuditTrail
    settings: SettingsService
    actions: ActionsService
    runs: RunsService
    clock: Clock

    def script(self, name: str, text: str, mode: int = 0o755) -> str:
        """Writes a script; `#!/bin/sh` stands before it unless it brings a first line of its own."""
        path = self.config.scripts_dir / name
        path.write_text(text if text.startswith("#!") else f"#!/bin/sh\n{text}\n")
        path.chmod(mode)
        return name

    async def ended(self, run: RunView, seconds: float = 20) -> RunView:
        """The run, once it has ended."""
        async with asyncio.timeout(seconds):
            return await self.runs.wait_end(ADMIN, run.id)

    async def output(self, run: RunView, offset: int = 0, seconds: float = 30) -> bytes:
        """All of a run's output from `offset` on, once it has ended."""
        found = bytearray()
        async with asyncio.timeout(seconds):
            async for event in self.runs.follow(ADMIN, run.id, offset):
                if isinstance(event, Chunk):
                    found += event.data
                elif isinstance(event, Ended):
                    break
        return bytes(found)

    async def until_output(self, run: RunView, text: bytes, seconds: float = 10) -> bytes:
        """Waits until a run has written `text`; what it wrote so far."""
        found = bytearray()
        async with asyncio.timeout(seconds):
            async for event in self.runs.follow(ADMIN, run.id):
                if isinstance(event, Chunk):
                    found += event.data
                if text in found or isinstance(event, Ended):
                    break
        assert text in found
        return bytes(found)

    async def until_state(self, run: RunView, wanted: Callable[[RunView], bool], seconds: float = 10) -> RunView:
        """Waits until a run is as wanted."""
        reached = asyncio.Event()
        end = self.runs.subscribe(lambda view: reached.set() if view.id == run.id else None)
        try:
            async with asyncio.timeout(seconds):
                while not wanted(view := await self.runs.get(ADMIN, run.id)):
                    reached.clear()
                    await reached.wait()
                return view
        finally:
            end()

    async def restart(self) -> None:
        """Another RunsService on the same folder, after the first one was closed; the runner goes on."""
        await self.runs.close()
        self.runs = _runs(self.database, self.trail, self.settings, self.actions, self.config)
        await self.runs.open()


def _runs(
    database: Database,
    trail: AuditTrail,
    settings: SettingsService,
    actions: ActionsService,
    config: Config,
    clock: Clock | None = None,
) -> RunsService:
    return RunsService(database, settings, actions, config, clock or Clock(), trail, ("--idle-exit", "0.2"))


@asynccontextmanager
async def open_product(folder: Path, database_template: Path, clock: Clock | None = None) -> AsyncIterator[Product]:
    """Opens services below a folder, with a copy of an empty database; at the end whatever still runs is cancelled."""
    scripts = folder / "scripts"
    await asyncio.to_thread(scripts.mkdir, parents=True, exist_ok=True)
    config = load_config(
        {
            "ADMIN_PASSWORD": "Correct-Horse-7",
            "TORU_DATA_DIR": str(folder / "data"),
            "TORU_SCRIPTS_DIR": str(scripts),
        },
        env_file=None,
    )
    await asyncio.to_thread(os.makedirs, config.data_dir, 0o700, True)
    path = config.data_dir / "toru.db"
    await asyncio.to_thread(shutil.copyfile, database_template, path)
    database = Database(path)
    await database.open()
    clock = clock or Clock()
    trail = AuditTrail(database, clock)
    settings = SettingsService(database, config, trail, clock)
    await settings.open()
    actions = ActionsService(database, Clock(), trail)
    runs = _runs(database, trail, settings, actions, config, clock)
    product = Product(config, database, trail, settings, actions, runs, clock)
    await product.runs.open()
    try:
        yield product
        await _end_everything(product)
    finally:
        await product.runs.close()
        await database.close()


async def _end_everything(product: Product) -> None:
    for state in ("queued", "running"):
        page = await product.runs.list(ADMIN, limit=200)
        for run in page.items:
            if run.state.value == state:
                await product.runs.cancel(ADMIN, run.id)
    for run in (await product.runs.list(ADMIN, limit=200)).items:
        await product.ended(run)


def processes_of(run_id: str) -> list[psutil.Process]:
    """The living processes that carry a run's marker."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get("TORU_RUN_ID") == run_id and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found
