"""The password hashes of client accounts: new ones, and those that are made anew with today's parameters."""

from sqlmodel import Session

from app.audit.trail import AuditTrail
from app.core.database import Database
from app.core.passwords import PasswordHasher, require_strong
from app.core.permissions import Actor
from app.users.models import UserRow
from app.users.rows import row_of


class StoredPasswords:
    """Keeps them."""

    def __init__(self, database: Database, hasher: PasswordHasher, trail: AuditTrail) -> None:
        self._database = database
        self._hasher = hasher
        self._trail = trail

    async def store(self, actor: Actor, user_id: str, password: str, what: str) -> None:
        """Gives a client another password; `what` is what the audit calls that. Raises BadValue and NotFound."""
        require_strong(password)
        password_hash = await self._hasher.hash(password)

        def change(session: Session) -> None:
            row = row_of(session, user_id)
            row.password_hash = password_hash
            session.add(row)
            self._trail.append(session, actor, what, row.username, detail={"id": user_id})

        await self._database.write(change)

    async def refresh(self, user_id: str, password: str, outdated: str) -> str:
        """Stores the password of a user who just signed in with today's hash parameters, unless it is another by now.

        Returns the hash that was made.
        """
        password_hash = await self._hasher.hash(password)

        def change(session: Session) -> None:
            row = session.get(UserRow, user_id)
            if row is not None and row.password_hash == outdated:
                row.password_hash = password_hash
                session.add(row)

        await self._database.write(change)
        return password_hash
