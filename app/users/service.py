"""The people who may sign in: the environment's administrator and the clients of the database."""

import logging
from collections.abc import Awaitable, Callable

from limits import RateLimitItemPerMinute
from sqlmodel import Session, col, select

from app.audit.trail import AuditTrail
from app.core.clock import Clock
from app.core.database import Database
from app.core.errors import BadValue, Conflict, NotFound
from app.core.ids import new_id
from app.core.limiter import Limiter
from app.core.passwords import PasswordHasher, require_strong
from app.core.permissions import Actor
from app.users.models import UserRow
from app.users.names import check_display_name, check_username, name_key
from app.users.passwords import StoredPasswords
from app.users.rows import account_where, row_of, view_of
from app.users.schemas import Account, UserView

log = logging.getLogger(__name__)

LostRights = Callable[[str | None], Awaitable[None]]
Renamed = Callable[[UserView], None]

OWN_CHANGES = RateLimitItemPerMinute(60, namespace="own change")
"""Each may be a row of the audit, whose oldest rows go when there are too many."""


class UsersService:
    """Keeps client accounts and answers for the administrator.

    Args:
        database: where clients are kept.
        hasher: how passwords are hashed.
        admin: the environment's administrator, with the hash of its password.
        trail: where changes are recorded.
    """

    def __init__(
        self, database: Database, hasher: PasswordHasher, admin: Account, clock: Clock, trail: AuditTrail
    ) -> None:
        self._database = database
        self._hasher = hasher
        self._passwords = StoredPasswords(database, hasher, trail)
        self._admin = admin
        self._clock = clock
        self._trail = trail
        self._watchers: list[tuple[LostRights, Renamed]] = []
        self._limiter = Limiter()

    async def open(self) -> None:
        """Warns when a client has the name that the administrator was given since: only the administrator gets in."""
        key = name_key(self.admin.username)
        if await self._database.read(lambda session: account_where(session, col(UserRow.username_key) == key)):
            sentence = "the client %s has the administrator's name and cannot sign in"
            log.warning(sentence, self.admin.username, extra={"event": "name_clash"})

    @property
    def admin(self) -> UserView:
        """The environment's administrator."""
        return self._admin.user

    @property
    def admin_account(self) -> Account:
        """The environment's administrator, with the hash of its password."""
        return self._admin

    def watch(self, *, lost_rights: LostRights, renamed: Renamed) -> None:
        """Has `lost_rights(user_id)` awaited whenever a user was deleted or deactivated or its password replaced (None:
        the administrator's name or password), and `renamed(user)` called when its display name changed."""
        self._watchers.append((lost_rights, renamed))

    async def list(self, actor: Actor) -> list[UserView]:
        """All clients, oldest first. Admin only."""
        actor.require_admin()
        return await self._database.read(
            lambda session: [
                view_of(row) for row in session.exec(select(UserRow).order_by(col(UserRow.created_at), col(UserRow.id)))
            ]
        )

    async def get(self, actor: Actor, user_id: str) -> UserView:
        """One client. Admin only; NotFound for an unknown id."""
        actor.require_admin()
        return await self._database.read(lambda session: view_of(row_of(session, user_id)))

    async def client_named(self, actor: Actor, username: str) -> UserView:
        """The client with this name. Admin only.

        Raises:
            BadValue: it is the administrator's, who is kept in the environment.
            NotFound: nobody has this name.
        """
        actor.require_admin()
        key = name_key(username)
        client = await self._database.read(lambda session: account_where(session, col(UserRow.username_key) == key))
        if client is not None:
            return client.user
        if key == name_key(self.admin.username):
            raise BadValue("The administrator is kept in the environment: change ADMIN_USERNAME, ADMIN_PASSWORD there.")
        raise NotFound(f"There is no user {username[:80]!r}.")

    async def create(self, actor: Actor, username: str, password: str, display_name: str | None = None) -> UserView:
        """Makes a client account. Admin only.

        Raises:
            BadValue: the name or the password does not keep its rule.
            Conflict: somebody, the administrator included, has that name.
        """
        actor.require_admin()
        actor.require_fresh_factor(self._clock.now())
        username, shown = check_username(username), check_display_name(display_name)
        require_strong(password)
        key = name_key(username)
        if key == name_key(self.admin.username):
            raise Conflict("The administrator has this name.")
        if key == Actor.system().username:
            raise Conflict("Commands on the machine act by this name; history would not tell them apart.")
        password_hash = await self._hasher.hash(password)
        row = UserRow(
            id=new_id(),
            username=username,
            username_key=key,
            display_name=shown,
            password_hash=password_hash,
            is_active=True,
            created_at=self._clock.now_iso(),
        )

        def insert(session: Session) -> UserView:
            if session.exec(select(UserRow).where(UserRow.username_key == key)).first() is not None:
                raise Conflict("Somebody has this name already.")
            session.add(row)
            facts = {"id": row.id, "display_name": shown}
            self._trail.append(session, actor, "user.created", username, detail=facts)
            return view_of(row)

        return await self._database.write(insert)

    async def update(
        self, actor: Actor, user_id: str, *, display_name: str | None = None, is_active: bool | None = None
    ) -> UserView:
        """Changes what is given; an empty display name clears it. Admin only. Deactivating ends all sessions."""
        actor.require_admin()
        actor.require_fresh_factor(self._clock.now())
        shown = None if display_name is None else check_display_name(display_name)

        def change(session: Session) -> UserView:
            row = row_of(session, user_id)
            if shown is not None:
                self._rename(session, actor, row, shown)
            if is_active is not None and is_active != row.is_active:
                what = "user.activated" if is_active else "user.deactivated"
                self._trail.append(session, actor, what, row.username, detail={"id": user_id})
                row.is_active = is_active
            session.add(row)
            return view_of(row)

        user = await self._database.write(change)
        for _, renamed in self._watchers:
            renamed(user)
        if not user.is_active:
            await self._lost_rights(user_id)
        return user

    async def delete(self, actor: Actor, user_id: str) -> None:
        """Removes the account and ends its sessions; runs and history keep the name. Admin only."""
        actor.require_admin()
        actor.require_fresh_factor(self._clock.now())

        def remove(session: Session) -> None:
            row = row_of(session, user_id)
            self._trail.append(session, actor, "user.deleted", row.username, detail={"id": user_id})
            session.delete(row)

        await self._database.write(remove)
        await self._lost_rights(user_id)

    async def set_password(self, actor: Actor, user_id: str, password: str) -> None:
        """Gives a client a new password and ends its sessions. Admin only."""
        actor.require_admin()
        actor.require_fresh_factor(self._clock.now())
        await self._passwords.store(actor, user_id, password, "user.password_reset")
        await self._lost_rights(user_id)

    async def administrator_changed(self) -> None:
        """Has all ended that the administrator opened: its name or password is not what it was."""
        await self._lost_rights(None)

    def count_own_change(self, actor: Actor) -> None:
        """To be called by whatever changes one's own account: name, password, tokens, sessions, second factor.

        Raises:
            Forbidden: a token asks.
            Limited: it is the actor's 61st change within a minute.
        """
        actor.require_person()
        sentence = "You have changed your account too often. Try again in a minute."
        self._limiter.count(OWN_CHANGES, actor.user_id or "", sentence)

    async def change_own_display_name(self, actor: Actor, display_name: str) -> UserView:
        """Gives the actor another display name; an empty one clears it.

        Raises:
            BadValue: the name does not keep its rule, or the actor is the environment's administrator.
            Forbidden: a token asks.
            Limited: too often.
        """
        self.count_own_change(actor)
        if actor.user_id is None:
            raise BadValue("The administrator's name is ADMIN_DISPLAY_NAME in the environment; change it there.")
        user_id, shown = actor.user_id, check_display_name(display_name)

        def change(session: Session) -> UserView:
            row = row_of(session, user_id)
            self._rename(session, actor, row, shown)
            return view_of(row)

        user = await self._database.write(change)
        for _, renamed in self._watchers:
            renamed(user)
        return user

    def _rename(self, session: Session, actor: Actor, row: UserRow, shown: str) -> None:
        if shown != row.display_name:
            facts = {"id": row.id, "old": row.display_name, "new": shown}
            self._trail.append(session, actor, "user.changed", row.username, detail=facts)
            row.display_name = shown
            session.add(row)

    async def change_own_password(self, actor: Actor, password: str) -> None:
        """Stores the actor's new password; the caller has checked the current one and ends the other sessions."""
        if actor.user_id is None:
            raise BadValue("The administrator's password is ADMIN_PASSWORD in the environment; change it there.")
        await self._passwords.store(actor, actor.user_id, password, "password.changed")

    async def account(self, username: str) -> Account | None:
        """Who signs in under this name; None for nobody. The administrator wins over a client of the same name."""
        key = name_key(username)
        # Looked up for the administrator, too: the time must not tell which name is its.
        client = await self._database.read(lambda session: account_where(session, col(UserRow.username_key) == key))
        return self._admin if key == name_key(self.admin.username) else client

    async def account_of(self, user_id: str) -> Account | None:
        """The account of a client, None when it is gone."""
        return await self._database.read(lambda session: account_where(session, col(UserRow.id) == user_id))

    async def refresh_hash(self, user_id: str, password: str, outdated: str) -> str:
        """Stores the password of who just signed in with today's parameters; see StoredPasswords. Returns the hash."""
        return await self._passwords.refresh(user_id, password, outdated)

    async def _lost_rights(self, user_id: str | None) -> None:
        for lost_rights, _ in self._watchers:
            await lost_rights(user_id)
