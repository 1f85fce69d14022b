"""The licence keys that an admin stored, one a plugin, and whether each can be good; what has run out stays stored.

The core checks what it can: the form, the installation, the plugin, the day, and the signature where the plugin names
its public key. Whether it runs without a good key is the plugin's own decision.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlmodel import Session, select

from app.audit.trail import AuditTrail
from app.core.clock import Clock, iso, parse_iso
from app.core.database import Database
from app.core.errors import NotFound, Unavailable
from app.core.permissions import Actor
from app.core.tasks import TaskKeeper
from app.plugins.licences import BadLicence, ClockSetBack, Licence, MalformedKey, read_key
from app.plugins.models import LicenceClockRow, LicenceKeyRow
from app.plugins.schemas import LicenceView

log = logging.getLogger(__name__)

NOTE_SECONDS = 300.0
"""How often the time is noted, and how long the clock must have kept it: one that is wrong for moments after the
machine's start must not end every licence."""

STEP = timedelta(seconds=30)
"""What wall time and monotonic time may differ by within NOTE_SECONDS where nobody set the clock."""


class LicenceStore:
    """Keeps the keys.

    Args:
        instance_id: tells the id of this installation.
        trail: where changes are recorded; never with a key.
    """

    def __init__(self, database: Database, instance_id: Callable[[], str], clock: Clock, trail: AuditTrail) -> None:
        self._database = database
        self._instance_id = instance_id
        self._clock = clock
        self._trail = trail
        self._tasks = TaskKeeper("licences")
        self._rows: dict[str, LicenceKeyRow] = {}
        self._seen: datetime | None = None
        self._last_look = (clock.now(), clock.monotonic())

    async def open(self) -> None:
        """Loads the keys, and begins to note the time."""

        def load(session: Session) -> tuple[list[LicenceKeyRow], LicenceClockRow | None]:
            return list(session.exec(select(LicenceKeyRow))), session.get(LicenceClockRow, 1)

        rows, noted = await self._database.read(load)
        self._rows = {row.plugin_id: row for row in rows}
        self._seen = parse_iso(noted.seen_at) if noted else None
        self._tasks.spawn(self._note_always(), "clock")

    async def close(self) -> None:
        """Ends background work."""
        await self._tasks.close()

    def key_of(self, plugin_id: str) -> str | None:
        """The stored key, for the plugin's environment; also one that has run out, for the plugin says so itself."""
        row = self._rows.get(plugin_id)
        return row.key if row else None

    def problem_of(self, plugin_id: str) -> str | None:
        """Why the stored key is no good now, as a sentence; None when it may be good or none is stored."""
        row = self._rows.get(plugin_id)
        try:
            if row is not None:
                self._require_use(read_key(row.key), plugin_id)
        except BadLicence as error:
            return str(error)
        return None

    def view(self, plugin_id: str) -> LicenceView | None:
        """What is known of the stored key, None without one."""
        row = self._rows.get(plugin_id)
        if row is None:
            return None
        try:
            expires = read_key(row.key).expires
        except MalformedKey:
            expires = None
        return LicenceView(expires, row.stored_at, row.stored_by, self.problem_of(plugin_id))

    async def store(self, actor: Actor, plugin_id: str, key: str, public_key: bytes | None = None) -> None:
        """Stores a plugin's key in the place of an earlier one. Admin only; blanks around the key do not matter.

        Args:
            public_key: the one that the plugin checks `v2.` keys with, None where it names none.

        Raises:
            Forbidden: a client asks.
            StepUpNeeded: the admin must prove the second factor first.
            BadLicence: the key is no good, with the sentence that says why; the earlier one stays.
            Unavailable: it cannot be stored.
        """
        actor.require_admin()
        actor.require_fresh_factor(self._clock.now())
        key = key.strip()
        licence = read_key(key)
        if public_key is not None and licence.plugin_id is not None:
            # In a thread: the first time it loads `cryptography`.
            await asyncio.to_thread(licence.require_signed_for, public_key)
        self._require_use(licence, plugin_id)
        row = LicenceKeyRow(plugin_id=plugin_id, key=key, stored_at=self._clock.now_iso(), stored_by=actor.username)
        detail = {"expires": licence.expires.isoformat() if licence.expires else "never"}

        def put(session: Session) -> None:
            session.merge(LicenceKeyRow(**row.model_dump()))
            self._trail.append(session, actor, "licence.stored", plugin_id, detail=detail)

        await self._database.write(put)
        self._rows[plugin_id] = row
        log.info("licence key of %s stored", plugin_id, extra={"event": "licence_stored", "by": actor.username})

    async def remove(self, actor: Actor, plugin_id: str) -> None:
        """Removes a plugin's key; everything else of the plugin stays. Admin only.

        Raises:
            Forbidden: a client asks.
            StepUpNeeded: the admin must prove the second factor first.
            NotFound: none is stored.
            Unavailable: it cannot be removed now.
        """
        actor.require_admin()
        actor.require_fresh_factor(self._clock.now())

        def delete(session: Session) -> None:
            row = session.get(LicenceKeyRow, plugin_id)
            if row is None:
                raise NotFound("No licence key is stored for this plugin.")
            session.delete(row)
            self._trail.append(session, actor, "licence.removed", plugin_id)

        await self._database.write(delete)
        self._rows.pop(plugin_id, None)
        log.info("licence key of %s removed", plugin_id, extra={"event": "licence_removed", "by": actor.username})

    def _require_use(self, licence: Licence, plugin_id: str) -> None:
        now, seen, instance_id = self._clock.now(), self._seen, self._instance_id()
        licence.require_use(instance_id, plugin_id, now)
        if seen is not None and licence.expires is not None and seen.date() > licence.expires:
            raise ClockSetBack(licence.expires, seen)

    # -- the time: setting the clock back brings no licence back

    async def _note_always(self) -> None:
        while True:
            await asyncio.sleep(NOTE_SECONDS)
            try:
                await self.note_time()
            except Unavailable:
                continue  # the next time will do

    async def note_time(self) -> None:
        """Notes the time when the clock was not set since the last call. Raises Unavailable."""
        (then, then_monotonic), now = self._last_look, self._clock.now()
        self._last_look = (now, self._clock.monotonic())
        passed = timedelta(seconds=self._last_look[1] - then_monotonic)
        if abs(now - then - passed) > STEP or now <= (self._seen or then):
            return
        self._seen = now
        if self._rows:
            await self._database.write(lambda session: session.merge(LicenceClockRow(id=1, seen_at=iso(now))))
