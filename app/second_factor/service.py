"""The rules of second factors: who sets up, proves and removes which, and whom the administrator's demand keeps out."""

import asyncio
import secrets
import socket
from typing import Protocol
from urllib.parse import urlsplit

from app.auth.registry import SessionRegistry
from app.auth.service import AuthService
from app.core.clock import Clock
from app.core.config import Config
from app.core.errors import Conflict
from app.core.permissions import Actor
from app.second_factor.codes import SECRET_BYTES, qr_of, shown_secret, uri_of
from app.second_factor.factors import Factors
from app.second_factor.rescue import remove_named
from app.second_factor.schemas import Enrolment, FactorState
from app.settings.catalog import REQUIRE_SECOND_FACTOR
from app.settings.service import SettingsService
from app.tokens.service import TokensService
from app.users.schemas import UserView
from app.users.service import UsersService


class Holder(Protocol):
    """Whoever may have a second factor: an actor, a session, a token."""

    @property
    def has_second_factor(self) -> bool:
        """Whether there is one now."""


class SecondFactorService:
    """Second factors of people; a token never touches one.

    Args:
        factors: keeps them.
        auth: knows sessions and the lock-out.
        tokens: knows what else acts for people.
        registry: closes what is open and no longer allowed.
    """

    def __init__(
        self,
        factors: Factors,
        auth: AuthService,
        tokens: TokensService,
        registry: SessionRegistry,
        users: UsersService,
        settings: SettingsService,
        config: Config,
        clock: Clock,
    ) -> None:
        self._factors = factors
        self._auth = auth
        self._tokens = tokens
        self._registry = registry
        self._users = users
        self._settings = settings
        self._config = config
        self._clock = clock
        factors.watch(self._factor_changed)
        settings.subscribe(self._setting_changed)
        users.watch(lost_rights=self._lost_rights, renamed=lambda _: None)

    def is_missing(self, holder: Holder) -> bool:
        """Whether this one has to set up a second factor before anything else."""
        return self._settings.require_second_factor and not holder.has_second_factor

    def client_ids(self, actor: Actor) -> frozenset[str]:
        """The ids of the clients who have a second factor. Admin only."""
        actor.require_admin()
        return self._factors.client_ids()

    async def state(self, actor: Actor) -> FactorState:
        """How it stands with the actor's own."""
        actor.require_person()
        facts = await self._factors.facts(actor.user_id)
        created_at, left = facts or (None, 0)
        return FactorState(facts is not None, created_at, left, self._settings.require_second_factor)

    async def begin(self, actor: Actor, password: str) -> Enrolment:
        """A new secret for the actor's authenticator; nothing changes until `confirm` has seen a code of it.

        Args:
            password: the actor's own; a session alone could be a stolen one, and would make the account its own.

        Raises:
            NotSignedIn: the password is wrong (it counts towards the lock-out of this session).
            Conflict: the actor has a second factor.
            Limited: too often.
            Unavailable: the key that secrets are encrypted with is missing although others need it.
        """
        self._users.count_own_change(actor)
        await self._auth.check_own_password(actor, password, "second_factor.begin")
        secret = secrets.token_bytes(SECRET_BYTES)
        await self._factors.begin(actor.user_id, secret)
        return await asyncio.to_thread(_enrolment, secret, actor.username, self._issuer())

    async def confirm(self, actor: Actor, code: str) -> list[str]:
        """Takes the first code and returns ten recovery codes, which are never shown again.

        Raises:
            BadValue: the code does not fit.
            Conflict: nothing waits for a code.
            Limited: too often.
        """
        self._users.count_own_change(actor)
        codes = await self._factors.confirm(actor, code)
        await self._auth.prove(actor)
        return codes

    async def step_up(self, actor: Actor, code: str) -> None:
        """Takes a code anew, so that the actor's session may do what is dangerous for ten minutes.

        Raises:
            NotSignedIn: the code is wrong (it counts towards the lock-out of this session).
            Conflict: there is no second factor to prove.
            Limited: locked.
        """
        actor.require_person()
        if not actor.has_second_factor:
            raise Conflict("You have no second factor.")
        await self._auth.step_up(actor, code)

    async def renew_recovery(self, actor: Actor) -> list[str]:
        """Ten new recovery codes; the old ones are void.

        Raises:
            StepUpNeeded: the second factor was proved too long ago.
            Conflict: there is no second factor.
            Limited: too often.
        """
        self._users.count_own_change(actor)
        actor.require_fresh_factor(self._clock.now())
        return await self._factors.renew_recovery(actor)

    async def remove(self, actor: Actor) -> None:
        """Removes the actor's own. Raises StepUpNeeded, and Limited when that is asked for too often."""
        self._users.count_own_change(actor)
        actor.require_fresh_factor(self._clock.now())
        await self._factors.remove(actor, actor.user_id, actor.username)

    async def remove_of(self, actor: Actor, user_id: str) -> None:
        """Removes a client's, who has lost it. Admin only.

        Raises:
            StepUpNeeded: the admin has to prove its own first.
            NotFound: there is no such user.
        """
        actor.require_admin()
        actor.require_fresh_factor(self._clock.now())
        user = await self._users.get(actor, user_id)
        await self._factors.remove(actor, user_id, user.username)

    async def remove_named(self, actor: Actor, username: str) -> UserView:
        """Removes that of whoever signs in under this name, for the command line. Admin only; raises as `rescue`."""
        actor.require_admin()
        actor.require_fresh_factor(self._clock.now())
        return await remove_named(self._factors, self._users, username)

    async def _factor_changed(self, _user_id: str | None, has: bool) -> None:
        if not has:
            self._narrow()

    def _setting_changed(self, key: str) -> None:
        if key == REQUIRE_SECOND_FACTOR.key:
            self._narrow()

    def _narrow(self) -> None:
        """Closes what people have open who have to set up a second factor first; they stay signed in."""
        self._registry.revoke_all(self._is_missing_behind)

    def _is_missing_behind(self, credential_id: str) -> bool:
        holder = self._auth.session_by_id(credential_id) or self._tokens.credential_by_id(credential_id)
        return holder is not None and self.is_missing(holder)

    async def _lost_rights(self, user_id: str | None) -> None:
        """Removes the second factor of a user who is gone; who was only deactivated keeps it, as does the admin."""
        if user_id is not None and await self._users.account_of(user_id) is None:
            await self._factors.forget(user_id)

    def _issuer(self) -> str:
        named = urlsplit(self._config.public_url).hostname if self._config.public_url else None
        return f"Toru ({named or socket.gethostname()})"


def _enrolment(secret: bytes, username: str, issuer: str) -> Enrolment:
    uri = uri_of(secret, username, issuer)
    return Enrolment(shown_secret(secret), uri, qr_of(uri))
