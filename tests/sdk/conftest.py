"""Fixtures of the tests of the SDK."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.plugins.support import Plugged, open_plugged


@pytest.fixture
async def plugged(database_template: Path) -> AsyncIterator[Plugged]:
    """The services of plugins on a fresh folder."""
    async with open_plugged(database_template) as opened:
        yield opened
