"""An authenticator as a phone has it, the steps that people take with one, and a server whose clock can be moved."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
from passlib.totp import TOTP

from app.core.clock import Clock
from tests.support.database import MovedClock
from tests.support.listening import listening
from tests.support.server import ADMIN, ADMIN_PASSWORD

if TYPE_CHECKING:
    from fastapi import FastAPI

    from app.services import Services

STEP = 30
CARLA, CARLA_PASSWORD = "carla", "Battery-Staple-8"

_made: list["FastAPI"] = []


class Authenticator:
    """A phone.

    Args:
        secret: as the page shows it, with spaces.
        clock: the phone's.
    """

    def __init__(self, secret: str, clock: Clock) -> None:
        self.secret = secret
        self._totp = TOTP(key=secret)
        self._clock = clock

    def code(self, *, steps: int = 0) -> str:
        """The code that is shown now, or that many times 30 seconds later."""
        return str(self._totp.generate(int(self._clock.now().timestamp()) + steps * STEP).token)

    def wrong_code(self) -> str:
        """Six digits that no step around now shows."""
        shown = {self.code(steps=steps) for steps in range(-3, 4)}
        return next(text for number in range(10) if (text := str(number) * 6) not in shown)


@dataclass
class MovedServer:
    """The product on a port, without its pages."""

    url: str
    services: "Services"
    clock: MovedClock
    folder: Path
    stop: Callable[[], Awaitable[None]]

    def client(self, token: str | None = None) -> httpx.AsyncClient:
        """Nobody, or whoever the token acts for."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=10, trust_env=False, verify=False)

    async def sign_in(
        self, username: str = ADMIN, password: str = ADMIN_PASSWORD, code: str | None = None
    ) -> httpx.AsyncClient:
        """A client with a session of its own; the caller closes it."""
        async with self.client() as stranger:
            answer = await try_sign_in(stranger, username, password, code)
        answer.raise_for_status()
        client = self.client()
        client.cookies.update(answer.cookies)
        return client

    async def add_carla(self) -> str:
        """A client account; its id."""
        from app.core.permissions import Actor

        return str((await self.services.users.create(Actor.system(), CARLA, CARLA_PASSWORD)).id)

    async def enrol(self, client: httpx.AsyncClient) -> tuple[Authenticator, list[str]]:
        """Gives the signed-in user (ADMIN or CARLA) a second factor, and lets the code that did it pass."""
        authenticator, recovery = await enrol(client, self.clock)
        self.clock.move(seconds=STEP)
        return authenticator, recovery

    def script(self, name: str, text: str = "echo done") -> str:
        """Writes a script."""
        path = self.folder / "scripts" / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return name


@asynccontextmanager
async def open_moved_server(folder: Path, clock: MovedClock) -> AsyncIterator[MovedServer]:
    """Serves what lies in `folder`; again on the same folder, it is a restart."""
    from app.bootstrap import open_services
    from app.core.config import load_config
    from app.guard import Guard

    folders = {"DATA": "data", "SCRIPTS": "scripts", "PLUGINS": "plugins", "LOG": "logs"}
    named = {f"TORU_{name}_DIR": str(folder / path) for name, path in folders.items()}
    config = load_config({**named, "TORU_PUBLIC_URL": "https://toru.example.com"}, env_file=None)
    async with AsyncExitStack() as stack:
        services = await stack.enter_async_context(open_services(config, ADMIN_PASSWORD, clock))
        port = await stack.enter_async_context(listening(Guard(_api(services), services, lambda _: None)))
        yield MovedServer(f"http://127.0.0.1:{port}", services, clock, folder, stack.aclose)


def _api(services: "Services") -> "FastAPI":
    """The one application of this process, which is told whose it is: to make it takes longer than many a test."""
    from app.api import create_api

    if not _made:
        _made.append(create_api(services))
    _made[0].state.services = services
    return _made[0]


async def begin(client: httpx.AsyncClient) -> httpx.Response:
    """Begins to give the signed-in user (ADMIN or CARLA) a second factor."""
    user = (await client.get("/api/auth/me")).json()["user"]
    password = CARLA_PASSWORD if user and user["username"] == CARLA else ADMIN_PASSWORD
    return await client.post("/api/me/second-factor", json={"password": password})


async def enrol(client: httpx.AsyncClient, clock: Clock) -> tuple[Authenticator, list[str]]:
    """Gives the signed-in user (ADMIN or CARLA) a second factor: the authenticator and the recovery codes."""
    begun = await begin(client)
    begun.raise_for_status()
    authenticator = Authenticator(begun.json()["secret"], clock)
    confirmed = await client.put("/api/me/second-factor", json={"code": authenticator.code()})
    confirmed.raise_for_status()
    return authenticator, confirmed.json()["recovery"]


async def try_sign_in(
    client: httpx.AsyncClient, username: str, password: str, code: str | None = None
) -> httpx.Response:
    """The answer to a sign-in."""
    fields = {"username": username, "password": password} | ({} if code is None else {"code": code})
    return await client.post("/api/auth/login", json=fields)
