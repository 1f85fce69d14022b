"""Fixtures of the tests of runs."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.runs.support import Product, open_product, separate_records

__all__ = ["separate_records"]


@pytest.fixture
async def product(tmp_path: Path, database_template: Path) -> AsyncIterator[Product]:
    """The services of runs on a fresh folder, with a runner of their own."""
    async with open_product(tmp_path, database_template) as opened:
        yield opened
