"""Fixtures of the tests of runs."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.core.migrate import prepare_database
from tests.runs.support import Product, open_product, separate_records

__all__ = ["separate_records"]


@pytest.fixture(scope="session")
async def database_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database with today's schema."""
    path = tmp_path_factory.mktemp("template") / "toru.db"
    await prepare_database(path)
    return path


@pytest.fixture
async def product(tmp_path: Path, database_template: Path) -> AsyncIterator[Product]:
    """The services of runs on a fresh folder, with a runner of their own."""
    async with open_product(tmp_path, database_template) as opened:
        yield opened
