"""The sign-in of the product on a database of the test's own, with a clock that can be moved."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import cast

from app.actions.service import ActionsService
from app.audit.service import AuditService
from app.audit.trail import AuditTrail
from app.auth.registry import SessionRegistry
from app.auth.schemas import SignedIn
from app.auth.service import AuthService
from app.auth.sessions import Sessions
from app.core.config import Config, load_config
from app.core.database import Database
from app.core.errors import Limited, NotSignedIn
from app.core.passwords import PasswordHasher
from app.core.permissions import Actor, Role
from app.second_factor.factors import Factors
from app.second_factor.vault import Vault
from app.services import Services
from app.settings.service import SettingsService
from app.tokens.service import TokensService
from app.users.schemas import Account, UserView
from app.users.service import UsersService
from tests.support.database import MovedClock

ADMIN, ADMIN_PASSWORD = "Admin", "Correct-Horse-7"
CLARA, CLARA_PASSWORD = "clara", "Battery-Staple-8"
HOME = "192.0.2.1"

_hashes: dict[str, str] = {}
"""Of administrators' passwords: each start of the product makes one anew, here the first start does for all."""


class CountingHasher(PasswordHasher):
    """The real one, with a count of checks."""

    def __init__(self) -> None:
        super().__init__()
        self.checks = 0

    async def verify(self, password: str, stored: str | None) -> bool:
        self.checks += 1
        return await super().verify(password, stored)


@dataclass
class Door:
    """Everything about signing in."""

    auth: AuthService
    users: UsersService
    tokens: TokensService
    audit: AuditService
    actions: ActionsService
    sessions: Sessions
    registry: SessionRegistry
    hasher: CountingHasher
    clock: MovedClock
    database: Database

    async def enter(
        self,
        username: str = ADMIN,
        password: str = ADMIN_PASSWORD,
        address: str = HOME,
        device: str = "",
        user_agent: str = "",
    ) -> SignedIn:
        """Signs in, or raises."""
        return await self.auth.sign_in(username, password, address=address, device=device, user_agent=user_agent)

    async def fail(self, times: int = 1, username: str = ADMIN, address: str = HOME, device: str = "") -> None:
        """Wrong passwords that are checked, each of them."""
        for _ in range(times):
            before = self.hasher.checks
            try:
                await self.enter(username, "wrong", address, device)
            except NotSignedIn:
                if self.hasher.checks != before + 1:
                    raise AssertionError("refused without a check") from None
            else:
                raise AssertionError("a wrong password was taken")

    async def locked(self, username: str = ADMIN, address: str = HOME, device: str = "", password: str = "x") -> int:
        """Seconds of lock, 0 for none; fails when a locked attempt was checked."""
        before = self.hasher.checks
        try:
            await self.enter(username, password, address, device)
        except Limited as error:
            if self.hasher.checks != before:
                raise AssertionError("a locked attempt was checked") from None
            return error.retry_after
        except NotSignedIn:
            pass
        return 0

    def services(self, config: Config | None = None) -> Services:
        """What the gate and the sockets are handed."""
        known = {
            "config": config or load_config({}, env_file=None),
            "auth": self.auth,
            "audit": self.audit,
            "tokens": self.tokens,
            "registry": self.registry,
            "second_factor": SimpleNamespace(is_missing=lambda holder: False),
            "cloudflare_access": None,
        }
        return cast("Services", SimpleNamespace(**known))

    async def add_clara(self) -> UserView:
        """A client account."""
        return await self.users.create(Actor.system(), CLARA, CLARA_PASSWORD, "Clara C.")


@asynccontextmanager
async def open_door(
    database: Database, clock: MovedClock, *, admin: str = ADMIN, password: str = ADMIN_PASSWORD
) -> AsyncIterator[Door]:
    """As `app.bootstrap` does it; again on the same database, it is a restart."""
    hasher, trail = CountingHasher(), AuditTrail(database, clock)
    config = load_config({}, env_file=None)
    audit = AuditService(database, trail, SettingsService(database, config, trail, clock), clock, config.log_dir)
    view = UserView(None, admin, "Administrator", Role.ADMIN, True, None)
    if password not in _hashes:
        _hashes[password] = await hasher.hash(password)
    users = UsersService(database, hasher, Account(view, _hashes[password]), clock, trail)
    await users.open()
    registry = SessionRegistry()
    factors = Factors(database, Vault(database.path.parent), clock, trail)
    await factors.open()
    actions = ActionsService(database, clock, trail)
    tokens = TokensService(database, registry, users, actions, clock, trail, factors.has)
    await tokens.open()
    sessions = Sessions(database, registry, clock, factors)
    auth = AuthService(database, sessions, users, hasher, clock, trail, factors)
    await auth.open(password)
    hasher.checks = 0
    try:
        yield Door(auth, users, tokens, audit, actions, sessions, registry, hasher, clock, database)
    finally:
        await auth.close()
        await tokens.close()
        hasher.close()
