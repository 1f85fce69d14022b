"""The whole product inside the test process: services, and the outer application with NiceGUI's simulated users."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.support.clients import CLIENT, CLIENT_PASSWORD
from tests.support.processes import ProcessWatch
from tests.support.server import ADMIN, ADMIN_PASSWORD

if TYPE_CHECKING:  # imported in the fixtures: a test of one service needs neither the product nor NiceGUI
    from nicegui.testing import User

    from app.services import Services

ASGI = Callable[[Any, Any, Any], Awaitable[None]]
AsUser = Callable[..., Awaitable["User"]]
BASE_URL = "http://127.0.0.1:3000"


@pytest.fixture(scope="session")
async def services(tmp_path_factory: pytest.TempPathFactory, process_watch: ProcessWatch) -> AsyncIterator["Services"]:
    """Every service of the product on a fresh data folder, as the server has them; shared by all in-process tests."""
    from app.core.config import load_config
    from app.light_imports import leave_out_aiohttp

    folder = tmp_path_factory.mktemp("inprocess")
    (folder / "scripts").mkdir()
    config = load_config(
        {
            "TORU_DATA_DIR": str(folder / "data"),
            "TORU_SCRIPTS_DIR": str(folder / "scripts"),
            "TORU_PLUGINS_DIR": str(folder / "plugins"),
            "TORU_LOG_DIR": str(folder / "logs"),
        },
        env_file=None,
    )
    leave_out_aiohttp(config)
    from app.bootstrap import open_services
    from app.core.instance_lock import InstanceLock

    process_watch.keep_runner_of(config.data_dir)
    with InstanceLock(config.data_dir):
        async with open_services(config, ADMIN_PASSWORD) as opened:
            yield opened


@pytest.fixture(scope="session")
async def outer(services: "Services") -> AsyncIterator[ASGI]:
    """The ASGI object that uvicorn serves: guard, REST, WebSockets and pages. NiceGUI allows one a process."""
    from app.main import create_server_app

    os.environ["NICEGUI_USER_SIMULATION"] = "true"
    application = create_server_app(services)
    async with _lifespan(application):
        yield application


@asynccontextmanager
async def _lifespan(application: ASGI) -> AsyncIterator[None]:
    """Speaks the ASGI lifespan protocol with the application, as uvicorn would."""
    to_it: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    from_it: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def serve() -> None:
        await application({"type": "lifespan", "asgi": {"version": "3.0"}}, to_it.get, from_it.put)

    work = asyncio.create_task(serve())

    async def step(name: str) -> None:
        await to_it.put({"type": f"lifespan.{name}"})
        answer = asyncio.create_task(from_it.get())
        await asyncio.wait({work, answer}, return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            answer.cancel()
            await work  # raises what stopped it
        elif answer.result()["type"] != f"lifespan.{name}.complete":
            raise RuntimeError(str(answer.result()))

    await step("startup")
    try:
        yield
    finally:
        await step("shutdown")
        await work


@pytest.fixture
async def http(outer: ASGI) -> AsyncIterator[httpx.AsyncClient]:
    """Nobody, talking to the outer application without a network."""
    async with _client(outer) as client:
        yield client


@pytest.fixture
async def as_user(outer: ASGI, session_tokens: dict[str, dict[str, str]]) -> AsyncIterator[AsUser]:
    """NiceGUI's simulated browsers: `user = await as_user()`, `await as_user("carla")` for a client account."""
    from nicegui import Client
    from nicegui.testing import User

    users: list[User] = []

    async def make(username: str = ADMIN) -> User:
        client = _client(outer)
        client.cookies.update(session_tokens[username])
        users.append(User(client))
        return users[-1]

    yield make
    for client in list(Client.instances.values()):
        if not client.is_deleted:
            client.delete()
    for user in users:
        await user.http_client.aclose()


@pytest.fixture(scope="session")
async def accounts(outer: ASGI) -> dict[str, str]:
    """The password of each account: the administrator's, and a client's that is made for the tests."""
    async with _client(outer) as admin:
        await _sign_in(admin, ADMIN, ADMIN_PASSWORD)
        made = await admin.post("/api/users", json={"username": CLIENT, "password": CLIENT_PASSWORD})
        made.raise_for_status()
    return {ADMIN: ADMIN_PASSWORD, CLIENT: CLIENT_PASSWORD}


@pytest.fixture(scope="session")
def kept_sessions() -> dict[str, dict[str, str]]:
    """Cookies that tests share, because signing in takes its time."""
    return {}


@pytest.fixture
async def session_tokens(
    outer: ASGI, services: "Services", accounts: dict[str, str], kept_sessions: dict[str, dict[str, str]]
) -> dict[str, dict[str, str]]:
    """Cookies of one real sign-in for each account; a new one where a test before has ended the session."""
    for username, password in accounts.items():
        token = kept_sessions.get(username, {}).get("session_id")
        if services.auth.session(token) is None:
            async with _client(outer) as client:
                await _sign_in(client, username, password)
                kept_sessions[username] = dict(client.cookies)
    return kept_sessions


async def _sign_in(client: httpx.AsyncClient, username: str, password: str) -> None:
    answer = await client.post("/api/auth/login", json={"username": username, "password": password})
    answer.raise_for_status()


def _client(outer: ASGI) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(outer, client=("127.0.0.1", 50000))
    return httpx.AsyncClient(transport=transport, base_url=BASE_URL, timeout=10)
