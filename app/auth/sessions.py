"""Signed-in browsers: rows in the database, mirrored in memory because every request and event asks for one."""

import asyncio
import hashlib
import secrets
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import bindparam
from sqlmodel import Session, col, delete, select, update

from app.auth.ended_sessions import EndedSessions, Record
from app.auth.last_use import LastUse
from app.auth.models import SessionRow
from app.auth.registry import SessionRegistry
from app.auth.schemas import SessionView
from app.core.clock import Clock, iso, parse_iso
from app.core.database import Database
from app.core.errors import NotSignedIn
from app.core.permissions import Role
from app.core.tasks import TaskKeeper
from app.second_factor.factors import Factors
from app.users.models import UserRow
from app.users.schemas import Account, UserView

LIFETIME = timedelta(days=7)
TOKEN_BYTES = 32
MAX_USER_AGENT = 300
MAX_PER_USER = 200
"""More live sessions of one user end the oldest: automation that signs in for each call forgets to sign out."""

LAST_SEEN = (
    update(SessionRow).where(col(SessionRow.id) == bindparam("credential")).values(last_seen_at=bindparam("moment"))
)

CHANGED = "The account has just been changed. Sign in again."

SWEEP_SECONDS = 0.5
"""How often sessions that expired are looked for; what is open under one must close within a second."""


