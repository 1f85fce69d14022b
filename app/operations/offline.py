"""What commands may ask where no core runs: the same operations, on the database itself, under the instance lock."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from app.actions.service import ActionsService
from app.audit.service import AuditService
from app.audit.trail import AuditTrail
from app.auth.last_start import read_last_start
from app.auth.registry import SessionRegistry
from app.auth.sessions import Sessions
from app.backup.pending import finish_pending, has_database
from app.control import Handler, NotRunning
from app.core.clock import Clock
from app.core.config import Config
from app.core.database import Database
from app.core.instance_lock import InstanceLock
from app.core.migrate import prepare_database
from app.core.ownership import require_ours
from app.core.passwords import PasswordHasher
from app.core.permissions import Role
from app.operations.audit import audit_handlers
from app.operations.tokens import token_handlers
from app.operations.users import user_handlers
from app.second_factor.factors import Factors
from app.second_factor.rescue import remove_named
from app.second_factor.vault import Vault
from app.settings.service import SettingsService
from app.tokens.service import TokensService
from app.users.schemas import Account, UserView
from app.users.service import UsersService


@asynccontextmanager
async def offline_handlers(config: Config, *, may_create: bool = False) -> AsyncIterator[Mapping[str, Handler]]:
    """Every command that needs no running core, by name. The instance lock keeps one from starting meanwhile.

    Args:
        may_create: whether a database is made where there is none.

    Raises:
        NotRunning: there is no database.
        AnotherUsers: the data folder is another user's; what was written into it, its owner could not use.
        AlreadyRunning: a core runs after all, but does not answer.
        UnusableDatabase: the file cannot be used.
    """
    async with open_database(config, may_create=may_create) as database, AsyncExitStack() as stack:
        yield await _handlers(config, database, stack)


@asynccontextmanager
async def open_database(config: Config, *, may_create: bool = False) -> AsyncIterator[Database]:
    """The database where no core runs; the arguments and errors are those of `offline_handlers`."""
    if not may_create and not has_database(config.data_dir):
        raise NotRunning(f"No Toru runs on {config.data_dir}, and there is no database. Is it the right folder?")
    config.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    require_ours(config.data_dir)
    path = config.data_dir / "toru.db"
    with InstanceLock(config.data_dir):
        await finish_pending(config.data_dir)
        await prepare_database(path)
        async with AsyncExitStack() as stack:
            database = Database(path)
            stack.push_async_callback(database.close)
            await database.open()
            yield database


async def _handlers(config: Config, database: Database, stack: AsyncExitStack) -> Mapping[str, Handler]:
    clock, registry = Clock(), SessionRegistry()
    hasher = PasswordHasher()
    stack.callback(hasher.close)
    trail = AuditTrail(database, clock)
    settings = SettingsService(database, config, trail, clock)
    await settings.open()
    # Whose name the environment of this command has need not be the one that the core is started with.
    last = await read_last_start(database)
    name = last.admin_username if last is not None else config.admin_username
    admin = UserView(None, name, config.admin_display_name, Role.ADMIN, True, None)
    users = UsersService(database, hasher, Account(admin, ""), clock, trail)
    factors = Factors(database, Vault(config.data_dir), clock, trail)
    await factors.open()
    sessions = Sessions(database, registry, clock, factors)
    stack.push_async_callback(sessions.close)
    await sessions.open(admin)
    tokens = TokensService(database, registry, users, ActionsService(database, clock, trail), clock, trail, factors.has)
    stack.push_async_callback(tokens.close)
    await tokens.open()
    users.watch(lost_rights=sessions.end_all_of, renamed=sessions.rename)

    async def forget_factor(user_id: str | None) -> None:
        if user_id is not None and await users.account_of(user_id) is None:
            await factors.forget(user_id)

    users.watch(lost_rights=forget_factor, renamed=lambda _: None)

    async def remove_factor(username: str) -> UserView:
        return await remove_named(factors, users, username)

    return {
        **user_handlers(users, remove_factor),
        **token_handlers(tokens),
        **audit_handlers(AuditService(database, trail, settings, clock, config.log_dir)),
    }
