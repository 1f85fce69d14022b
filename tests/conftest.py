"""What every test gets: the fixtures of tests/support, and the checks that run after each test."""

import logging
import re
import shutil
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.blocking import BlockingGuard
from tests.support.clients import CLIENT, http_client, session_cookies
from tests.support.evidence import COUNTED, Evidence
from tests.support.needs import TOOLS, in_ci, missing
from tests.support.preloaded import CoreStarter
from tests.support.processes import ProcessWatch, adopt_orphans, end_orphans, put_own_python_first
from tests.support.server import ROOT, Server
from tests.support.unprivileged import open_folder

pytest_plugins = [
    "tests.support.browser",
    "tests.support.database",
    "tests.support.disks",
    "tests.support.inprocess",
    "tests.support.order",
]

StartServer = Callable[..., Awaitable[Server]]


def pytest_configure(config: pytest.Config) -> None:
    adopt_orphans()
    put_own_python_first()
    config.stash[COUNTED] = Evidence()
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell's background job, which our children would inherit
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_unconfigure(config: pytest.Config) -> None:
    """What workers leave that were interrupted came to us. The checks beside us are in our own process group."""
    if not hasattr(config, "workerinput"):
        end_orphans()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Says no to what cannot run here: a skip that is listed at the end, and for a missing tool a failure in CI."""
    things = [thing for marker in item.iter_markers("needs") for thing in marker.args]
    if "browser" in getattr(item, "fixturenames", ()):
        things.append("browser")
    for thing in things:
        reason = missing(thing)
        if reason is not None and in_ci() and thing in TOOLS:
            pytest.fail(f"This needs `{thing}`, and {reason}.", pytrace=False)
        if reason is not None:
            pytest.skip(f"{thing}: {reason}")


@pytest.fixture(scope="session")
def evidence(pytestconfig: pytest.Config) -> Evidence:
    """Where tests count what they tried and what was lost, for `python -m tests.faults`."""
    return pytestconfig.stash[COUNTED]


@pytest.fixture(scope="session")
def process_watch() -> ProcessWatch:
    """Which processes may outlive a test."""
    return ProcessWatch()


@pytest.fixture(scope="session", autouse=True)
def core_starter(process_watch: ProcessWatch) -> Iterator[None]:
    """Cores are forked from a process that has imported what they need, unless a test wants a fresh one."""
    Server.starter = CoreStarter(ROOT, process_watch.keep)
    yield
    Server.starter.close()
    Server.starter = None


@pytest.fixture(scope="session")
def blocking_guard() -> BlockingGuard:
    """The one guard of the session."""
    return BlockingGuard()


@pytest.fixture(autouse=True)
def nothing_survives(process_watch: ProcessWatch, request: pytest.FixtureRequest) -> Iterator[None]:
    """Fails a test that leaves a process behind."""
    before = set(process_watch.living())
    yield
    survivors = process_watch.left_behind(before)
    if survivors:
        pytest.fail("These processes survived the test:\n" + "\n".join(survivors), pytrace=False)


@pytest.fixture(autouse=True)
def nothing_blocks(blocking_guard: BlockingGuard, request: pytest.FixtureRequest) -> Iterator[None]:
    """Fails a test in which the product blocked the event loop of the test process."""
    if request.node.get_closest_marker("allows_blocking"):
        yield
        return
    with blocking_guard.watching():
        yield
    if blocking_guard.found:
        pytest.fail("\n".join(dict.fromkeys(blocking_guard.found)), pytrace=False)


@pytest.fixture(autouse=True)
def nothing_is_logged_as_error(caplog: pytest.LogCaptureFixture, request: pytest.FixtureRequest) -> Iterator[None]:
    """Fails a test that leaves an ERROR in the log without having announced it."""
    yield
    allowed = _allowed_errors(request)
    records = [record for phase in ("setup", "call") for record in caplog.get_records(phase)]
    told = [_told(record) for record in records if record.levelno >= logging.ERROR]
    told = [text for text in told if not (allowed and re.search(allowed, text))]
    if told:
        pytest.fail("The log holds errors:\n" + "\n".join(told), pytrace=False)


def _told(record: logging.LogRecord) -> str:
    return f"{record.name}: {record.getMessage()}" + (f" ({record.exc_info[1]!r})" if record.exc_info else "")


def _allowed_errors(request: pytest.FixtureRequest) -> str | None:
    marker = request.node.get_closest_marker("allows_errors")
    return str(marker.args[0]) if marker else None


@pytest.fixture(scope="session")
async def shared_server(tmp_path_factory: pytest.TempPathFactory, process_watch: ProcessWatch) -> AsyncIterator[Server]:
    """The server behind `server`."""
    server = await Server(tmp_path_factory.mktemp("server")).start()
    process_watch.keep(server.pid)
    process_watch.keep_runner_of(server.data_dir)
    yield server
    await server.close()


@pytest.fixture
def server(shared_server: Server, request: pytest.FixtureRequest) -> Iterator[Server]:
    """A real server that tests share: use it, but do not stop it or change its settings. See `start_server`."""
    shared_server.log.errors()
    before = shared_server.failed_sign_ins()
    yield shared_server
    if len(after := shared_server.failed_sign_ins()) > len(before):
        pytest.fail(f"Failed sign-ins are left, which lock out the tests that follow: {after}", pytrace=False)
    told = shared_server.log.errors(_allowed_errors(request))
    if told:
        pytest.fail("The server's log holds errors:\n" + "\n".join(told), pytrace=False)


@pytest.fixture
async def start_server(
    tmp_path: Path, database_template: Path, request: pytest.FixtureRequest
) -> AsyncIterator[StartServer]:
    """Starts servers of the test's own: `await start_server(env={…}, unprivileged=True)`; takes what Server takes.

    Their database is there already, without rows: to make it takes a quarter of a start.
    """
    async with _servers(tmp_path, database_template, _allowed_errors(request)) as start:
        yield start


@pytest.fixture(scope="module")
async def lend_server(
    tmp_path_factory: pytest.TempPathFactory, database_template: Path, process_watch: ProcessWatch
) -> AsyncIterator[StartServer]:
    """The same for servers that the tests of one file share; each leaves them as it found them, without an error."""
    async with _servers(tmp_path_factory.mktemp("lent"), database_template) as start:

        async def lend(**options: Any) -> Server:
            server = await start(**options)
            process_watch.keep(server.pid)
            process_watch.keep_runner_of(server.data_dir)
            return server

        yield lend


@asynccontextmanager
async def _servers(below: Path, template: Path, allowed: str | None = None) -> AsyncIterator[StartServer]:
    servers: list[Server] = []

    async def start(**options: Any) -> Server:
        folder = open_folder() if options.get("unprivileged") else below / f"server{len(servers)}"
        server = Server(options.pop("folder", folder), **options)
        servers.append(server)
        if not (database := server.data_dir / "toru.db").exists():
            shutil.copy(template, database)
        return await server.start()

    yield start
    told: list[str] = []
    for server in reversed(servers):
        await server.close()
        told += server.log.errors(allowed)
        if not server.folder.is_relative_to(below):
            server.remove()
    if told:
        pytest.fail("A server's log holds errors:\n" + "\n".join(told), pytrace=False)


@pytest.fixture
async def anonymous(server: Server) -> AsyncIterator[httpx.AsyncClient]:
    """Nobody, over HTTP."""
    async with http_client(server) as client:
        yield client


@pytest.fixture
async def admin(server: Server) -> AsyncIterator[httpx.AsyncClient]:
    """The administrator, over HTTP."""
    async with http_client(server, await session_cookies(server)) as client:
        yield client


@pytest.fixture
async def client(server: Server) -> AsyncIterator[httpx.AsyncClient]:
    """A user with the role client, over HTTP."""
    async with http_client(server, await session_cookies(server, CLIENT)) as client:
        yield client
