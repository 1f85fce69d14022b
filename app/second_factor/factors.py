"""Who has a second factor, and whether a code proves it: each is good once, for whoever comes first."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime

from sqlmodel import Session, col, delete, select

from app.audit.trail import AuditTrail
from app.core.clock import Clock, iso
from app.core.database import Database
from app.core.errors import BadValue, Conflict
from app.core.permissions import Actor
from app.second_factor.codes import is_code, matching_step, normalised
from app.second_factor.models import SecondFactorRow
from app.second_factor.recovery import count_in, hash_in, hashes_of, is_recovery_code, new_codes, without
from app.second_factor.vault import Vault

log = logging.getLogger(__name__)

Changed = Callable[[str | None, bool], Awaitable[None]]

NOT_BEGUN = "Begin anew: no second factor waits for its first code."


class Factors:
    """Keeps the second factors; who has one is known without asking the database.

    Args:
        vault: encrypts the secrets.
        trail: where changes and used recovery codes are recorded.
    """

    def __init__(self, database: Database, vault: Vault, clock: Clock, trail: AuditTrail) -> None:
        self._database = database
        self._vault = vault
        self._clock = clock
        self._trail = trail
        self._owners: dict[str, str] = {}
        self._watchers: list[Changed] = []

    async def open(self) -> None:
        """Loads who has one."""
        kept = await self._database.read(lambda session: session.exec(select(SecondFactorRow)).all())
        self._owners = {row.owner: row.confirmed_at for row in kept if row.confirmed_at is not None}

    def watch(self, changed: Changed) -> None:
        """Has `changed(user_id, has_one)` awaited whenever a user got or lost one."""
        self._watchers.append(changed)

    def has(self, user_id: str | None) -> bool:
        """Whether this user (None: the environment's administrator) has one."""
        return _owner(user_id) in self._owners

    def since(self, user_id: str | None) -> str | None:
        """Since when this user has the one that there is now, None for a user without."""
        return self._owners.get(_owner(user_id))

    def stored_since(self, session: Session, user_id: str | None) -> str | None:
        """The same within a transaction, which is ahead of what is known here."""
        row = session.get(SecondFactorRow, _owner(user_id))
        return None if row is None else row.confirmed_at

    def client_ids(self) -> frozenset[str]:
        """The ids of the clients who have one."""
        return frozenset(self._owners.keys() - {""})

    async def facts(self, user_id: str | None) -> tuple[str, int] | None:
        """Since when a user has one and how many recovery codes are left, None for a user without."""

        def look(session: Session) -> tuple[str, int] | None:
            row = session.get(SecondFactorRow, _owner(user_id))
            return None if row is None or row.confirmed_at is None else (row.confirmed_at, count_in(row.recovery))

        return await self._database.read(look)

    async def check(self, actor: Actor, code: str) -> bool:
        """Whether a code as typed proves the second factor of the user behind `actor`; a good one is used up.

        Raises:
            Unavailable: the key of the secrets is missing, or the database does not answer.
        """
        code, owner, now = normalised(code), _owner(actor.user_id), self._clock.now()
        row = await self._database.read(lambda session: session.get(SecondFactorRow, owner))
        if row is None or row.confirmed_at is None:
            return False
        if is_code(code):
            secret = await asyncio.to_thread(self._vault.open, row.secret, owner)
            return await self._database.write(lambda session: _use_code(session, row, secret, code, now))
        if is_recovery_code(code):
            wanted = await asyncio.to_thread(hash_in, row.recovery, code)
            return await self._database.write(lambda session: self._use_recovery(session, actor, wanted))
        return False

    def _use_recovery(self, session: Session, actor: Actor, wanted: str) -> bool:
        row = session.get(SecondFactorRow, _owner(actor.user_id))
        left = None if row is None else without(row.recovery, wanted)
        if row is None or left is None:
            return False
        row.recovery = left
        session.add(row)
        facts = {"left": count_in(left)}
        self._trail.append(session, actor, "second_factor.used_recovery", actor.username, detail=facts)
        return True

    async def begin(self, user_id: str | None, secret: bytes) -> None:
        """Keeps a secret that waits for its first code, instead of one that still does.

        Raises:
            Conflict: the user has a second factor.
            Unavailable: the key of the secrets is missing although others need it.
        """
        owner = _owner(user_id)
        sealed = await asyncio.to_thread(self._vault.seal, secret, owner, may_make_key=not self._owners)

        def write(session: Session) -> None:
            known = session.get(SecondFactorRow, owner)
            if known is not None and known.confirmed_at is not None:
                raise Conflict("You have a second factor. Remove it before you set up another.")
            now = self._clock.now_iso()
            session.merge(SecondFactorRow(owner=owner, secret=sealed, recovery="", last_counter=0, created_at=now))

        await self._database.write(write)

    async def confirm(self, actor: Actor, code: str) -> list[str]:
        """Makes the secret that waits a second factor and returns its recovery codes, which are kept as hashes only.

        Raises:
            Conflict: nothing waits.
            BadValue: the code does not fit.
            Unavailable: the key of the secrets is missing.
        """
        code, owner, now = normalised(code), _owner(actor.user_id), self._clock.now()
        seen = await self._database.read(lambda session: session.get(SecondFactorRow, owner))
        if seen is None or seen.confirmed_at is not None:
            raise Conflict(NOT_BEGUN)
        secret = await asyncio.to_thread(self._vault.open, seen.secret, owner)
        codes = new_codes()
        stored = await asyncio.to_thread(hashes_of, codes)

        def write(session: Session) -> None:
            row = session.get(SecondFactorRow, owner)
            if row is None or row.confirmed_at is not None or row.secret != seen.secret:
                raise Conflict(NOT_BEGUN)
            step = matching_step(secret, code, now, 0) if is_code(code) else None
            if step is None:
                raise BadValue("This code does not fit. Type the one that is shown now, and check the phone's clock.")
            row.recovery, row.last_counter, row.confirmed_at = stored, step, iso(now)
            session.add(row)
            self._trail.append(session, actor, "second_factor.enabled", actor.username)

        await self._database.write(write)
        self._owners[owner] = iso(now)
        log.info("second factor set up by %s", actor.username, extra={"event": "second_factor_enabled"})
        await self._tell(actor.user_id, has=True)
        return codes

    async def renew_recovery(self, actor: Actor) -> list[str]:
        """New recovery codes instead of the old ones. Raises Conflict without a second factor."""
        codes = new_codes()
        stored = await asyncio.to_thread(hashes_of, codes)

        def write(session: Session) -> None:
            row = session.get(SecondFactorRow, _owner(actor.user_id))
            if row is None or row.confirmed_at is None:
                raise Conflict("You have no second factor.")
            row.recovery = stored
            session.add(row)
            self._trail.append(session, actor, "second_factor.renewed_recovery", actor.username)

        await self._database.write(write)
        return codes

    async def remove(self, actor: Actor, user_id: str | None, username: str) -> None:
        """Takes a user's second factor away, and one that waits; without any, nothing happens."""
        owner = _owner(user_id)

        def write(session: Session) -> None:
            row = session.get(SecondFactorRow, owner)
            if row is None:
                return
            session.delete(row)
            if row.confirmed_at is not None:
                self._trail.append(session, actor, "second_factor.removed", username)

        await self._database.write(write)
        self._owners.pop(owner, None)
        facts = {"event": "second_factor_removed", "by": actor.username}
        log.info("second factor of %s removed", username, extra=facts)
        await self._tell(user_id, has=False)

    async def forget(self, user_id: str) -> None:
        """Deletes what is kept of a client who is gone."""
        gone = delete(SecondFactorRow).where(col(SecondFactorRow.owner) == user_id)
        await self._database.write(lambda session: session.exec(gone))
        self._owners.pop(user_id, None)

    async def _tell(self, user_id: str | None, *, has: bool) -> None:
        for changed in self._watchers:
            await changed(user_id, has)


def _use_code(session: Session, seen: SecondFactorRow, secret: bytes, code: str, now: datetime) -> bool:
    row = session.get(SecondFactorRow, seen.owner)
    if row is None or row.secret != seen.secret:
        return False  # it was removed or made anew meanwhile
    step = matching_step(secret, code, now, row.last_counter)
    if step is None:
        return False
    row.last_counter = step
    session.add(row)
    return True


def _owner(user_id: str | None) -> str:
    return user_id or ""
