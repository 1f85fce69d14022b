"""Making backups, one at a time: begun, written by a child, recorded, the superfluous removed."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

from app.audit.trail import AuditTrail, Outcome
from app.backup import folder as files
from app.backup.child import make_in_child
from app.backup.names import COPY, PART
from app.backup.schemas import Failure, Job, Made
from app.core.clock import Clock, iso
from app.core.errors import Conflict, ToruError, Unavailable
from app.core.permissions import Actor
from app.core.tasks import TaskKeeper
from app.settings.service import SettingsService

log = logging.getLogger(__name__)

BUSY: Final = "A backup is being made already. Try again when it is done."
MADE, DELETED = "backup.made", "backup.deleted"

Facts = Mapping[str, object]


class Maker:
    """Has the one place in which something may be written.

    Args:
        tell: called when anything changes.
    """

    def __init__(self, settings: SettingsService, trail: AuditTrail, clock: Clock, tell: Callable[[], None]) -> None:
        self.running_since: datetime | None = None
        self.failure: Failure | None = None
        self.failed_at: datetime | None = None
        self._settings = settings
        self._trail = trail
        self._clock = clock
        self._tell = tell
        self._tasks = TaskKeeper("backup")
        self._job: asyncio.Task[Made] | None = None

    async def close(self) -> None:
        """Ends what is being written; nothing is left of it."""
        await self._tasks.close()

    def begin(self) -> None:
        """Takes the place. Raises Conflict."""
        if self.running_since is not None:
            raise Conflict(BUSY)
        self.running_since = self._clock.now()
        self._tell()

    async def give_up(self, actor: Actor, error: ToruError, facts: Facts) -> None:
        """That it came to nothing before anything was written."""
        self.running_since = None
        await self._failed(actor, MADE, "", str(error), facts)

    def spawn(self, actor: Actor, job: Job, passphrase: str | None, what: str, facts: Facts) -> Path:
        """Has it written; `wait` tells how it went, and so do the log, the audit and the state."""
        self._job = self._tasks.start(self._make(actor, job, passphrase, what, facts), job.kind)
        self._job.add_done_callback(lambda task: None if task.cancelled() else task.exception())
        return Path(job.target)

    async def wait(self) -> Made:
        """The newest one, once it is written. Raises Unavailable."""
        if self._job is None:
            raise Unavailable("No backup is being made.")
        return await asyncio.shield(self._job)

    async def remove(self, actor: Actor, path: Path) -> None:
        """Removes a backup, recorded before. Raises Unavailable."""
        await self._trail.record(actor, DELETED, path.name)
        try:
            await asyncio.to_thread(path.unlink, missing_ok=True)
        except OSError as error:
            reason = f"{path} cannot be removed: {error.strerror}."
            await self._trail.try_record(actor, DELETED, path.name, Outcome.FAILED, {"reason": reason})
            raise Unavailable(reason) from None
        self._tell()

    async def _make(self, actor: Actor, job: Job, passphrase: str | None, what: str, facts: Facts) -> Made:
        target = Path(job.target)
        try:
            made = await make_in_child(job, passphrase)
        except Unavailable as error:
            self.running_since = None
            await self._failed(actor, what, target.name, str(error), facts)
            raise
        finally:
            self.running_since = None
            await asyncio.shield(asyncio.to_thread(_remove_parts, target, Path(job.data_dir)))
        self.failure = self.failed_at = None
        await self._trail.try_record(actor, what, target.name, detail={**facts, "bytes": made.size})
        log.info("%s written, %s bytes", job.kind, made.size, extra={"event": f"{job.kind}_made", "path": made.path})
        await self._prune()
        self._tell()
        return made

    async def _failed(self, actor: Actor, what: str, name: str, reason: str, facts: Facts) -> None:
        self.failed_at = self._clock.now()
        self.failure = Failure(iso(self.failed_at), reason)
        log.warning("a backup failed: %s", reason, extra={"event": "backup_failed"})
        await self._trail.try_record(actor, what, name, Outcome.FAILED, {**facts, "reason": reason})
        self._tell()

    async def _prune(self) -> None:
        """Removes the oldest of those that the schedule made."""
        folder = self._settings.backup_folder
        try:
            backups = await asyncio.to_thread(files.listed, folder)
            for view in files.superfluous(backups, self._settings.backup_keep):
                await self.remove(Actor.system(), folder / view.name)
        except ToruError as error:
            log.warning("old backups stay: %s", error, extra={"event": "backup_not_pruned"})


def _remove_parts(target: Path, data_dir: Path) -> None:
    """What a process that was killed left beside the target, and in the data folder."""
    part = target.with_name(target.name + PART)
    for path in (part, part.with_name(f"{part.name}.db"), data_dir / COPY):
        if path.is_file():
            path.unlink(missing_ok=True)
