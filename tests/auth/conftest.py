"""Fixtures of the tests of signing in."""

from collections.abc import AsyncIterator

import pytest

from app.core.database import Database
from tests.auth.support import Door, open_door
from tests.support.database import MovedClock


@pytest.fixture
async def door(database: Database, clock: MovedClock) -> AsyncIterator[Door]:
    """Everything about signing in, on a fresh database."""
    async with open_door(database, clock) as opened:
        yield opened
