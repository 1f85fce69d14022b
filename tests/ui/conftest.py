"""For tests of pages: simulated browsers with a session of their own, which a test may end."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from nicegui import Client
from nicegui.testing import User
from playwright.async_api import expect

from tests.support.clients import CLIENT, CLIENT_PASSWORD
from tests.support.inprocess import AsUser

SignedIn = Callable[..., Awaitable[User]]

expect.set_options(timeout=30_000)


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulated users look for four seconds, a tenth each time: passwords and durable writes take their time.

    They look at a page once it shows what it has; what takes it longer on a busy machine follows its first answer.
    """
    monkeypatch.setattr(User, "open", _until_loaded(User.open))
    for name in ("should_see", "should_not_see"):
        monkeypatch.setattr(User, name, _patient(getattr(User, name)))


def _patient(look: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    async def patient(*args: Any, retries: int = 40, **kwargs: Any) -> None:
        await look(*args, retries=retries, **kwargs)

    return patient


def _until_loaded(open_page: Callable[..., Awaitable[Client]]) -> Callable[..., Awaitable[Client]]:
    async def until_loaded(*args: Any, **kwargs: Any) -> Client:
        client = await open_page(*args, **kwargs)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(4):
                while any("t-loading" in element.classes for element in list(client.elements.values())):
                    await asyncio.sleep(0.01)
        return client

    return until_loaded


@pytest.fixture
def signed_in(as_user: AsUser) -> SignedIn:
    """`user = await signed_in()`: a client account with a session that no other test uses."""

    async def sign_in(username: str = CLIENT, password: str = CLIENT_PASSWORD) -> User:
        user = await as_user(CLIENT)
        user.http_client.cookies.clear()  # else the shared session would end with this sign-in
        answer = await user.http_client.post("/api/auth/login", json={"username": username, "password": password})
        answer.raise_for_status()
        return user

    return sign_in
