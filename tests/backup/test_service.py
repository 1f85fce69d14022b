"""Making backups: by hand and on schedule, one at a time; what failed is told everywhere."""

import asyncio
import os
import stat
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from app.audit.trail import AuditTrail
from app.backup import service as service_module
from app.backup.folder import listed
from app.backup.names import COPY
from app.backup.reading import read_backup
from app.backup.schedule import AGAIN, SOON, next_at
from app.backup.schemas import BackupView
from app.backup.service import BackupService
from app.core.clock import iso, parse_iso
from app.core.config import Config, load_config
from app.core.database import Database
from app.core.errors import BadValue, Conflict, Forbidden, NotFound, StepUpNeeded, Unavailable
from app.core.permissions import Actor, Role
from app.settings.service import SettingsService
from tests.backup.support import AT, PASSPHRASE
from tests.support.database import MovedClock, recorded
from tests.support.waiting import eventually

SYSTEM = Actor.system()
CARLA = Actor("c", "carla", "Carla", Role.CLIENT)
STALE = Actor("a", "ada", "Ada", Role.ADMIN, session_id="s", has_second_factor=True)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    for name in ("scripts", "plugins", "logs"):
        (tmp_path / name).mkdir()
    folders = {"SCRIPTS": "scripts", "PLUGINS": "plugins", "LOG": "logs"}
    given = {f"TORU_{key}{'_DIR'}": str(tmp_path / name) for key, name in folders.items()}
    return load_config({"TORU_DATA_DIR": str(tmp_path), **given}, env_file=None)


@pytest.fixture
async def settings(config: Config, database: Database, clock: MovedClock) -> SettingsService:
    made = SettingsService(database, config, AuditTrail(database, clock), clock)
    await made.open()
    return made


