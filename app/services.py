"""What doors are handed: every service of the product, built once by `app.bootstrap`."""

from dataclasses import dataclass

from app.actions.service import ActionsService
from app.auth.registry import SessionRegistry
from app.auth.service import AuthService
from app.core.config import Config
from app.monitor.service import MonitorService
from app.runs.service import RunsService
from app.settings.service import SettingsService
from app.users.service import UsersService


@dataclass(frozen=True, slots=True)
class Services:
    """The rules of the product; pages, REST, WebSockets and commands are only doors to them."""

    config: Config
    registry: SessionRegistry
    settings: SettingsService
    users: UsersService
    auth: AuthService
    actions: ActionsService
    runs: RunsService
    monitor: MonitorService
