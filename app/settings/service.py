"""What an admin may change while the product runs; values live in memory and take effect at once."""

import asyncio
import logging
import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from sqlmodel import Session, select

from app.audit.trail import AuditTrail
from app.core.clock import Clock
from app.core.config import Config
from app.core.database import Database
from app.core.errors import BadValue, Forbidden, NotFound
from app.core.permissions import Actor
from app.settings.catalog import (
    BACKUP,
    BACKUP_EVERY,
    BACKUP_FOLDER,
    BACKUP_KEEP,
    BACKUP_OUTPUTS,
    ENABLE_NEW_PLUGINS,
    INSTANCE_ID,
    INTERVALS,
    MAX_RUNS,
    OUTPUT_CAP,
    REQUIRE_SECOND_FACTOR,
    RETENTION,
    RUN_TIMEOUT,
    SCRIPTS_DIR,
    SETTINGS,
    Setting,
)
from app.settings.models import SettingRow
from app.settings.schemas import SettingView

log = logging.getLogger(__name__)

MAX_QUEUED = 200
MIB = 1024 * 1024

Watcher = Callable[[str], None]


class SettingsService:
    """Keeps the settings.

    Args:
        config: gives the first value of the scripts folder.
        trail: where changes are recorded.
    """

    def __init__(self, database: Database, config: Config, trail: AuditTrail, clock: Clock) -> None:
        self._database = database
        self._trail = trail
        self._clock = clock
        self._values = {
            SCRIPTS_DIR.key: str(config.scripts_dir),
            MAX_RUNS.key: "20",
            OUTPUT_CAP.key: "64",
            RUN_TIMEOUT.key: "0",
            REQUIRE_SECOND_FACTOR.key: "no",
            ENABLE_NEW_PLUGINS.key: "no",
            **{key: setting.first for key, setting in SETTINGS.items() if setting.section in (BACKUP, RETENTION)},
        }
        self._usual_backup_folder = config.data_dir / "backups"
        self._watchers: set[Watcher] = set()

    async def open(self) -> None:
        """Loads what was changed; makes the instance id at the first start."""

        def load(session: Session) -> dict[str, str]:
            if session.get(SettingRow, INSTANCE_ID.key) is None:
                session.add(SettingRow(key=INSTANCE_ID.key, value=str(uuid.uuid4())))
                session.flush()
            return {row.key: row.value for row in session.exec(select(SettingRow)) if _is_good(row)}

        self._values.update(await self._database.write(load))

    def list(self, actor: Actor) -> list[SettingView]:
        """All settings with their values. Admin only."""
        actor.require_admin()
        return [SettingView(setting, self._values[key]) for key, setting in SETTINGS.items()]

    async def put(self, actor: Actor, key: str, value: str) -> SettingView:
        """Changes one setting, at once. Admin only.

        Raises:
            NotFound: there is no such setting.
            Forbidden: it is not writable.
            StepUpNeeded: what anybody may do hangs on it, and the second factor was proved too long ago.
            BadValue: it does not take this value.
        """
        actor.require_admin()
        setting = SETTINGS.get(key)
        if setting is None:
            raise NotFound(f"There is no setting {key[:80]!r}.")
        if not setting.writable:
            raise Forbidden(f"{setting.title} cannot be changed.")
        if setting.guarded:
            actor.require_fresh_factor(self._clock.now())
        # The check may look at the disk, which a network folder can make slow.
        stored = await asyncio.to_thread(setting.check, value)

        def change(session: Session) -> None:
            row = session.get(SettingRow, key)
            old = self._values[key] if row is None else row.value
            session.merge(SettingRow(key=key, value=stored))
            if old != stored:
                self._trail.append(session, actor, "setting.changed", key, detail={"old": old, "new": stored})

        await self._database.write(change)
        self._values[key] = stored
        log.info("setting %s changed", key, extra={"event": "setting_changed", "setting": key, "by": actor.username})
        for watcher in list(self._watchers):
            watcher(key)
        return SettingView(setting, stored)

    def subscribe(self, watcher: Watcher) -> Callable[[], None]:
        """Has `watcher(key)` called after each change; returns the function that ends it."""
        self._watchers.add(watcher)
        return lambda: self._watchers.discard(watcher)

    @property
    def scripts_dir(self) -> Path:
        """The folder whose scripts may be run."""
        return Path(self._values[SCRIPTS_DIR.key])

    @property
    def max_runs(self) -> int:
        """Runs at once."""
        return int(self._values[MAX_RUNS.key])

    @property
    def max_queued(self) -> int:
        """Runs that may wait."""
        return MAX_QUEUED

    @property
    def output_cap(self) -> int:
        """Bytes of output kept of a run."""
        return int(self._values[OUTPUT_CAP.key]) * MIB

    @property
    def run_timeout(self) -> int:
        """Seconds a run may take, 0 for no limit."""
        return int(self._values[RUN_TIMEOUT.key])

    def limit(self, setting: Setting) -> int:
        """What a setting says that says how long something is kept; 0 for ever."""
        return int(self._values[setting.key])

    @property
    def require_second_factor(self) -> bool:
        """Whether everybody needs a second factor."""
        return self._values[REQUIRE_SECOND_FACTOR.key] == "yes"

    @property
    def enable_new_plugins(self) -> bool:
        """Whether plugins that nobody decided about are enabled by themselves."""
        return self._values[ENABLE_NEW_PLUGINS.key] == "yes"

    @property
    def backup_every(self) -> timedelta | None:
        """The time between two scheduled backups, None for no schedule."""
        hours = INTERVALS[self._values[BACKUP_EVERY.key]]
        return timedelta(hours=hours) if hours else None

    @property
    def backup_keep(self) -> int:
        """How many scheduled backups are kept."""
        return int(self._values[BACKUP_KEEP.key])

    @property
    def backup_outputs(self) -> bool:
        """Whether backups have what runs printed in them, unless told otherwise."""
        return self._values[BACKUP_OUTPUTS.key] == "yes"

    @property
    def usual_backup_folder(self) -> Path:
        """Where backups lie unless told otherwise; it is made when it is needed."""
        return self._usual_backup_folder

    @property
    def backup_folder(self) -> Path:
        """Where backups lie."""
        chosen = self._values[BACKUP_FOLDER.key]
        return Path(chosen) if chosen else self._usual_backup_folder

    @property
    def instance_id(self) -> str:
        """A UUID made at the first start."""
        return self._values[INSTANCE_ID.key]


def _is_good(row: SettingRow) -> bool:
    """Whether a stored value can be used; a folder that is missing now may be there again in a moment."""
    setting = SETTINGS.get(row.key)
    if setting is None or setting in (SCRIPTS_DIR, BACKUP_FOLDER):
        return setting is not None
    try:
        return setting.check(row.value) == row.value
    except BadValue as error:
        log.warning("the stored setting %s is not used: %s", row.key, error, extra={"event": "setting_unusable"})
        return False
