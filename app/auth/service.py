"""Signing in and out: who may, how often it may be tried, and what a session is good for."""

import logging

from sqlmodel import Session

from app.auth.attempts import Attempts
from app.auth.devices import Devices, new_device_key
from app.auth.models import AuthStateRow
from app.auth.request_limits import RequestLimits
from app.auth.schemas import SessionView, SignedIn, SignInView
from app.auth.sessions import Sessions, token_id
from app.core.clock import Clock
from app.core.database import Database
from app.core.errors import BadValue, NotSignedIn
from app.core.passwords import PasswordHasher, require_strong
from app.core.permissions import Actor
from app.users.names import name_key
from app.users.schemas import Account
from app.users.service import UsersService

log = logging.getLogger(__name__)

WRONG = "Wrong user name or password."
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
        self.limits = RequestLimits()
        self._database = database
        self._sessions = sessions
        self._users = users
        self._hasher = hasher
        self._attempts = Attempts(database, clock)
        self._devices = Devices(new_device_key())
        users.watch(lost_rights=sessions.end_all_of, renamed=sessions.rename)

    async def open(self, admin_password: str) -> None:
        """Loads sessions; ends the administrator's when its name or password is not that of the last start."""
        admin = self._users.admin_account
        stored = await self._database.read(lambda session: session.get(AuthStateRow, 1))
        await self._sessions.open(admin.user)
        if stored is not None:
            self._devices = Devices(stored.device_key)
            same_name = stored.admin_username == admin.user.username
            if same_name and await self._hasher.verify(admin_password, stored.admin_password_hash):
                return
            log.info("the administrator's name or password changed", extra={"event": "admin_password_changed"})
        await self._sessions.end_all_of(None)
        await self._remember(admin, stored.device_key if stored else new_device_key())

    async def _remember(self, admin: Account, device_key: str) -> None:
        def write(session: Session) -> None:
            session.merge(
                AuthStateRow(
                    id=1,
                    admin_username=admin.user.username,
                    admin_password_hash=admin.password_hash,
                    device_key=device_key,
                )
            )

        await self._database.write(write)
        self._devices = Devices(device_key)

    async def close(self) -> None:
        """Ends background work; sessions stay as they are."""
        await self._sessions.close()

    async def sign_in(
        self,
        username: str,
        password: str,
        *,
        address: str,
        user_agent: str = "",
        device: str = "",
        replacing: str | None = None,
    ) -> SignedIn:
        """Checks a password and issues a session.

        Args:
            username: as typed.
            password: as typed.
            address: the client's, for lock-out and history.
            user_agent: the browser's name of itself.
            device: the cookie of a known browser, empty for none.
            replacing: id of the session that the same browser still holds; it ends.

        Raises:
            NotSignedIn: wrong name or password, or a deactivated account; always the same sentence and time.
            Limited: the name, the address or the known browser is locked; nothing was checked.
            Unavailable: the attempts cannot be read or kept; nobody gets in.
        """
        account = await self._users.account(username)
        name = name_key(username)
        known = self._devices.recognise(device, name)
        if not await self._checked(username, password, account, address, known) or account is None:
            raise NotSignedIn(WRONG)
        if replacing is not None:
            await self._sessions.end(replacing)
        token, session = await self._sessions.issue(account, address, user_agent)
        user = account.user
        if user.id is not None and self._hasher.is_outdated(account.password_hash):
            await self._users.refresh_hash(user.id, password)
        log.info("signed in: %s", user.username, extra={"event": "sign_in", "address": address})
        return SignedIn(token, session, user, None if known else self._devices.issue(name))

    async def _checked(
        self, username: str, password: str, account: Account | None, address: str, device: str | None
    ) -> bool:
        """Whether the password fits and the account is active; always one hash check, whoever there is."""
        attempt = await self._attempts.begin(username, address, device)
        fits = await self._hasher.verify(password, account.password_hash if account else None)
        failure = None
        if not fits or account is None:
            failure = "Wrong user name or password"
        elif not account.user.is_active:
            failure = "Account is deactivated"
        await self._attempts.end(attempt, address, failure)
        return failure is None

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
        if not await self._checked(actor.username, current, account, actor.address, None):
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
        return await self._attempts.newest(limit)