@pytest.fixture
async def backups(
    config: Config,
    settings: SettingsService,
    database: Database,
    clock: MovedClock,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[BackupService]:
    monkeypatch.setattr(service_module, "LOOK_SECONDS", 0.02)
    made = BackupService(config, settings, AuditTrail(database, clock), clock)
    await made.open()
    yield made
    await made.close()


async def test_one_made_by_hand_is_listed_private_and_in_the_audit(
    backups: BackupService, database: Database, tmp_path: Path
) -> None:
    path = await backups.start(SYSTEM, outputs=True)
    made = await backups.wait(SYSTEM)
    assert made.path == str(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    state = await backups.state(SYSTEM)
    assert [(view.name, view.size, view.encrypted) for view in state.backups] == [(path.name, made.size, False)]
    assert (state.running_since, state.next_at, state.failure) == (None, None, None)
    facts = {"bytes": made.size, "encrypted": False, "outputs": True, "scheduled": False}
    assert await recorded(database, "backup.made") == [("system", path.name, facts)]
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


async def test_the_database_is_not_held_up_and_its_copy_is_sound(
    backups: BackupService, database: Database, clock: MovedClock
) -> None:
    """Rows are written all the while; the copy has a beginning of them, without a gap."""
    trail, stop = AuditTrail(database, clock), asyncio.Event()

    async def write() -> int:
        count = 0
        while not stop.is_set():
            await trail.record(SYSTEM, "test.row", str(count))
            count += 1
        return count

    writing = asyncio.create_task(write())
    path = await backups.start(SYSTEM)
    await backups.wait(SYSTEM)
    stop.set()
    assert await writing > 0
    contents = await asyncio.to_thread(read_backup, path, None)
    assert contents.tops["data"] == ("toru.db",)


async def test_two_at_once_are_one(backups: BackupService) -> None:
    await backups.start(SYSTEM)
    with pytest.raises(Conflict, match="is being made already"):
        await backups.start(SYSTEM)
    await backups.wait(SYSTEM)
    assert len((await backups.state(SYSTEM)).backups) == 1


@pytest.mark.parametrize("what", ["state", "start", "download", "delete", "export", "wait"])
async def test_only_admins(what: str, backups: BackupService, tmp_path: Path) -> None:
    calls: dict[str, Callable[[Actor], Awaitable[object]]] = {
        "state": backups.state,
        "start": backups.start,
        "wait": backups.wait,
        "download": lambda actor: backups.download(actor, "x"),
        "delete": lambda actor: backups.delete(actor, "x"),
        "export": lambda actor: backups.export(actor, tmp_path / "x", as_folder=True),
    }
    with pytest.raises(Forbidden):
        await calls[what](CARLA)


async def test_whoever_has_a_second_factor_proves_it_first(backups: BackupService) -> None:
    for call in (backups.start(STALE), backups.download(STALE, "x"), backups.delete(STALE, "x")):
        with pytest.raises(StepUpNeeded):
            await call


@pytest.mark.parametrize("name", ["x", "../toru.db", "toru.db", "toru-20261123T080000Z.tar.gz", "", "a" * 300])
async def test_what_is_no_backup_is_not_there(name: str, backups: BackupService) -> None:
    for call in (backups.download(SYSTEM, name), backups.delete(SYSTEM, name)):
        with pytest.raises(NotFound):
            await call


async def test_deleted_and_downloaded_ones_are_in_the_audit(backups: BackupService, database: Database) -> None:
    path = await backups.start(SYSTEM)
    await backups.wait(SYSTEM)
    assert await backups.download(SYSTEM, path.name) == path
    await backups.delete(SYSTEM, path.name)
    assert not path.exists()
    assert [target for _, target, _ in await recorded(database, "backup.downloaded")] == [path.name]
    assert [target for _, target, _ in await recorded(database, "backup.deleted")] == [path.name]


@pytest.mark.parametrize("passphrase", ["", "x" * 1025, "a\nb", "\udc80"])
async def test_a_passphrase_must_be_text(passphrase: str, backups: BackupService) -> None:
    with pytest.raises(BadValue, match="A passphrase is text of 1 to 1024 bytes"):
        await backups.start(SYSTEM, passphrase=passphrase)
    assert (await backups.state(SYSTEM)).running_since is None


async def test_the_passphrase_that_is_kept_encrypts(backups: BackupService, tmp_path: Path) -> None:
    (tmp_path / "backup-passphrase").write_text(f"{PASSPHRASE}\n")
    (tmp_path / "backup-passphrase").chmod(0o600)
    assert (await backups.state(SYSTEM)).encrypts
    path = await backups.start(SYSTEM)
    await backups.wait(SYSTEM)
    assert path.name.endswith(".tar.gz.enc")
    contents = await asyncio.to_thread(read_backup, path, PASSPHRASE)
    assert contents.tops["data"] == ("toru.db",)


@pytest.mark.parametrize(("mode", "content"), [(0o644, "words"), (0o600, ""), (0o600, "x" * 2000)])
async def test_a_kept_passphrase_that_cannot_be_used_makes_no_backup_in_clear(
    mode: int, content: str, backups: BackupService, tmp_path: Path
) -> None:
    (tmp_path / "backup-passphrase").write_text(content)
    (tmp_path / "backup-passphrase").chmod(mode)
    with pytest.raises(Unavailable, match="backup-passphrase must"):
        await backups.start(SYSTEM)
    state = await backups.state(SYSTEM)
    assert (state.backups, state.running_since) == ((), None)
    assert state.failure is not None


async def test_what_failed_is_told_and_the_next_that_works_takes_it_back(
    backups: BackupService, database: Database, config: Config
) -> None:
    hidden = config.data_dir / "hidden.db"
    (config.data_dir / "toru.db").rename(hidden)  # the core has it open; whoever copies it does not
    await backups.start(SYSTEM)
    with pytest.raises(Unavailable, match="There is no database in"):
        await backups.wait(SYSTEM)
    hidden.rename(config.data_dir / "toru.db")
    state = await backups.state(SYSTEM)
    assert state.failure is not None
    assert "There is no database in" in state.failure.reason
    [(_, _, facts)] = await recorded(database, "backup.made")
    assert facts["reason"] == state.failure.reason
    await backups.start(SYSTEM)
    await backups.wait(SYSTEM)
    assert (await backups.state(SYSTEM)).failure is None


async def test_closing_ends_what_is_being_made_and_leaves_nothing(
    backups: BackupService, config: Config, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "scripts" / "never")  # is left out: nobody waits for whoever writes into it
    await backups.start(SYSTEM)
    await backups.close()
    left = [path.name for path in (config.data_dir / "backups").iterdir()]
    assert not [name for name in left if ".part" in name]


async def test_leftovers_of_a_killed_process_go_at_the_start(
    config: Config, settings: SettingsService, database: Database, clock: MovedClock
) -> None:
    folder = config.data_dir / "backups"
    folder.mkdir()
    for name in ("toru-20261123T080000Z.tar.gz.part", "toru-20261123T080000Z.tar.gz.part.db", "mine.part"):
        (folder / name).touch()
    (config.data_dir / COPY).touch()
    service = BackupService(config, settings, AuditTrail(database, clock), clock)
    await service.open()
    await service.close()
    assert [path.name for path in folder.iterdir()] == ["mine.part"]
    assert not (config.data_dir / COPY).exists()


async def test_on_schedule_and_only_so_many_are_kept(
    backups: BackupService, settings: SettingsService, clock: MovedClock, config: Config
) -> None:
    path = await backups.start(SYSTEM)  # by hand: it stays
    await backups.wait(SYSTEM)
    await settings.put(SYSTEM, "backup_keep", "2")
    await settings.put(SYSTEM, "backup_every", "6h")
    seen: set[str] = set()

    async def there_are(count: int) -> bool:
        state = await backups.state(SYSTEM)
        seen.update(view.name for view in state.backups if view.scheduled)
        return len(seen) == count and state.running_since is None

    for count in (1, 2, 3):
        clock.move(hours=7)
        await eventually(partial(there_are, count), 50)
    await eventually(lambda: len(list((config.data_dir / "backups").glob("toru-scheduled-*"))) == 2)
    assert path.exists()


async def test_a_folder_that_is_gone_is_told_and_never_made(
    backups: BackupService, settings: SettingsService, tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    await settings.put(SYSTEM, "backup_folder", str(disk))
    disk.rmdir()
    with pytest.raises(Unavailable, match="Is its disk there"):
        await backups.start(SYSTEM)
    assert not disk.exists()
    assert "Is its disk there" in str((await backups.state(SYSTEM)).problem)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("backup_every", "3h"),
        ("backup_keep", "0"),
        ("backup_outputs", "maybe"),
        ("backup_folder", "relative"),
        ("backup_folder", "/nowhere/at/all"),
        ("backup_folder", "/" + "a" * 5000),
    ],
)
async def test_settings_that_make_no_sense_are_refused(key: str, value: str, settings: SettingsService) -> None:
    with pytest.raises(BadValue):
        await settings.put(SYSTEM, key, value)


NOW = parse_iso("2026-11-23T12:00:00.000Z")


def view(at: str, *, scheduled: bool = True) -> BackupView:
    return BackupView("x", at, 1, scheduled, False)


def test_when_the_next_one_is_due() -> None:
    day = timedelta(days=1)
    assert next_at(None, [], None, NOW, NOW) is None
    assert next_at(day, [], None, NOW, NOW) == NOW + SOON
    assert next_at(day, [view(AT)], None, NOW, NOW) == parse_iso(AT) + day
    assert next_at(day, [view(AT, scheduled=False)], None, NOW, NOW) == NOW + SOON
    assert next_at(day, [view(iso(NOW - 3 * day))], None, NOW, NOW) == NOW + SOON, "overdue: soon after the start"
    assert next_at(day, [], NOW, NOW, NOW) == NOW + AGAIN, "after a failure"
    future = view(iso(NOW + 900 * day))
    assert next_at(day, [future, view(AT)], None, NOW, NOW) == parse_iso(AT) + day, "made while the clock was wrong"


async def test_a_folder_that_cannot_be_looked_into_is_a_failure_as_others_and_told_once_an_hour(
    backups: BackupService, settings: SettingsService, clock: MovedClock, tmp_path: Path, database: Database
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    await settings.put(SYSTEM, "backup_folder", str(folder))
    folder.rmdir()
    folder.touch()  # not even an administrator can list that
    await settings.put(SYSTEM, "backup_every", "6h")
    for tries in (1, 2):
        clock.move(hours=2)
        await settings.put(SYSTEM, "backup_keep", str(tries))  # looks at once

        async def failed(tries: int = tries) -> bool:
            return len(await recorded(database, "backup.made")) == tries

        await eventually(failed)


def test_the_others_are_listed_while_some_come_and_go(tmp_path: Path) -> None:
    stays = tmp_path / "toru-20260101T000000Z.tar.gz"
    stays.touch()
    done = threading.Event()

    def come_and_go() -> None:
        while not done.is_set():
            for number in range(60):
                (tmp_path / f"toru-20260102T0000{number:02}Z.tar.gz").touch()
            for number in range(60):
                (tmp_path / f"toru-20260102T0000{number:02}Z.tar.gz").unlink()

    with ThreadPoolExecutor() as beside:
        coming = beside.submit(come_and_go)
        try:
            for _ in range(300):
                assert stays.name in {backup.name for backup in listed(tmp_path)}
        finally:
            done.set()
        coming.result()
