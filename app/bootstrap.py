"""Builds every service in the order in which they depend on each other, and closes them in the opposite one."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol, TypeVar

from app.actions.service import ActionsService
from app.audit.service import AuditService
from app.audit.trail import AuditTrail
from app.auth.old_sign_ins import OldSignIns
from app.auth.registry import SessionRegistry
from app.auth.service import AuthService
from app.auth.sessions import Sessions
from app.backup.pending import finish_pending
from app.backup.service import BackupService
from app.cloudflare_access import CloudflareAccess, make_cloudflare_access
from app.control import ControlServer
from app.core.clock import Clock
from app.core.config import Config
from app.core.database import Database
from app.core.migrate import prepare_database
from app.core.passwords import PasswordHasher
from app.core.permissions import Role
from app.core.vitals import Vitals
from app.fleet.service import FleetService
from app.heartbeat import Heartbeat
from app.metrics.service import MetricsService
from app.monitor.service import MonitorService
from app.operations.table import control_handlers, control_streamers
from app.plugins.figures import PluginFigures
from app.plugins.licence_store import LicenceStore
from app.plugins.licensing import Licensing
from app.plugins.logs import PluginLogs
from app.plugins.old_logs import OldLogs
from app.plugins.service import PluginsService
from app.plugins.values import PluginValues
from app.retention.room import Room
from app.retention.service import RetentionService
from app.runs.old_runs import OldRuns
from app.runs.service import RunsService
from app.second_factor.factors import Factors
from app.second_factor.service import SecondFactorService
from app.second_factor.vault import Vault
from app.services import Services
from app.settings.service import SettingsService
from app.tokens.service import TokensService
from app.users.schemas import Account, UserView
from app.users.service import UsersService

log = logging.getLogger(__name__)

STAGE_SECONDS = 5.0
"""What closing one service may take before the others go on."""

PLUGIN_STAGE_SECONDS = 8.0
"""For the plugins, which get five seconds to end by themselves."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What every service stands on."""

    config: Config
    database: Database
    trail: AuditTrail
    settings: SettingsService
    clock: Clock


@asynccontextmanager
async def open_services(
    config: Config, admin_password: str, clock: Clock | None = None, vitals: Vitals | None = None
) -> AsyncIterator[Services]:
    """Opens everything that serves; the caller gives the administrator's password once, it is kept as a hash.

    The caller holds the `InstanceLock` of the data folder.

    Args:
        vitals: what the caller knows of its process.

    Raises:
        UnusableDatabase: the database file cannot be used.
    """
    vitals = vitals or Vitals()
    async with AsyncExitStack() as stack:
        ground = await _open_ground(stack, config, clock or Clock())
        services = await _open_all(stack, ground, admin_password, vitals)
        control = ControlServer(config.data_dir, control_handlers(services), control_streamers(services))
        await _opened(stack, "control", control)
        await _opened(stack, "heartbeat", Heartbeat(vitals.manager, ground.database))
        yield services


async def _open_ground(stack: AsyncExitStack, config: Config, clock: Clock) -> Ground:
    database = await _opened(stack, "database", await _database(config))
    trail = AuditTrail(database, clock)
    settings = SettingsService(database, config, trail, clock)
    await settings.open()
    return Ground(config, database, trail, settings, clock)


async def _open_all(stack: AsyncExitStack, ground: Ground, admin_password: str, vitals: Vitals) -> Services:
    config, database, trail = ground.config, ground.database, ground.trail
    settings, clock = ground.settings, ground.clock
    hasher = PasswordHasher()
    stack.callback(hasher.close)
    audit = await _opened(stack, "audit", AuditService(database, trail, settings, clock, config.log_dir))
    administrator = await _administrator(config, hasher, admin_password)
    users = UsersService(database, hasher, administrator, clock, trail)
    await users.open()
    registry = SessionRegistry()
    factors = Factors(database, Vault(config.data_dir), clock, trail)
    await factors.open()
    actions = ActionsService(database, clock, trail)
    # Before the sign-in opens: it ends the administrator's tokens where the password is not that of the last start.
    tokens = TokensService(database, registry, users, actions, clock, trail, factors.has)
    await _opened(stack, "tokens", tokens)
    auth = AuthService(database, Sessions(database, registry, clock, factors), users, hasher, clock, trail, factors)
    _close_later(stack, "auth", auth.close)
    await auth.open(admin_password)
    second_factor = SecondFactorService(factors, auth, tokens, registry, users, settings, config, clock)
    runs = await _opened(stack, "runs", RunsService(database, settings, actions, config, clock, trail))
    monitor = await _opened(stack, "monitor", MonitorService(clock))
    plugins = await _open_plugins(stack, ground)
    return Services(
        config,
        registry,
        settings,
        audit,
        users,
        auth,
        second_factor,
        tokens,
        actions,
        runs,
        monitor,
        *plugins,
        retention=await _open_retention(stack, ground),
        room=await _opened(stack, "room", _room(config)),
        backups=await _opened(stack, "backups", BackupService(config, settings, trail, clock)),
        fleet=FleetService(database, config, clock, trail),
        metrics=MetricsService(vitals, database, settings, audit, auth, runs, monitor, plugins[0]),
        cloudflare_access=_open_cloudflare_access(stack, config, clock),
    )


