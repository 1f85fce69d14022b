"""Signed-in browsers: rows in the database, mirrored in memory because every request and event asks for one."""

import hashlib
import secrets
from datetime import timedelta

from sqlmodel import Session, col, delete, select

from app.auth.models import SessionRow
from app.auth.registry import SessionRegistry
from app.auth.schemas import SessionView
from app.core.clock import Clock, iso
from app.core.database import Database
from app.core.permissions import Role
from app.users.models import UserRow
from app.users.schemas import UserView

LIFETIME = timedelta(days=7)
TOKEN_BYTES = 32
MAX_USER_AGENT = 300


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

    async def open(self, admin: UserView) -> None:
        """Loads the sessions that are still good, and forgets the others."""
        now = self._clock.now_iso()

        def load(session: Session) -> list[SessionView]:
            session.exec(delete(SessionRow).where(col(SessionRow.expires_at) <= now))
            users = {user.id: user for user in session.exec(select(UserRow))}
            views = []
            for row in session.exec(select(SessionRow)):
                user = admin if row.user_id is None else users.get(row.user_id)
                if user is None or not user.is_active or row.username != user.username:
                    session.delete(row)
                else:
                    views.append(_view(row, user.display_name))
            return views

        self._live = {view.id: view for view in await self._database.write(load)}

    async def issue(self, user: UserView, address: str, user_agent: str) -> tuple[str, SessionView]:
        """A new session and its token, which is not kept."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        now = self._clock.now()
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
            session.exec(delete(SessionRow).where(col(SessionRow.expires_at) <= iso(now)))
            session.add(row)

        await self._database.write(insert)
        self._forget_expired(iso(now))
        self._live[view.id] = view
        return token, view

    def find(self, session_id: str | None) -> SessionView | None:
        """The live session of this id, None when it ended, expired or never was."""
        view = self._live.get(session_id or "")
        if view is not None and view.expires_at <= self._clock.now_iso():
            self._drop(view.id)
            return None
        return view

    async def end(self, session_id: str) -> None:
        """Ends one session: at once for whoever holds it, then in the database."""
        self._drop(session_id)
        await self._database.write(
            lambda session: session.exec(delete(SessionRow).where(col(SessionRow.id) == session_id))
        )

    async def end_all_of(self, user_id: str | None, *, keep: str | None = None) -> None:
        """Ends a user's sessions (None: the administrator's) but the one with id `keep`."""
        ended = [view.id for view in self._live.values() if view.user_id == user_id and view.id != keep]
        for session_id in ended:
            self._drop(session_id)

        def remove(session: Session) -> None:
            whose = col(SessionRow.user_id).is_(None) if user_id is None else col(SessionRow.user_id) == user_id
            session.exec(delete(SessionRow).where(whose, col(SessionRow.id) != (keep or "")))

        await self._database.write(remove)

    def _drop(self, session_id: str) -> None:
        self._live.pop(session_id, None)
        self._registry.revoke(session_id)

    def _forget_expired(self, now: str) -> None:
        for session_id in [view.id for view in self._live.values() if view.expires_at <= now]:
            self._drop(session_id)


def _view(row: SessionRow, display_name: str) -> SessionView:
    role = Role.ADMIN if row.user_id is None else Role.CLIENT
    return SessionView(
        row.id,
        row.user_id,
        row.username,
        display_name,
        role,
        row.created_at,
        row.expires_at,
        row.address,
        row.user_agent,
    )
