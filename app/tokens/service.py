"""API tokens: who may make which, see them, and end them."""

import logging
import re
from collections.abc import Sequence
from datetime import timedelta

from app.actions.service import ActionsService
from app.audit.trail import AuditTrail
from app.auth.registry import SessionRegistry
from app.core.clock import Clock, iso
from app.core.database import Database
from app.core.errors import BadValue, Conflict, NotFound, NotSignedIn
from app.core.ids import new_id
from app.core.permissions import ADMIN, READ, RUN, Actor
from app.tokens.schemas import NewToken, TokenCredential, TokenView
from app.tokens.tokens import HasFactor, Tokens
from app.users.schemas import UserView
from app.users.service import UsersService

log = logging.getLogger(__name__)

MAX_NAME = 100
MAX_SCOPES = 100
MAX_DAYS = 3650
ACTION = re.compile(r"[0-9a-f]{32}")
SHA256 = re.compile(r"[0-9a-fA-F]{64}")


class TokensService:
    """Everybody makes tokens for themself; none gives more than its user has.

    Args:
        registry: closes what is open under a token when it ends.
        users: whose tokens they are; they end with their user's rights.
        actions: what `run:` scopes name.
        has_second_factor: whether the user of this id has one now.
    """

    def __init__(
        self,
        database: Database,
        registry: SessionRegistry,
        users: UsersService,
        actions: ActionsService,
        clock: Clock,
        trail: AuditTrail,
        has_second_factor: HasFactor,
    ) -> None:
        self._tokens = Tokens(database, registry, clock, trail, has_second_factor)
        self._users = users
        self._actions = actions
        self._clock = clock
        users.watch(lost_rights=self._tokens.end_all_of, renamed=self._tokens.rename)

    async def open(self) -> None:
        """Loads the tokens."""
        clients = await self._users.list(Actor.system())
        await self._tokens.open([self._users.admin, *clients])

    async def close(self) -> None:
        """Ends background work; tokens stay as they are."""
        await self._tokens.close()

    def credential(self, token: str) -> TokenCredential | None:
        """The live token of this text, None for anything else."""
        return self._tokens.find(token)

    def credential_by_id(self, token_id: str | None) -> TokenCredential | None:
        """The live token of this id, for what is open already."""
        return self._tokens.find_by_id(token_id)

    async def list(self, actor: Actor, *, everyone: bool = False) -> list[TokenView]:
        """The actor's own tokens, newest first, those that expired included; everybody's for an admin who asks.

        Raises:
            Forbidden: a token asks, or a client asks for everybody's.
        """
        actor.require_person()
        if everyone:
            actor.require_admin()
        return [view for view in self._tokens.all() if everyone or view.user_id == actor.user_id]

    async def create(self, actor: Actor, name: str, scopes: Sequence[str], days: int | None = None) -> NewToken:
        """Makes a token of the actor's own; its text is told here and never again.

        Args:
            name: what it is for.
            scopes: `read`, `run:<id of a quick action>`, and for an admin `admin`.
            days: until it expires, 1 to 3650; None for never.

        Raises:
            BadValue: a name, scope or number of days is not acceptable.
            Forbidden: a token asks, or a client wants the scope admin.
            StepUpNeeded: the scope admin is wanted, and the second factor was proved too long ago.
            Conflict: the actor has too many tokens already.
            Limited: too often.
            Unavailable: it cannot be stored.
        """
        self._users.count_own_change(actor)
        return await self._create(actor, actor, name, scopes, days)

    async def create_for(
        self, actor: Actor, username: str | None, name: str, scopes: Sequence[str], days: int | None = None
    ) -> NewToken:
        """Makes a token of somebody else's, who could have made it without a second factor. Admin only.

        Args:
            username: whose it is to be, None for the administrator's.
            name, scopes, days: as in `create`.

        Raises:
            NotFound: nobody has this name.
            Conflict: its owner is deactivated.
            As `create`.
        """
        actor.require_admin()
        actor.require_person()
        actor.require_fresh_factor(self._clock.now())
        account = await self._users.account(self._users.admin.username if username is None else username)
        if account is None:
            raise NotFound(f"There is no user {username or '':.80}.")
        user = account.user
        if not user.is_active:
            raise Conflict(f"{user.username} is deactivated.")
        owner = Actor(user.id, user.username, user.display_name, user.role)
        return await self._create(actor, owner, name, scopes, days)

    async def _create(self, actor: Actor, owner: Actor, name: str, scopes: Sequence[str], days: int | None) -> NewToken:
        endings = self._tokens.endings_of(owner.user_id)
        if days is not None and not 1 <= days <= MAX_DAYS:
            raise BadValue(f"A token is good for 1 to {MAX_DAYS} days.")
        now = self._clock.now()
        view = TokenView(
            id=new_id(),
            name=_checked_name(name),
            scopes=await self._checked_scopes(owner, scopes),
            user_id=owner.user_id,
            username=owner.username,
            created_at=iso(now),
            expires_at=None if days is None else iso(now + timedelta(days=days)),
            last_used_at=None,
        )
        token = await self._tokens.issue(actor, await self._user(owner), view, endings)
        log.info("token made by %s", actor.username, extra={"event": "token_created", "token_id": view.id})
        return NewToken(token, view)

    async def accept(self, actor: Actor, name: str, sha256: str) -> TokenView:
        """Has this machine accept a token that was made on another one: one Prometheus, one token, many machines.

        It may read here what the administrator may, and nothing else. Admin only.

        Args:
            name: what it is for.
            sha256: of the token's text, in hexadecimal; the token itself need not come here.

        Raises:
            BadValue: the name or hash is not acceptable.
            Forbidden: a token or a client asks.
            StepUpNeeded: the second factor was proved too long ago.
            Conflict: it is accepted already, or the actor has too many tokens.
            Limited: too often.
            Unavailable: it cannot be stored.
        """
        actor.require_admin()
        actor.require_fresh_factor(self._clock.now())
        self._users.count_own_change(actor)
        if SHA256.fullmatch(sha256) is None:
            raise BadValue("The SHA-256 of a token has 64 hexadecimal digits: printf %s TOKEN | sha256sum")
        endings, user = self._tokens.endings_of(actor.user_id), await self._user(actor)
        now = iso(self._clock.now())
        view = TokenView(new_id(), _checked_name(name), (READ,), user.id, user.username, now, None, None)
        await self._tokens.accept(actor, user, view, endings, sha256.lower())
        log.info("token accepted by %s", actor.username, extra={"event": "token_accepted", "token_id": view.id})
        return view

    async def revoke(self, actor: Actor, token_id: str) -> None:
        """Ends a token; what is open under it closes within a second. One's own, an admin anybody's.

        Raises:
            NotFound: there is no such token (for this actor).
            Forbidden: a token asks.
            Limited: too often.
            Unavailable: it has ended, but that could not be stored yet.
        """
        self._users.count_own_change(actor)
        view = self._tokens.view(token_id)
        if view is None or not (actor.is_admin or view.user_id == actor.user_id):
            raise NotFound("There is no such token.")
        await self._tokens.end(view, actor)
        log.info("token revoked by %s", actor.username, extra={"event": "token_revoked", "token_id": view.id})

    async def _user(self, actor: Actor) -> UserView:
        if actor.user_id is None:
            return self._users.admin
        account = await self._users.account_of(actor.user_id)
        if account is None or not account.user.is_active:
            raise NotSignedIn("Your account has just been changed. Sign in again.")
        return account.user

    async def _checked_scopes(self, actor: Actor, scopes: Sequence[str]) -> tuple[str, ...]:
        if not scopes:
            raise BadValue("A token needs at least one scope: read, admin, or run:<id of a quick action>.")
        if len(scopes) > MAX_SCOPES:
            raise BadValue(f"A token has at most {MAX_SCOPES} scopes.")
        if ADMIN in scopes:
            actor.require_admin()
            actor.require_fresh_factor(self._clock.now())
        for scope in scopes:
            if scope not in (READ, ADMIN):
                await self._require_action(actor, scope)
        return tuple(sorted(set(scopes)))

    async def _require_action(self, actor: Actor, scope: str) -> None:
        action_id = scope.removeprefix(RUN)
        if action_id == scope or ACTION.fullmatch(action_id) is None:
            raise BadValue("Scopes are read, admin, and run:<id of a quick action>.")
        try:
            await self._actions.get(actor, action_id)
        except NotFound:
            raise BadValue(f"There is no quick action {action_id}.") from None


def _checked_name(name: str) -> str:
    name = name.strip()
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise BadValue(f"A token needs a name of 1 to {MAX_NAME} printable characters.")
    return name
