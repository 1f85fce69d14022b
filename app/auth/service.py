"""Signing in and out: who may, how often it may be tried, and what a session is good for."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from sqlmodel import Session, col, select

from app.auth.addresses import bucket
from app.auth.lockout import ChecksInFlight, failures_of_address, failures_of_username, locked_until
from app.auth.models import AdminRow, SignInRow
from app.auth.schemas import SessionView, SignedIn, SignInView
from app.auth.sessions import Sessions, token_id
from app.core.clock import Clock
from app.core.database import Database
from app.core.errors import BadValue, Limited, NotSignedIn
from app.core.passwords import PasswordHasher, require_strong
from app.core.permissions import Actor
from app.users.names import name_key
from app.users.schemas import Account
from app.users.service import UsersService

log = logging.getLogger(__name__)

WRONG = "Wrong user name or password."
MAX_NAME_KEPT = 100
HISTORY = 100


class AuthService:
    """The one door to a session.

    Args:
        sessions: where sessions live.
        users: who may sign in.
        hasher: checks passwords, one at a time.
    """

    def __init__(
        self, database: Database, sessions: Sessions, users: UsersService, hasher: PasswordHasher, clock: Clock
    ) -> None:
        self._database = database
        self._sessions = sessions
        self._users = users
        self._hasher = hasher
        self._clock = clock
        self._in_flight = ChecksInFlight()
        users.watch_rights(sessions.end_all_of)

    async def open(self, admin_password: str) -> None:
        """Loads sessions; ends the administrator's when its name or password is not that of the last start."""
        admin = await self._users.account_of(None)
        if admin is None:
            raise NotSignedIn("There is no administrator.")
        await self._notice_changed_admin(admin, admin_password)
        await self._sessions.open(admin.user)

    async def _notice_changed_admin(self, admin: Account, password: str) -> None:
        stored = await self._database.read(lambda session: session.get(AdminRow, 1))
        if stored is not None and stored.username == admin.user.username:
            if await self._hasher.verify(password, stored.password_hash):
                return
            log.info("the administrator's password changed", extra={"event": "admin_password_changed"})
        await self._sessions.end_all_of(None)

        def remember(session: Session) -> None:
            session.merge(AdminRow(id=1, username=admin.user.username, password_hash=admin.password_hash))

        await self._database.write(remember)

    async def sign_in(
        self, username: str, password: str, *, address: str, user_agent: str = "", replacing: str | None = None
    ) -> SignedIn:
        """Checks a password and issues a session.

        Args:
            username: as typed.
            password: as typed.
            address: the client's, for lock-out and history.
            user_agent: the browser's name of itself.
            replacing: id of the session that the same browser still holds; it ends.

        Raises:
            NotSignedIn: wrong name or password, or a deactivated account; always the same sentence and time.
            Limited: the name or the address is locked; nothing was checked.
            Unavailable: the attempts cannot be read or kept; nobody gets in.
        """
        account = await self._users.account(username)
        fits = await self._checked(username, password, account, address)
        if account is None or not fits:
            raise NotSignedIn(WRONG)
        user = account.user
        if user.id is not None and self._hasher.is_outdated(account.password_hash):
            await self._users.refresh_hash(user.id, password)
        if replacing is not None:
            await self._sessions.end(replacing)
        token, session = await self._sessions.issue(user, address, user_agent)
        log.info("signed in: %s", user.username, extra={"event": "sign_in"})
        return SignedIn(token, session, user)

    async def _checked(self, username: str, password: str, account: Account | None, address: str) -> bool:
        """Whether the password fits and the account is active; the attempt is recorded and counts from its begin."""
        name, place = name_key(username)[:MAX_NAME_KEPT], bucket(address)
        with self._in_flight_for(f"name:{name}", f"address:{place}") as before:
            until = await self._locked_until(name, place, before)
            if until is not None:
                await self._record(username, address, False, "Locked", counted=False)
                seconds = max(1, -int(-(until - self._clock.now()).total_seconds() // 1))
                raise Limited(f"Too many failed attempts. Try again in {_spoken(seconds)}.", seconds)
            fits = await self._hasher.verify(password, account.password_hash if account else None)
            allowed = fits and account is not None and account.user.is_active
            reason = None if allowed else "Account is deactivated" if fits else "Wrong user name or password"
            await self._record(username, address, allowed, reason, counted=True)
            return allowed

    @contextmanager
    def _in_flight_for(self, *keys: str) -> Iterator[tuple[int, ...]]:
        before = tuple(self._in_flight.begin(key) for key in keys)
        try:
            yield before
        finally:
            for key in keys:
                self._in_flight.end(key)

    async def _locked_until(self, name: str, place: str, before: tuple[int, ...]) -> datetime | None:
        now = self._clock.now()

        def read(session: Session) -> list[list[datetime]]:
            return [failures_of_username(session, name, now), failures_of_address(session, place, now)]

        locks = []
        for failures, checking in zip(await self._database.read(read), before, strict=True):
            until = locked_until([*failures, *[now] * checking])
            if until is not None and until > now:
                locks.append(until)
        return max(locks, default=None)

    async def _record(self, username: str, address: str, success: bool, reason: str | None, *, counted: bool) -> None:
        row = SignInRow(
            username=username[:MAX_NAME_KEPT],
            username_key=name_key(username)[:MAX_NAME_KEPT],
            ip_address=address,
            address_bucket=bucket(address),
            success=success,
            counted=counted,
            failure_reason=reason,
            attempted_at=self._clock.now_iso(),
        )
        await self._database.write(lambda session: session.add(row))
        if not success:
            log.warning("sign-in refused: %s", reason, extra={"event": "sign_in_refused", "address": address})

    async def sign_out(self, session_id: str) -> None:
        """Ends the session; what is open under it closes within a second."""
        await self._sessions.end(session_id)

    async def change_own_password(self, actor: Actor, current: str, new: str) -> None:
        """Replaces the actor's password and ends its other sessions.

        Raises:
            NotSignedIn: the current password is wrong (it counts towards the lock-out).
            BadValue: the new one is weak, or the actor is the environment's administrator.
            Limited: locked.
        """
        if actor.user_id is None:
            raise BadValue("The administrator's password is ADMIN_PASSWORD in the environment; change it there.")
        require_strong(new)
        account = await self._users.account_of(actor.user_id)
        if not await self._checked(actor.username, current, account, actor.address):
            raise NotSignedIn("The current password is wrong.")
        await self._users.change_own_password(actor, new)
        await self._sessions.end_all_of(actor.user_id, keep=actor.session_id)

    def session(self, token: str | None) -> SessionView | None:
        """The live session of a token, None for anything else."""
        return self._sessions.find(token_id(token)) if token else None

    def session_by_id(self, session_id: str | None) -> SessionView | None:
        """The live session of an id, for events of a page that is open already."""
        return self._sessions.find(session_id)

    async def history(self, actor: Actor, limit: int = HISTORY) -> list[SignInView]:
        """The newest attempts, newest first. Admin only."""
        actor.require_admin()
        query = select(SignInRow).order_by(col(SignInRow.id).desc()).limit(limit)
        return await self._database.read(lambda session: [_view(row) for row in session.exec(query)])


def _spoken(seconds: int) -> str:
    if seconds < 60:
        return f"{seconds} second{'s' if seconds != 1 else ''}"
    minutes = -(-seconds // 60)
    return f"{minutes} minute{'s' if minutes != 1 else ''}"


def _view(row: SignInRow) -> SignInView:
    return SignInView(str(row.id), row.username, row.ip_address, row.success, row.failure_reason, row.attempted_at)