class Openable(Protocol):
    """What is opened at the start and closed at the end."""

    async def open(self) -> None:
        """Begins."""

    async def close(self) -> None:
        """Ends; also what did not open wholly."""


S = TypeVar("S", bound=Openable)


async def _opened(stack: AsyncExitStack, name: str, service: S, seconds: float = STAGE_SECONDS) -> S:
    _close_later(stack, name, service.close, seconds)
    await service.open()
    return service


async def _database(config: Config) -> Database:
    path = config.data_dir / "toru.db"
    await finish_pending(config.data_dir)
    await prepare_database(path)
    return Database(path)


async def _open_plugins(
    stack: AsyncExitStack, ground: Ground
) -> tuple[PluginsService, PluginLogs, PluginValues, Licensing]:
    config, settings, clock = ground.config, ground.settings, ground.clock
    database, trail = ground.database, ground.trail
    plugin_logs = PluginLogs(config.log_dir, clock)
    _close_later(stack, "plugin logs", plugin_logs.close)
    plugin_values = PluginValues(database, trail, clock)
    await plugin_values.open()
    licence_store = LicenceStore(database, lambda: settings.instance_id, clock, trail)
    await _opened(stack, "licences", licence_store)
    figures = PluginFigures(clock)
    plugins = PluginsService(config, settings, plugin_logs, plugin_values, licence_store, figures, trail, clock)
    await _opened(stack, "plugins", plugins, PLUGIN_STAGE_SECONDS)
    return plugins, plugin_logs, plugin_values, Licensing(plugins, licence_store)


async def _open_retention(stack: AsyncExitStack, ground: Ground) -> RetentionService:
    config, database, trail, clock = ground.config, ground.database, ground.trail, ground.clock
    old_runs = OldRuns(database, trail, config.data_dir / "runs", clock)
    old_sign_ins, old_logs = OldSignIns(database, trail, clock), OldLogs(config.log_dir, trail)
    retention = RetentionService(ground.settings, old_runs, old_sign_ins, old_logs, clock)
    return await _opened(stack, "retention", retention)


def _room(config: Config) -> Room:
    return Room(
        {
            config.data_dir: ("the data folder", "nothing new can be kept"),
            config.data_dir / "runs": ("the output of runs", "what scripts write is lost"),
            config.log_dir: ("the logs", "lines are lost and counted"),
            config.plugins_dir: ("the plugins folder", "no plugin can be added, enabled or disabled"),
        }
    )


def _open_cloudflare_access(stack: AsyncExitStack, config: Config, clock: Clock) -> CloudflareAccess | None:
    access = make_cloudflare_access(config, clock)
    if access is not None:
        _close_later(stack, "cloudflare_access", access.close)
    return access


async def _administrator(config: Config, hasher: PasswordHasher, password: str) -> Account:
    view = UserView(None, config.admin_username, config.admin_display_name, Role.ADMIN, True, None)
    return Account(view, await hasher.hash(password))


def _close_later(
    stack: AsyncExitStack, name: str, close: Callable[[], Awaitable[None]], seconds: float = STAGE_SECONDS
) -> None:
    async def staged() -> None:
        try:
            async with asyncio.timeout(seconds):
                await close()
        except TimeoutError:
            log.warning("closing %s took over %s s", name, seconds, extra={"event": "slow_close"})
        except Exception:
            log.exception("closing %s failed", name, extra={"event": "close_failed"})

    stack.push_async_callback(staged)
