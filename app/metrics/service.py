"""Everything that is told in figures, gathered from the services that count it."""

import asyncio
import os
from collections.abc import Iterable
from pathlib import Path

from app.audit.schemas import AuditFigures
from app.audit.service import AuditService
from app.auth.service import AuthService
from app.core.database import Database
from app.core.errors import Unavailable
from app.core.permissions import Actor
from app.core.vitals import Vitals
from app.metrics.core_families import (
    audit_families,
    database_families,
    process_families,
    runner_families,
    sign_in_families,
    traffic_families,
)
from app.metrics.exposition import Family
from app.metrics.families import machine_families, plugin_families, run_families
from app.metrics.memory import memory_of
from app.monitor.service import MonitorService
from app.plugins.service import PluginsService
from app.runs.service import RunsService
from app.settings.service import SettingsService
from app.traffic import Traffic

DATABASE_SECONDS = 2.0
"""How long the database may take; whoever reads figures wants to know just then that it does not answer."""


class MetricsService:
    """Owns no figure but those of requests, which are counted in front of all services.

    Args:
        vitals: what the process knows of itself.
    """

    def __init__(
        self,
        vitals: Vitals,
        database: Database,
        settings: SettingsService,
        audit: AuditService,
        auth: AuthService,
        runs: RunsService,
        monitor: MonitorService,
        plugins: PluginsService,
    ) -> None:
        self.traffic = Traffic()
        self._vitals = vitals
        self._database = database
        self._settings = settings
        self._audit = audit
        self._auth = auth
        self._runs = runs
        self._monitor = monitor
        self._plugins = plugins

    async def families(self, actor: Actor) -> list[Family]:
        """All figures as they are now. Raises Forbidden for a token without the scope read."""
        actor.require_read()
        now, runs = self._monitor.snapshot(), self._runs.figures(actor)
        audit = await self._audit_figures(actor)
        return [
            *await asyncio.to_thread(self._read_processes, runs.runners),
            *(machine_families(now) if now is not None else ()),
            *run_families(runs),
            *plugin_families(await self._plugins.list(actor)),
            *traffic_families(self.traffic.seen()),
            *sign_in_families(self._auth.figures(actor)),
            *database_families(self._database.figures(), answers=audit is not None),
            *(audit_families(audit) if audit is not None else ()),
        ]

    async def _audit_figures(self, actor: Actor) -> AuditFigures | None:
        """None when the database does not answer."""
        try:
            async with asyncio.timeout(DATABASE_SECONDS):
                return await self._audit.figures(actor)
        except (Unavailable, TimeoutError):
            return None

    def _read_processes(self, runners: Iterable[int]) -> list[Family]:
        return [
            *process_families(self._settings.instance_id, memory_of(["self"]), self._vitals),
            *runner_families(tuple(runners), memory_of(runners)),
            *_file_families(self._database.path),
        ]


def _file_families(database: Path) -> Iterable[Family]:
    for name, help_, path in (
        ("toru_database_bytes", "Size of the database.", database),
        ("toru_database_wal_bytes", "Size of its write-ahead log.", database.with_name(database.name + "-wal")),
    ):
        yield Family(name, "gauge", help_, [({}, _size(path))])


def _size(path: Path) -> int | None:
    try:
        return os.stat(path).st_size
    except OSError:
        return None
