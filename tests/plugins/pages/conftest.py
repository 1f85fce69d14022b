"""Fixtures of the tests of pages."""

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.plugins.pages.support import PAGE
from tests.plugins.puppet import puppet_server, until_healthy
from tests.support.clients import CLIENT, http_client, session_cookies
from tests.support.processes import ProcessWatch
from tests.support.server import Server


@pytest.fixture(scope="package")
async def stage(tmp_path_factory: pytest.TempPathFactory, process_watch: ProcessWatch) -> AsyncIterator[Server]:
    """A server with two pages, and a puppet that has none."""
    names = [PAGE, "page-two", "puppet"]
    async with puppet_server(tmp_path_factory.mktemp("stage"), process_watch, names) as server:
        yield server


@pytest.fixture
async def admin(stage: Server) -> AsyncIterator[httpx.AsyncClient]:
    """The administrator, with the first puppet in health."""
    async with http_client(stage, await session_cookies(stage)) as client:
        await until_healthy(client, PAGE)
        yield client


@pytest.fixture
async def client(stage: Server) -> AsyncIterator[httpx.AsyncClient]:
    """A client."""
    async with http_client(stage, await session_cookies(stage, CLIENT)) as client:
        yield client
