"""Builds every service in the order in which they depend on each other, and closes them in the opposite one."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from app.actions.service import ActionsService
from app.auth.registry import SessionRegistry
from app.auth.service import AuthService
from app.auth.sessions import Sessions
from app.control import ControlServer
from app.core.clock import Clock
from app.core.config import Config
from app.core.database import Database
from app.core.migrate import prepare_database
from app.core.passwords import PasswordHasher
from app.core.permissions import Role
from app.monitor.service import MonitorService
from app.operations import control_handlers
from app.runs.service import RunsService
from app.services import Services
from app.settings.service import SettingsService
from app.users.schemas import Account, UserView
from app.users.service import UsersService

log = logging.getLogger(__name__)

STAGE_SECONDS = 5.0
"""What closing one service may take before the others go on."""


@asynccontextmanager
async def open_services(config: Config, admin_password: str, clock: Clock | None = None) -> AsyncIterator[Services]:
    """Opens everything that serves; the caller gives the administrator's password once, it is kept as a hash.

    The caller holds the `InstanceLock` of the data folder.

    Raises:
        UnusableDatabase: the database file cannot be used.
    """
    clock = clock or Clock()
    async with AsyncExitStack() as stack:
        path = config.data_dir / "toru.db"
        await prepare_database(path)
        database = Database(path)
        _close_later(stack, "database", database.close)
        await database.open()
        hasher = PasswordHasher()
        stack.callback(hasher.close)

        settings = SettingsService(database, config)
        await settings.open()
        users = UsersService(database, hasher, await _administrator(config, hasher, admin_password), clock)
        await users.open()
        registry = SessionRegistry()
        auth = AuthService(database, Sessions(database, registry, clock), users, hasher, clock)
        _close_later(stack, "auth", auth.close)
        await auth.open(admin_password)
        actions = ActionsService(database, clock)
        runs = RunsService(database, settings, actions, config, clock)
        _close_later(stack, "runs", runs.close)
        await runs.open()
        monitor = MonitorService(clock)
        _close_later(stack, "monitor", monitor.close)
        await monitor.open()
        services = Services(config, registry, settings, users, auth, actions, runs, monitor)
        control = ControlServer(config.data_dir, control_handlers(services))
        _close_later(stack, "control", control.close)
        await control.open()
        yield services


async def _administrator(config: Config, hasher: PasswordHasher, password: str) -> Account:
    view = UserView(None, config.admin_username, config.admin_display_name, Role.ADMIN, True, None)
    return Account(view, await hasher.hash(password))


def _close_later(stack: AsyncExitStack, name: str, close: Callable[[], Awaitable[None]]) -> None:
    async def staged() -> None:
        try:
            async with asyncio.timeout(STAGE_SECONDS):
                await close()
        except TimeoutError:
            log.warning("closing %s took over %s s", name, STAGE_SECONDS, extra={"event": "slow_close"})

    stack.push_async_callback(staged)