def token_id(token: str) -> str:
    """What is stored of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


class Sessions:
    """Issues, finds and ends sessions.

    Args:
        registry: closes what is open under a session when it ends.
        factors: tells who has a second factor.
    """

    def __init__(self, database: Database, registry: SessionRegistry, clock: Clock, factors: Factors) -> None:
        self._database = database
        self._registry = registry
        self._clock = clock
        self._factors = factors
        self._live: dict[str, SessionView] = {}
        self._ended = EndedSessions(database)
        self._last_use = LastUse(database, LAST_SEEN)
        self._tasks = TaskKeeper("sessions")

    def __len__(self) -> int:
        return len(self._live)

    async def open(self, admin: UserView) -> None:
        """Loads the sessions that are still good, and forgets the others."""
        now = self._clock.now_iso()

        def load(session: Session) -> list[SessionView]:
            session.exec(delete(SessionRow).where(col(SessionRow.expires_at) <= now))
            users = {user.id: user for user in session.exec(select(UserRow))}
            views = []
            for row in session.exec(select(SessionRow).order_by(col(SessionRow.created_at))):
                user = admin if row.user_id is None else users.get(row.user_id)
                if user is None or not user.is_active or row.username != user.username:
                    session.delete(row)
                else:
                    views.append(self._view(row, user.display_name))
            return views

        self._live = {view.id: view for view in await self._database.write(load)}
        self._tasks.spawn(self._sweep(), "sweep")
        self._tasks.spawn(self._last_use.keep_saving(), "last use")

    async def close(self) -> None:
        """Stops looking for expired sessions, and stores when each was seen last."""
        await self._tasks.close()
        await self._last_use.save()

    async def issue(
        self, account: Account, address: str, user_agent: str, record: Record, *, factor: str | None = None
    ) -> tuple[str, SessionView]:
        """A new session and its token, which is not kept.

        Args:
            record: called in the transaction that makes the session.
            factor: since when the user has the second factor that was proved just now, None for a user without.

        Raises:
            NotSignedIn: the account was deleted or deactivated, or its password or second factor replaced, since it
                was looked up.
        """
        token = secrets.token_urlsafe(TOKEN_BYTES)
        now = self._clock.now()
        user = account.user
        row = SessionRow(
            id=token_id(token),
            user_id=user.id,
            username=user.username,
            created_at=iso(now),
            expires_at=iso(now + LIFETIME),
            address=address,
            user_agent=user_agent[:MAX_USER_AGENT],
            proved_at=iso(now) if factor else None,
        )

        def insert(session: Session) -> None:
            if user.id is not None:
                stored = session.get(UserRow, user.id)
                if stored is None or not stored.is_active or stored.password_hash != account.password_hash:
                    raise NotSignedIn(CHANGED)
            if self._factors.stored_since(session, user.id) != factor:
                raise NotSignedIn(CHANGED)
            session.exec(delete(SessionRow).where(col(SessionRow.expires_at) <= iso(now)))
            session.add(row)
            record(session)

        await self._database.write(insert)
        # Only now, in one go: what changes from here on reaches it, for it is live; what changed before is seen.
        view = self._view(row, user.display_name)
        if self._factors.since(user.id) != factor:
            view = replace(view, proved_at=None)
        self._live[view.id] = view
        await self._end_oldest_of(user.id)
        return token, view

    async def _end_oldest_of(self, user_id: str | None) -> None:
        theirs = [view.id for view in self._live.values() if view.user_id == user_id]
        for session_id in theirs[:-MAX_PER_USER]:
            await self.end(session_id)

    def find(self, session_id: str | None) -> SessionView | None:
        """The live session of this id, None when it ended, expired or never was."""
        view = self._live.get(session_id or "")
        if view is None:
            return None
        now = self._clock.now_iso()
        if view.expires_at <= now:
            self._drop(view.id)
            return None
        self._last_use.note(view.id, now)
        return view

    def of(self, user_id: str | None) -> list[SessionView]:
        """A user's live sessions (None: the administrator's), those that were seen last first."""
        now = self._clock.now_iso()
        views = [view for view in self._live.values() if view.user_id == user_id and view.expires_at > now]
        seen = [replace(view, last_seen_at=self._last_use.of(view.id) or view.last_seen_at) for view in views]
        return sorted(seen, key=lambda view: (view.last_seen_at, view.created_at, view.id), reverse=True)

    async def end(self, session_id: str, record: Record | None = None) -> None:
        """Ends one session at once, and for ever as soon as the database takes it.

        Args:
            record: tells the audit of it, in the same transaction.
        """
        await self._end([session_id], record)

    async def end_all_of(self, user_id: str | None, *, keep: str | None = None, record: Record | None = None) -> None:
        """Ends a user's sessions (None: the administrator's) but the one with id `keep`. `record` is as in `end`."""
        ended = [view.id for view in self._live.values() if view.user_id == user_id and view.id != keep]
        await self._end(ended, record)

    async def _end(self, session_ids: list[str], record: Record | None) -> None:
        for session_id in session_ids:
            self._drop(session_id)
        await self._ended.delete(session_ids, record)

    def rename(self, user: UserView) -> None:
        """Gives a user's sessions the display name that it has now."""
        for view in [view for view in self._live.values() if view.user_id == user.id]:
            self._live[view.id] = replace(view, display_name=user.display_name)

    async def prove(self, session_id: str, record: Record | None = None) -> None:
        """Notes that a session has proved the second factor just now. `record` is as in `end`."""
        now = self._clock.now()
        change = update(SessionRow).where(col(SessionRow.id) == session_id).values(proved_at=iso(now))

        def work(session: Session) -> None:
            session.exec(change)
            if record is not None:
                record(session)

        await self._database.write(work)
        if (view := self._live.get(session_id)) is not None:
            self._live[session_id] = replace(view, proved_at=now)

    async def factor_changed(self, user_id: str | None, has: bool) -> None:
        """Has a user's sessions know at once whether there is a second factor; proofs of the one before are void."""
        for view in [view for view in self._live.values() if view.user_id == user_id]:
            self._live[view.id] = replace(view, has_second_factor=has, proved_at=None)
        change = update(SessionRow).where(col(SessionRow.user_id) == user_id).values(proved_at=None)
        await self._database.write(lambda session: session.exec(change))

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            now = self._clock.now_iso()
            for session_id in [view.id for view in self._live.values() if view.expires_at <= now]:
                self._drop(session_id)
            await self._ended.try_again()

    def _drop(self, session_id: str) -> None:
        self._live.pop(session_id, None)
        self._last_use.forget(session_id)
        self._registry.revoke(session_id)

    def _view(self, row: SessionRow, display_name: str) -> SessionView:
        return SessionView(
            id=row.id,
            user_id=row.user_id,
            username=row.username,
            display_name=display_name,
            role=Role.ADMIN if row.user_id is None else Role.CLIENT,
            created_at=row.created_at,
            expires_at=row.expires_at,
            address=row.address,
            user_agent=row.user_agent,
            last_seen_at=row.last_seen_at or row.created_at,
            has_second_factor=self._factors.has(row.user_id),
            proved_at=parse_iso(row.proved_at) if row.proved_at else None,
        )
