"""An audit of the test's own, somebody who tampers with it, and what the commands of `toru` say to that."""

import sqlite3
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path

from app.audit.refusals import Refusals
from app.audit.schemas import AuditView
from app.audit.service import MAX_ROWS, AuditService
from app.audit.trail import AuditTrail, Outcome, Stranger
from app.audit.upkeep import Upkeep
from app.core.config import load_config
from app.core.database import Database
from app.core.permissions import Actor, Role
from app.settings.service import SettingsService
from tests.cli.calling import toru
from tests.support.database import MovedClock

ADMIN = Actor(None, "admin", "Administrator", Role.ADMIN, address="192.0.2.1")
CARLA = Actor("c1", "carla", "Carla", Role.CLIENT, address="192.0.2.2")
BORIS = Actor("b1", "boris", "Boris", Role.CLIENT, address="192.0.2.3")


@dataclass
class Audit:
    """The service and what it is made of."""

    service: AuditService
    trail: AuditTrail
    database: Database
    settings: SettingsService
    upkeep: Upkeep

    async def write_some(self) -> None:
        """Ten rows: everybody came, something ran, something was refused."""
        trail = self.trail
        for actor in (ADMIN, CARLA, BORIS):
            await trail.record(actor, "sign_in")
        await trail.record(Stranger("nobody", "203.0.113.9"), "sign_in", "", Outcome.REFUSED, {"reason": "Wrong"})
        stranger = Stranger("Carla", "203.0.113.9", "c1", Role.CLIENT)
        await trail.record(stranger, "sign_in", "", Outcome.REFUSED, {"reason": "Wrong"})
        await trail.record(ADMIN, "user.created", "dora", detail={"display_name": "Dörte = Dora"})
        await trail.record(BORIS, "run.started", "deploy.sh", detail={"run": "r1"})
        await trail.record(BORIS, "run.ended", "deploy.sh", Outcome.FAILED, {"run": "r1", "code": 3})
        await trail.record(CARLA, "refused", "GET /api/users", Outcome.REFUSED, {"reason": "Only an administrator."})
        await trail.record(CARLA, "sign_out")

    async def rows(self, actor: Actor = ADMIN) -> tuple[AuditView, ...]:
        """All that the actor sees, oldest first."""
        return (await self.service.page(actor, limit=200)).items[::-1]

    def tamper(self, *statements: str) -> None:
        """Writes into the file as somebody with sqlite3 would."""
        with closing(sqlite3.connect(self.database.path)) as connection, connection:
            for statement in statements:
                connection.execute(statement)


@asynccontextmanager
async def open_audit(
    database: Database, clock: MovedClock, folder: Path, max_rows: int = MAX_ROWS
) -> AsyncIterator[Audit]:
    """As `app.bootstrap` does it, but for its background work."""
    trail = AuditTrail(database, clock)
    settings = SettingsService(database, load_config({}, env_file=None), trail, clock)
    await settings.open()
    service = AuditService(database, trail, settings, clock, folder / "logs", max_rows)
    upkeep = Upkeep(database, trail, Refusals(trail, clock), settings, clock, max_rows)
    yield Audit(service, trail, database, settings, upkeep)


def toru_audit(data_dir: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`toru audit …` on a data folder."""
    done = toru(data_dir, "audit", *arguments)
    return subprocess.CompletedProcess(["toru", "audit", *arguments], done.code, done.out, done.err)
