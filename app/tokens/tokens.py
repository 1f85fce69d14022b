"""The tokens themselves: rows in the database, mirrored in memory because every request of automation asks for one."""

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace

from sqlalchemy import bindparam
from sqlmodel import Session, col, delete, func, select, update

from app.audit.trail import AuditTrail
from app.auth.last_use import LastUse
from app.auth.registry import SessionRegistry
from app.core.clock import Clock
from app.core.database import Database
from app.core.errors import Conflict, NotSignedIn, Unavailable
from app.core.permissions import Actor
from app.core.tasks import TaskKeeper
from app.tokens.form import hash_of, is_well_formed, new_token
from app.tokens.models import TokenRow
from app.tokens.schemas import TokenCredential, TokenView
from app.users.schemas import UserView

log = logging.getLogger(__name__)

MAX_PER_USER = 50
SWEEP_SECONDS = 0.5
"""How often tokens that expired are looked for; what is open under one must close within a second."""

LAST_USED = update(TokenRow).where(col(TokenRow.id) == bindparam("credential")).values(last_used_at=bindparam("moment"))

HasFactor = Callable[[str | None], bool]


class Tokens:
    """Issues, finds and ends tokens. One that expired stays listed: its user sees why automation stopped.

    Args:
        registry: closes what is open under a token when it ends.
        trail: where their making and end are recorded.
        has_second_factor: whether the user of this id has one now.
    """

    def __init__(
        self,
        database: Database,
        registry: SessionRegistry,
        clock: Clock,
        trail: AuditTrail,
        has_second_factor: HasFactor,
    ) -> None:
        self._database = database
        self._registry = registry
        self._clock = clock
        self._trail = trail
        self._has_second_factor = has_second_factor
        self._views: dict[str, TokenView] = {}
        self._ids: dict[str, str] = {}  # by hash
        self._users: dict[str | None, UserView] = {}
        self._unexpired: set[str] = set()
        self._undeleted: dict[str, tuple[TokenView, Actor]] = {}
        self._ended_for: Counter[str | None] = Counter()
        self._last_use = LastUse(database, LAST_USED)
        self._tasks = TaskKeeper("tokens")

    async def open(self, users: Iterable[UserView]) -> None:
        """Loads the tokens of those who may still sign in, and forgets the others."""
        self._users = {user.id: user for user in users if user.is_active}

        def load(session: Session) -> list[TokenRow]:
            kept = []
            for row in session.exec(select(TokenRow)):
                user = self._users.get(row.user_id)
                if user is None or user.username != row.username:
                    self._delete_row(session, _view(row), Actor.system())
                else:
                    kept.append(row)
            return kept

        for row in await self._database.write(load):
            self._keep(row)
        self._tasks.spawn(self._sweep(), "sweep")
        self._tasks.spawn(self._last_use.keep_saving(), "last use")

    async def close(self) -> None:
        """Stops background work and stores when each token was used last."""
        await self._tasks.close()
        await self._last_use.save()

    # -- finding

    def find(self, token: str) -> TokenCredential | None:
        """The live token of this text, None for anything else; a malformed one is not even looked up."""
        return self.find_by_id(self._ids.get(hash_of(token))) if is_well_formed(token) else None

    def find_by_id(self, token_id: str | None) -> TokenCredential | None:
        """The live token of this id, None when it ended, expired or never was."""
        view = self._views.get(token_id or "")
        now = self._clock.now_iso()
        if view is None or (view.expires_at is not None and view.expires_at <= now):
            return None
        self._last_use.note(view.id, now)
        return TokenCredential(view, self._users[view.user_id], self._has_second_factor(view.user_id))

    def view(self, token_id: str) -> TokenView | None:
        """A token, expired or not, also one whose end the database has not taken yet; None for an unknown one."""
        ending = self._undeleted.get(token_id)
        return ending[0] if ending else self._views.get(token_id)

    def all(self) -> list[TokenView]:
        """Every token, newest first."""
        views = [self._with_last_use(view) for view in self._views.values()]
        return sorted(views, key=lambda view: (view.created_at, view.id), reverse=True)

    def _with_last_use(self, view: TokenView) -> TokenView:
        return replace(view, last_used_at=self._last_use.of(view.id) or view.last_used_at)

    # -- making and ending

    def endings_of(self, user_id: str | None) -> int:
        """How often the user lost its rights, for `issue`."""
        return self._ended_for[user_id]

    async def issue(self, actor: Actor, user: UserView, view: TokenView, endings: int) -> str:
        """Makes the token that `view` tells of, and returns it; it is not kept. See `accept`."""
        token = new_token()
        await self.accept(actor, user, view, endings, hash_of(token))
        return token

    async def accept(self, actor: Actor, user: UserView, view: TokenView, endings: int, token_hash: str) -> None:
        """Has a token of this hash be what `view` tells of.

        Args:
            endings: `endings_of` the user when it was known to have its rights.

        Raises:
            Conflict: the user has too many, or there is one of this hash.
            NotSignedIn: the user lost its rights meanwhile.
            Unavailable: it cannot be stored.
        """
        row = TokenRow(
            id=view.id,
            hash=token_hash,
            user_id=user.id,
            username=user.username,
            name=view.name,
            scopes=json.dumps(view.scopes),
            created_at=view.created_at,
            expires_at=view.expires_at,
        )

        def insert(session: Session) -> None:
            theirs = select(func.count()).where(col(TokenRow.user_id).is_not_distinct_from(user.id))
            if session.exec(theirs).one() >= MAX_PER_USER:
                raise Conflict(f"You have {MAX_PER_USER} tokens already. Revoke one that you do not need first.")
            if session.exec(select(TokenRow.id).where(TokenRow.hash == token_hash)).first() is not None:
                raise Conflict("This token is accepted already.")
            session.add(row)
            detail = {"id": view.id, "scopes": list(view.scopes), "expires_at": view.expires_at}
            if actor.user_id != user.id or actor.username != user.username:
                detail["of"] = user.username
            self._trail.append(session, actor, "token.created", view.name, detail=detail)

        await self._database.write(insert)
        self._users[user.id] = user
        self._keep(row)
        if self._ended_for[user.id] != endings:  # deleted, say, while this was being written
            await self.end(view, Actor.system())
            raise NotSignedIn("Your account has just been changed. Sign in again.")

    def rename(self, user: UserView) -> None:
        """Gives a user's tokens the display name that it has now."""
        if user.id in self._users:
            self._users[user.id] = user

    async def end(self, view: TokenView, actor: Actor) -> None:
        """Ends a token at once. Raises Unavailable when that is not stored yet; it is tried again until it is."""
        self._drop(view, actor)
        await self._delete_ended()

    async def end_all_of(self, user_id: str | None) -> None:
        """Ends a user's tokens (None: the administrator's) at once, and for ever as soon as the database takes it."""
        self._ended_for[user_id] += 1
        for view in [view for view in self._views.values() if view.user_id == user_id]:
            self._drop(view, Actor.system())
        await self._try_to_delete_ended()

    def _keep(self, row: TokenRow) -> None:
        self._views[row.id] = _view(row)
        self._ids[row.hash] = row.id
        self._unexpired.add(row.id)

    def _drop(self, view: TokenView, actor: Actor) -> None:
        self._views.pop(view.id, None)
        self._unexpired.discard(view.id)
        self._ids = {digest: token_id for digest, token_id in self._ids.items() if token_id != view.id}
        self._last_use.forget(view.id)
        self._undeleted.setdefault(view.id, (view, actor))
        self._registry.revoke(view.id)

    async def _delete_ended(self) -> None:
        ended = dict(self._undeleted)

        def work(session: Session) -> None:
            for view, actor in ended.values():
                self._delete_row(session, view, actor)

        if ended:
            await self._database.write(work)
            self._undeleted = {key: value for key, value in self._undeleted.items() if key not in ended}

    async def _try_to_delete_ended(self) -> None:
        try:
            await self._delete_ended()
        except Unavailable:
            # Nobody gets in with them any more while this process lives; the sweep tries again.
            log.warning("ended tokens are not deleted yet", extra={"event": "tokens_undeleted"})

    def _delete_row(self, session: Session, view: TokenView, actor: Actor) -> None:
        if session.exec(delete(TokenRow).where(col(TokenRow.id) == view.id)).rowcount:
            detail = {"id": view.id, "of": view.username}
            self._trail.append(session, actor, "token.revoked", view.name, detail=detail)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            now = self._clock.now_iso()
            for token_id in [i for i in self._unexpired if (self._views[i].expires_at or "9") <= now]:
                self._unexpired.discard(token_id)
                self._registry.revoke(token_id)
            await self._try_to_delete_ended()


def _view(row: TokenRow) -> TokenView:
    return TokenView(
        id=row.id,
        name=row.name,
        scopes=tuple(json.loads(row.scopes)),
        user_id=row.user_id,
        username=row.username,
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
    )
