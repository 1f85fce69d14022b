"""Signing in and out: who may, how often it may be tried, and what a session is good for."""

import logging

from sqlmodel import Session

from app.audit.trail import AuditTrail, Stranger
from app.auth.attempts import SIGN_IN, Attempts
from app.auth.browsers import browser_of
from app.auth.devices import Devices, new_device_key
from app.auth.ended_sessions import Record
from app.auth.last_start import read_last_start, remember_start
from app.auth.lockout import device_bucket
from app.auth.proofs import STEP_UP, Proofs
from app.auth.request_limits import RequestLimits
from app.auth.schemas import AuthFigures, SessionEntry, SessionView, SignedIn, SignInView
from app.auth.sessions import Sessions, token_id
from app.core.clock import Clock
from app.core.database import Database
from app.core.errors import BadValue, NotFound, NotSignedIn
from app.core.passwords import PasswordHasher, require_strong
from app.core.permissions import Actor
from app.second_factor.factors import Factors
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
        trail: where sign-ins, refused ones and the ends of sessions are recorded.
        factors: checks codes of second factors.
    """

    def __init__(
        self,
        database: Database,
        sessions: Sessions,
        users: UsersService,
        hasher: PasswordHasher,
        clock: Clock,
        trail: AuditTrail,
        factors: Factors,
    ) -> None:
        self.limits = RequestLimits()
        self._database = database
        self._sessions = sessions
        self._users = users
        self._hasher = hasher
        self._trail = trail
        self._clock = clock
        self._attempts = Attempts(database, clock, trail)
        self._proofs = Proofs(self._attempts, hasher, factors)
        self._devices = Devices(new_device_key())
        self._admin_hash = users.admin_account.password_hash
        factors.watch(sessions.factor_changed)
        users.watch(lost_rights=sessions.end_all_of, renamed=sessions.rename)

    async def open(self, admin_password: str) -> None:
        """Loads sessions; ends what the administrator opened when its name or password is not that of the last start.

        Tokens are loaded already: they end with it.
        """
        admin = self._users.admin_account
        stored = await read_last_start(self._database)
        await self._sessions.open(admin.user)
        if stored is not None:
            self._devices = Devices(stored.device_key)
            same_name = stored.admin_username == admin.user.username
            if same_name and await self._hasher.verify(admin_password, stored.admin_password_hash):
                self._admin_hash = stored.admin_password_hash  # each start makes another of the same password
                return
            log.info("the administrator's name or password changed", extra={"event": "admin_password_changed"})
        await self._users.administrator_changed()
        self._devices = Devices((await remember_start(self._database, self._trail, admin, stored)).device_key)

    async def close(self) -> None:
        """Ends background work; sessions stay as they are."""
        await self._sessions.close()

    async def sign_in(
        self,
        username: str,
        password: str,
        code: str | None = None,
        *,
        address: str,
        user_agent: str = "",
        device: str = "",
        replacing: str | None = None,
    ) -> SignedIn:
        """Checks a password, and the code of who has a second factor, and issues a session.

        Args:
            username: as typed.
            password: as typed.
            code: of the second factor, as typed; None or empty asks whether one is needed.
            address: the client's, for lock-out and history.
            user_agent: the browser's name of itself.
            device: the cookie of a known browser, empty for none.
            replacing: id of the session that the same browser still holds; it ends.

        Raises:
            NotSignedIn: wrong name or password, or a deactivated account; always the same sentence and time.
            SecondFactorNeeded: the password is right; the code is missing or wrong, and a wrong one counts.
            Limited: the name, the address or the known browser is locked; nothing was checked.
            Unavailable: the attempts cannot be read or kept, or the code cannot be checked; nobody gets in.
        """
        account = await self._users.account(username)
        name = name_key(username)
        known = self._known(device, name, account)
        apart = None if known is None else device_bucket(name, known)
        attempt = await self._attempts.begin(_stranger(username, address, account), apart)
        if not await self._proofs.fits(attempt, password, account) or account is None:
            raise NotSignedIn(WRONG)
        factor = await self._proofs.second(attempt, account.user, code)
        await self._attempts.end(attempt, None)
        user = account.user
        actor = Actor(user.id, user.username, user.display_name, user.role, address=address)
        await self._replace(actor, replacing)
        facts = {"second_factor": factor is not None, "known_browser": known is not None}

        def record(session: Session) -> None:
            self._trail.append(session, actor, SIGN_IN, detail=facts)

        token, session = await self._sessions.issue(account, address, user_agent, record, factor=factor)
        password_hash = self._admin_hash if user.id is None else account.password_hash
        if user.id is not None and self._hasher.is_outdated(account.password_hash):
            password_hash = await self._users.refresh_hash(user.id, password, password_hash)
        log.info("signed in: %s", user.username, extra={"event": "sign_in", "address": address})
        return SignedIn(token, session, user, None if known else self._devices.issue(name, password_hash))

    def _known(self, cookie: str, name: str, account: Account | None) -> str | None:
        """What names the browser that this cookie is of, None for a stranger; an account that is off knows none."""
        if account is None or not account.user.is_active:
            return None
        password_hash = self._admin_hash if account.user.id is None else account.password_hash
        return self._devices.recognise(cookie, name, password_hash)

    async def _replace(self, actor: Actor, session_id: str | None) -> None:
        """Ends the session that a browser held before."""
        view = self._sessions.find(session_id)
        if view is not None:
            facts = {"sessions": 1, "replaced": True, "browser": browser_of(view.user_agent), "address": view.address}
            await self._sessions.end(view.id, self._ended(actor, view.username, facts))

    async def step_up(self, actor: Actor, code: str) -> None:
        """Takes a code of the actor's second factor anew and notes that the session has proved it.

        Raises:
            NotSignedIn: the code is wrong; such ones lock this session.
            Limited: locked.
        """
        await self._proofs.code_again(actor, code)
        await self._prove(actor, lambda session: self._trail.append(session, actor, STEP_UP))

    async def prove(self, actor: Actor) -> None:
        """Notes that the actor's session has proved its second factor just now."""
        await self._prove(actor)

    async def _prove(self, actor: Actor, record: Record | None = None) -> None:
        if actor.session_id is not None:
            await self._sessions.prove(actor.session_id, record)

    async def sign_out(self, session_id: str, address: str = "") -> None:
        """Ends the session; what is open under it closes within a second.

        Args:
            address: where that was asked from.
        """
        view = self._sessions.find(session_id)

        def record(session: Session) -> None:
            if view is not None:
                self._trail.append(session, view.actor(address or view.address), "sign_out")

        await self._sessions.end(session_id, record)

    async def change_own_password(self, actor: Actor, current: str, new: str) -> None:
        """Replaces the actor's password and ends its other sessions.

        Raises:
            NotSignedIn: the current password is wrong (it counts towards the lock-out of this session).
            BadValue: the new one is weak, or the actor is the environment's administrator.
            Forbidden: a token asks.
            Limited: locked, or too often.
        """
        self._users.count_own_change(actor)
        if actor.user_id is None:
            raise BadValue("The administrator's password is ADMIN_PASSWORD in the environment; change it there.")
        require_strong(new)
        await self.check_own_password(actor, current, "password.changed")
        await self._users.change_own_password(actor, new)
        await self._sessions.end_all_of(actor.user_id, keep=actor.session_id)

    async def check_own_password(self, actor: Actor, password: str, what: str) -> None:
        """Takes the actor's own password before something that a session alone does not allow.

        Args:
            what: what the audit calls a wrong one.

        Raises:
            NotSignedIn: it is wrong; such ones lock this session.
            Limited: locked.
        """
        own = actor.user_id
        account = self._users.admin_account if own is None else await self._users.account_of(own)
        await self._proofs.password_again(actor, account, password, what)

    def session(self, token: str | None) -> SessionView | None:
        """The live session of a token, None for anything else."""
        return self._sessions.find(token_id(token)) if token else None

    def session_by_id(self, session_id: str | None) -> SessionView | None:
        """The live session of an id, for events of a page that is open already."""
        return self._sessions.find(session_id)

    async def sessions_of(self, actor: Actor) -> list[SessionEntry]:
        """The actor's own sessions, those that were seen last first. Raises Forbidden for a token."""
        actor.require_person()
        return [SessionEntry.of(view, actor) for view in self._sessions.of(actor.user_id)]

    async def end_session(self, actor: Actor, session_id: str) -> None:
        """Ends one of the actor's own sessions, be it the one that asks.

        Raises:
            NotFound: the actor has no such session.
            Forbidden: a token asks.
            Limited: too often.
        """
        self._users.count_own_change(actor)
        found = [view for view in self._sessions.of(actor.user_id) if view.id == session_id]
        if not found:
            raise NotFound("You have no such session.")
        facts = {"sessions": 1, "browser": browser_of(found[0].user_agent), "address": found[0].address}
        await self._sessions.end(session_id, self._ended(actor, actor.username, facts))

    async def end_other_sessions(self, actor: Actor) -> None:
        """Ends all of the actor's own sessions but the one that asks. Raises Forbidden for a token, and Limited."""
        self._users.count_own_change(actor)
        count = sum(view.id != actor.session_id for view in self._sessions.of(actor.user_id))
        if count:
            record = self._ended(actor, actor.username, {"sessions": count})
            await self._sessions.end_all_of(actor.user_id, keep=actor.session_id, record=record)

    async def end_sessions_of(self, actor: Actor, user_id: str) -> None:
        """Ends all sessions of a client; its tokens stay. Admin only. Raises NotFound and StepUpNeeded."""
        actor.require_admin()
        actor.require_fresh_factor(self._clock.now())
        user = await self._users.get(actor, user_id)
        count = len(self._sessions.of(user_id))
        if count:
            await self._sessions.end_all_of(user_id, record=self._ended(actor, user.username, {"sessions": count}))

    def _ended(self, actor: Actor, username: str, facts: dict[str, object]) -> Record:
        return lambda session: self._trail.append(session, actor, "session.ended", username, detail=facts)

    async def history(self, actor: Actor, limit: int = HISTORY) -> list[SignInView]:
        """The newest attempts, newest first. Admin only."""
        actor.require_admin()
        return await self._attempts.newest(limit)

    def figures(self, actor: Actor) -> AuthFigures:
        """How many come in. Raises Forbidden for a token without the scope read."""
        actor.require_read()
        return AuthFigures(len(self._sessions), dict(self._attempts.sign_ins))

    async def failures_24h(self, actor: Actor) -> int:
        """How many attempts failed in the last 24 hours. Admin only."""
        actor.require_admin()
        return await self._attempts.failures_24h()


def _stranger(username: str, address: str, account: Account | None) -> Stranger:
    if account is None:
        return Stranger(username, address)
    return Stranger(username, address, account.user.id, account.user.role)
