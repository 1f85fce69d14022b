"""Backups: made by hand and on schedule, listed, downloaded, deleted. A backup holds everything: admins only."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final

from app.audit.trail import AuditTrail
from app.backup import folder as files
from app.backup.jobs import job_for
from app.backup.maker import MADE, Maker
from app.backup.names import free_path
from app.backup.passphrase import FILE, kept_passphrase
from app.backup.schedule import next_at
from app.backup.schemas import BackupState, BackupView, Job, Made
from app.core.clock import Clock, iso
from app.core.config import Config
from app.core.errors import BadValue, ToruError, Unavailable
from app.core.permissions import Actor
from app.core.tasks import TaskKeeper
from app.settings.service import SettingsService

log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 15.0
MOST_PASSPHRASE: Final = 1024
DOWNLOADED, EXPORTED = "backup.downloaded", "backup.exported"

Watcher = Callable[[], None]


class BackupService:
    """Keeps backups.

    Args:
        settings: when, where to, with outputs or not, and how many of them are kept.
    """

    def __init__(self, config: Config, settings: SettingsService, trail: AuditTrail, clock: Clock) -> None:
        self._config = config
        self._settings = settings
        self._trail = trail
        self._clock = clock
        self._maker = Maker(settings, trail, clock, self._tell)
        self._tasks = TaskKeeper("backups")
        self._begun_at = clock.now()
        self._watchers: set[Watcher] = set()
        self._changed = asyncio.Event()
        self._unwatch: Callable[[], None] = lambda: None

    async def open(self) -> None:
        """Removes what a killed process left, and follows the schedule."""
        self._begun_at = self._clock.now()
        await asyncio.to_thread(files.remove_leftovers, self._settings.backup_folder, self._config.data_dir)
        self._unwatch = self._settings.subscribe(self._setting_changed)
        self._tasks.spawn(self._follow_schedule(), "schedule")

    async def close(self) -> None:
        """Ends the schedule, and a backup that is being made."""
        self._unwatch()
        await self._tasks.close()
        await self._maker.close()

    # -- looking

    async def state(self, actor: Actor) -> BackupState:
        """The backups, newest first, and how things stand.

        Raises:
            Unavailable: the folder cannot be read.
        """
        actor.require_admin()
        folder = self._settings.backup_folder

        def look() -> tuple[list[BackupView], str | None, bool]:
            problem = files.problem_of(folder, self._settings.usual_backup_folder)
            return files.listed(folder), problem, (self._config.data_dir / FILE).exists()

        backups, problem, encrypts = await asyncio.to_thread(look)
        due, since = self._next_at(backups), self._maker.running_since
        return BackupState(
            folder=str(folder),
            backups=tuple(backups),
            running_since=None if since is None else iso(since),
            next_at=None if due is None else iso(due),
            failure=self._maker.failure,
            encrypts=encrypts,
            problem=problem,
        )

    async def download(self, actor: Actor, name: str) -> Path:
        """The file of a backup, for somebody who takes it away.

        Raises:
            NotFound: there is no such backup.
            StepUpNeeded: the second factor was proved too long ago.
            Unavailable: it cannot be recorded.
        """
        path = await self._named(actor, name)
        await self._trail.record(actor, DOWNLOADED, name)
        return path

    async def require_download(self, actor: Actor, name: str) -> None:
        """Raises what `download` would, for a page that sends the browser there next."""
        await self._named(actor, name)

    def subscribe(self, watcher: Watcher) -> Callable[[], None]:
        """Has `watcher()` called when anything changes; returns the function that ends it."""
        self._watchers.add(watcher)
        return lambda: self._watchers.discard(watcher)

    # -- making and removing

    async def start(
        self,
        actor: Actor,
        *,
        outputs: bool | None = None,
        passphrase: str | None = None,
        target: Path | None = None,
    ) -> Path:
        """Begins a backup and returns where it will lie; `wait` tells how it went.

        Args:
            outputs: with what runs printed; as the settings say where None.
            passphrase: encrypts it; where None, the one that is kept in the data folder, if there is one.
            target: a file or folder of its own; only for commands on this machine.

        Raises:
            Conflict: one is being made already.
            StepUpNeeded: the second factor was proved too long ago.
            BadValue: the passphrase is not acceptable.
            Unavailable: the folder or the kept passphrase cannot be used.
        """
        actor.require_admin()
        actor.require_fresh_factor(self._clock.now())
        if passphrase is not None and not _is_passphrase(passphrase):
            raise BadValue(f"A passphrase is text of 1 to {MOST_PASSPHRASE} bytes.")
        return await self._start(actor, outputs, passphrase, target, scheduled=False)

    async def export(self, actor: Actor, target: Path, *, as_folder: bool) -> Path:
        """Begins to write everything in open formats, without secrets; for commands on this machine.

        Raises:
            Conflict: something is being written already.
        """
        actor.require_admin()
        self._maker.begin()
        job = self._job_for("export", target, outputs=True, as_folder=as_folder)
        return self._maker.spawn(actor, job, None, EXPORTED, {})

    async def wait(self, actor: Actor) -> Made:
        """The newest one, once it is written.

        Raises:
            Unavailable: it came to nothing, with a sentence.
        """
        actor.require_admin()
        return await self._maker.wait()

    async def delete(self, actor: Actor, name: str) -> None:
        """Removes a backup.

        Raises:
            NotFound: there is no such backup.
            StepUpNeeded: the second factor was proved too long ago.
            Unavailable: it cannot be removed, or not be recorded.
        """
        await self._maker.remove(actor, await self._named(actor, name))

    # -- within

    async def _named(self, actor: Actor, name: str) -> Path:
        """A backup, for what only a fresh second factor allows."""
        actor.require_admin()
        actor.require_fresh_factor(self._clock.now())
        return await asyncio.to_thread(files.path_of, self._settings.backup_folder, name)

    async def _start(
        self, actor: Actor, outputs: bool | None, passphrase: str | None, target: Path | None, *, scheduled: bool
    ) -> Path:
        with_outputs = self._settings.backup_outputs if outputs is None else outputs
        facts: dict[str, object] = {"outputs": with_outputs, "scheduled": scheduled}
        self._maker.begin()
        try:
            if passphrase is None:
                passphrase = await asyncio.to_thread(kept_passphrase, self._config.data_dir)
            path = await asyncio.to_thread(self._place, target, scheduled=scheduled, sealed=passphrase is not None)
        except ToruError as error:
            await self._maker.give_up(actor, error, facts)
            raise
        except BaseException:
            self._maker.running_since = None
            raise
        job = self._job_for("backup", path, outputs=with_outputs)
        return self._maker.spawn(actor, job, passphrase, MADE, {**facts, "encrypted": passphrase is not None})

    def _place(self, target: Path | None, *, scheduled: bool, sealed: bool) -> Path:
        """Where the next one lies. Blocks."""
        if target is not None and not target.is_dir():
            return target
        folder = target or self._settings.backup_folder
        if target is None:
            files.make_usable(folder, self._settings.usual_backup_folder)
        return free_path(folder, self._clock.now(), scheduled=scheduled, sealed=sealed)

    def _job_for(self, kind: str, target: Path, *, outputs: bool, as_folder: bool = False) -> Job:
        scripts, at = self._settings.scripts_dir, self._clock.now_iso()
        return job_for(self._config, kind, target, scripts, at, outputs=outputs, as_folder=as_folder)

    def _next_at(self, backups: list[BackupView]) -> datetime | None:
        return next_at(self._settings.backup_every, backups, self._maker.failed_at, self._begun_at, self._clock.now())

    async def _follow_schedule(self) -> None:
        while True:
            try:
                await self._make_if_due()
            except ToruError as error:
                log.warning("no backup on schedule: %s", error, extra={"event": "backup_not_scheduled"})
            except Exception:
                log.exception("the schedule of backups failed", extra={"event": "backup_schedule_failed"})
            self._changed.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._changed.wait()

    async def _make_if_due(self) -> None:
        if self._settings.backup_every is None or self._maker.running_since is not None:
            return
        try:
            backups = await asyncio.to_thread(files.listed, self._settings.backup_folder)
        except Unavailable:
            backups = []  # the try says what is wrong with the folder, and is told and repeated as every other
        due = self._next_at(backups)
        if due is not None and due <= self._clock.now() and self._maker.running_since is None:
            await self._start(Actor.system(), None, None, None, scheduled=True)

    def _setting_changed(self, key: str) -> None:
        if key.startswith("backup_"):
            self._changed.set()
            self._tell()

    def _tell(self) -> None:
        for watcher in list(self._watchers):
            watcher()


def _is_passphrase(text: str) -> bool:
    return text.isprintable() and 0 < len(text.encode()) <= MOST_PASSPHRASE
