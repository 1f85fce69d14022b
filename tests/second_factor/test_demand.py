"""When the administrator demands a second factor of everybody: who has none can do nothing but set one up."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from tests.second_factor.support import CARLA, CARLA_PASSWORD, MovedServer
from tests.support.clients import open_socket

DEMANDED = "The administrator demands a second factor of everybody. Set yours up under My account."


@pytest.fixture
async def carla(moved: MovedServer) -> AsyncIterator[httpx.AsyncClient]:
    """A client without a second factor."""
    await moved.add_carla()
    async with await moved.sign_in(CARLA, CARLA_PASSWORD) as client:
        yield client


@pytest.fixture
async def admin(moved: MovedServer) -> AsyncIterator[httpx.AsyncClient]:
    """The administrator, with a second factor."""
    async with await moved.sign_in() as client:
        await moved.enrol(client)
        yield client


async def demand(admin: httpx.AsyncClient, value: str = "yes") -> None:
    """Switches the demand on, or off."""
    (await admin.put("/api/settings/require_second_factor", json={"value": value})).raise_for_status()


async def test_everything_but_ones_own_account_is_closed(
    moved: MovedServer, admin: httpx.AsyncClient, carla: httpx.AsyncClient
) -> None:
    await demand(admin)
    for path in ("/api/resources", "/api/runs", "/api/quick-actions", "/api/plugins", "/api/openapi.json", "/api/x"):
        refused = await carla.get(path)
        assert (refused.status_code, refused.json()) == (403, {"error": DEMANDED}), path
    assert (await carla.post("/api/quick-actions/x/execute")).json() == {"error": DEMANDED}
    for socket in ("/api/ws", "/api/ws/monitor", "/api/ws/runs/x"):
        with pytest.raises(InvalidStatus) as refused_socket:
            async with open_socket(carla, socket):
                pass
        assert refused_socket.value.response.status_code == 403
    assert (await carla.get("/api/health")).status_code == 200
    assert (await carla.get("/api/auth/me")).json()["user"]["username"] == CARLA
    assert (await carla.get("/api/me/second-factor")).json()["required"] is True
    assert (await admin.get("/api/resources")).status_code == 200
    await moved.enrol(carla)
    assert (await carla.get("/api/resources")).status_code == 200


async def test_it_is_asked_at_the_next_sign_in_too(
    moved: MovedServer, admin: httpx.AsyncClient, carla: httpx.AsyncClient
) -> None:
    await demand(admin)
    async with await moved.sign_in(CARLA, CARLA_PASSWORD) as again:
        assert (await again.get("/api/runs")).json() == {"error": DEMANDED}
    await demand(admin, "no")
    assert (await carla.get("/api/runs")).status_code == 200


async def test_what_is_open_closes_within_a_second(admin: httpx.AsyncClient, carla: httpx.AsyncClient) -> None:
    async with open_socket(carla, "/api/ws") as theirs, open_socket(admin, "/api/ws") as ours:
        async with asyncio.timeout(1):
            await demand(admin)
            await theirs.connection.wait_closed()
        assert theirs.connection.close_code == 4401
        await ours.send({"type": "?"})
        assert (await ours.receive())["type"] == "error", "who has a second factor goes on"
    assert (await carla.get("/api/auth/me")).json()["authenticated"], "the session goes on"


async def test_losing_it_closes_what_is_open(
    moved: MovedServer, admin: httpx.AsyncClient, carla: httpx.AsyncClient
) -> None:
    await moved.enrol(carla)
    await demand(admin)
    me = (await carla.get("/api/auth/me")).json()["user"]["id"]
    async with open_socket(carla, "/api/ws") as socket:
        async with asyncio.timeout(1):
            assert (await admin.delete(f"/api/users/{me}/second-factor")).status_code == 204
            await socket.connection.wait_closed()
    assert (await carla.get("/api/runs")).json() == {"error": DEMANDED}


async def test_tokens_of_who_has_none_are_refused(
    moved: MovedServer, admin: httpx.AsyncClient, carla: httpx.AsyncClient
) -> None:
    token = (await carla.post("/api/tokens", json={"name": "ci", "scopes": ["read"]})).json()["token"]
    async with moved.client(token) as automation:
        async with open_socket(automation, "/api/ws", None, {"Authorization": f"Bearer {token}"}) as socket:
            assert (await automation.get("/api/runs")).status_code == 200
            async with asyncio.timeout(1):
                await demand(admin)
                await socket.connection.wait_closed()
        assert (await automation.get("/api/runs")).json() == {"error": DEMANDED}
        await moved.enrol(carla)
        assert (await automation.get("/api/runs")).status_code == 200


async def test_an_admin_without_one_is_held_to_it_too(moved: MovedServer) -> None:
    async with await moved.sign_in() as admin:
        await demand(admin)
        for path in ("/api/settings", "/api/auth/login-history", "/api/auth/x", "/api/auth/me/x"):
            assert (await admin.get(path)).json() == {"error": DEMANDED}, path
        for path in ("/api/auth/me", "/api/me/sessions"):
            assert (await admin.get(path)).status_code == 200, path
        assert (await admin.post("/api/auth/step-up", json={"code": "123456"})).status_code == 409
        await moved.enrol(admin)
        assert (await admin.get("/api/settings")).status_code == 200


async def test_the_setting_is_yes_or_no(admin: httpx.AsyncClient) -> None:
    path = "/api/settings/require_second_factor"
    for value, stored in (("yes", "yes"), ("no", "no"), (" YES ", "yes")):
        answer = await admin.put(path, json={"value": value})
        assert answer.json() == {"key": "require_second_factor", "value": stored}
    for value in ("", "true", "1", "maybe", "yesno"):
        refused = await admin.put(path, json={"value": value})
        assert (refused.status_code, refused.json()["error"]) == (
            400,
            "Second factor for everybody must be no or yes.",
        )
    assert {"key": "require_second_factor", "value": "yes"} in (await admin.get("/api/settings")).json()["settings"]
