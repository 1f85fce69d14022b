"""Signed-in browsers: rows in the database, mirrored in memory because every request and event asks for one."""

import asyncio
import hashlib
import logging
import secrets
from dataclasses import replace
from datetime import timedelta

from sqlmodel import Session, col, delete, select

from app.auth.models import SessionRow
from app.auth.registry import SessionRegistry
from app.auth.schemas import SessionView
from app.core.clock import Clock, iso
from app.core.database import Database
from app.core.errors import NotSignedIn, Unavailable
from app.core.permissions import Role
from app.core.tasks import TaskKeeper
from app.users.models import UserRow
from app.users.schemas import Account, UserView

log = logging.getLogger(__name__)

LIFETIME = timedelta(days=7)
TOKEN_BYTES = 32
MAX_USER_AGENT = 300
MAX_PER_USER = 200
"""More live sessions of one user end the oldest: automation that signs in for each call forgets to sign out."""

SWEEP_SECONDS = 0.5
"""How often sessions that expired are looked for; what is open under one must close within a second."""


def token_id(token: str) -> str:
    """What is stored of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


class Sessions:
    """Issues, finds and ends sessions.

    Args:
        registry: closes what is open under a session when it ends.
    """

    def __init__(self, database: Database, registry: SessionRegistry, clock: Clock) -> None:
        self._database = database
        self._registry = registry
        self._clock = clock
        self._live: dict[str, SessionView] = {}
        self._undeleted: set[str] = set()
        self._tasks = TaskKeeper("sessions")

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
                    views.append(_view(row, user.display_name))
            return views

        self._live = {view.id: view for view in await self._database.write(load)}
        self._tasks.spawn(self._sweep(), "sweep")

    async def close(self) -> None:
        """Stops looking for expired sessions."""
        await self._tasks.close()

    async def issue(self, account: Account, address: str, user_agent: str) -> tuple[str, SessionView]:
        """A new session and its token, which is not kept.

        Raises:
            NotSignedIn: the account was deleted or deactivated, or its password replaced, since it was looked up.
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
        )
        view = _view(row, user.display_name)

        def insert(session: Session) -> None:
            if user.id is not None:
                stored = session.get(UserRow, user.id)
                if stored is None or not stored.is_active or stored.password_hash != account.password_hash:
                    raise NotSignedIn("The account has just been changed. Sign in again.")
            session.exec(delete(SessionRow).where(col(SessionRow.expires_at) <= iso(now)))
            session.add(row)

        await self._database.write(insert)
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
        if view is not None and view.expires_at <= self._clock.now_iso():
            self._drop(view.id)
            return None
        return view

    async def end(self, session_id: str) -> None:
        """Ends one session at once, and for ever as soon as the database takes it."""
        self._drop(session_id)
        self._undeleted.add(session_id)
        await self._delete_ended()

    async def end_all_of(self, user_id: str | None, *, keep: str | None = None) -> None:
        """Ends a user's sessions (None: the administrator's) but the one with id `keep`."""
        ended = [view.id for view in self._live.values() if view.user_id == user_id and view.id != keep]
        for session_id in ended:
            self._drop(session_id)
        self._undeleted.update(ended)
        await self._delete_ended()

    def rename(self, user: UserView) -> None:
        """Gives a user's sessions the display name that it has now."""
        for view in [view for view in self._live.values() if view.user_id == user.id]:
            self._live[view.id] = replace(view, display_name=user.display_name)

    async def _delete_ended(self) -> None:
        ended = set(self._undeleted)
        try:
            await self._database.write(
                lambda session: session.exec(delete(SessionRow).where(col(SessionRow.id).in_(ended)))
            )
        except Unavailable:
            # Nobody gets in with them any more while this process lives; the sweep tries again.
            log.warning("ended sessions are not deleted yet", extra={"event": "sessions_undeleted"})
        else:
            self._undeleted -= ended

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            now = self._clock.now_iso()
            for session_id in [view.id for view in self._live.values() if view.expires_at <= now]:
                self._drop(session_id)
            if self._undeleted:
                await self._delete_ended()

    def _drop(self, session_id: str) -> None:
        self._live.pop(session_id, None)
        self._registry.revoke(session_id)


def _view(row: SessionRow, display_name: str) -> SessionView:
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
    )
