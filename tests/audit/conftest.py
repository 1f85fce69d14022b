"""Fixtures of the tests of the audit."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.audit.trail import AuditTrail
from app.core.database import Database
from tests.audit.support import Audit, open_audit
from tests.support.database import MovedClock


@pytest.fixture
def trail(database: Database, clock: MovedClock) -> AuditTrail:
    """What writes rows, on a fresh database."""
    return AuditTrail(database, clock)


@pytest.fixture
async def audit(database: Database, clock: MovedClock, tmp_path: Path) -> AsyncIterator[Audit]:
    """The service on a fresh database, with ten rows of various people."""
    async with open_audit(database, clock, tmp_path) as opened:
        await opened.write_some()
        yield opened
