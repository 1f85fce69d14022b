"""What doors are handed: every service of the product, built once by `app.bootstrap`."""

from dataclasses import KW_ONLY, dataclass

from app.actions.service import ActionsService
from app.audit.service import AuditService
from app.auth.registry import SessionRegistry
from app.auth.service import AuthService
from app.backup.service import BackupService
from app.cloudflare_access import CloudflareAccess
from app.core.config import Config
from app.fleet.service import FleetService
from app.metrics.service import MetricsService
from app.monitor.service import MonitorService
from app.plugins.licensing import Licensing
from app.plugins.logs import PluginLogs
from app.plugins.service import PluginsService
from app.plugins.values import PluginValues
from app.retention.room import Room
from app.retention.service import RetentionService
from app.runs.service import RunsService
from app.second_factor.service import SecondFactorService
from app.settings.service import SettingsService
from app.tokens.service import TokensService
from app.users.service import UsersService


@dataclass(frozen=True, slots=True)
class Services:
    """The rules of the product; pages, REST, WebSockets and commands are only doors to them."""

    config: Config
    registry: SessionRegistry
    settings: SettingsService
    audit: AuditService
    users: UsersService
    auth: AuthService
    second_factor: SecondFactorService
    tokens: TokensService
    actions: ActionsService
    runs: RunsService
    monitor: MonitorService
    plugins: PluginsService
    plugin_logs: PluginLogs
    plugin_values: PluginValues
    licences: Licensing
    _: KW_ONLY
    retention: RetentionService
    room: Room
    backups: BackupService
    fleet: FleetService
    metrics: MetricsService
    cloudflare_access: CloudflareAccess | None
