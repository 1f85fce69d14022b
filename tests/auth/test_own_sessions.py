"""One's own name and sessions over HTTP: seen, ended one by one, and all others at once, with what is open in them."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from tests.support.clients import open_socket, sign_in
from tests.support.server import Server

NAME, PASSWORD = "sessions of mine", "Battery-Staple-8"
FIREFOX = {"User-Agent": "Mozilla/5.0 (Android 14; Mobile; rv:128.0) Gecko/128.0 Firefox/128.0"}


@pytest.fixture
async def person(server: Server, admin: httpx.AsyncClient) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody with a session and an account of this test's own."""
    made = await admin.post("/api/users", json={"username": NAME, "password": PASSWORD})
    async with await sign_in(server, NAME, PASSWORD) as client:
        yield client
    await admin.delete(f"/api/users/{made.json()['id']}")


async def sessions(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    answer = await client.get("/api/me/sessions")
    assert answer.status_code == 200
    found: list[dict[str, Any]] = answer.json()
    return found


async def test_the_list_tells_browsers_apart(server: Server, person: httpx.AsyncClient) -> None:
    login = {"username": NAME, "password": PASSWORD}
    async with httpx.AsyncClient(base_url=server.url, headers=FIREFOX, trust_env=False, verify=False) as phone:
        assert (await phone.post("/api/auth/login", json=login)).status_code == 200
        by_phone = await sessions(phone)
    assert [set(one) for one in by_phone] == [
        {"id", "address", "user_agent", "browser", "created_at", "last_seen_at", "current"}
    ] * 2
    assert [(one["browser"], one["current"]) for one in by_phone] == [
        ("Firefox on Android", True),
        ("python-httpx", False),
    ]
    assert by_phone[0]["address"] == "127.0.0.1"
    assert [one["current"] for one in await sessions(person)] == [True, False], "seen last comes first"
    shown = str(by_phone)
    assert not any(token in shown for token in (*phone.cookies.values(), *person.cookies.values()))


async def test_one_is_ended_with_what_is_open_in_it(server: Server, person: httpx.AsyncClient) -> None:
    async with await sign_in(server, NAME, PASSWORD) as other, open_socket(other, "/api/ws") as socket:
        [there] = [one["id"] for one in await sessions(person) if not one["current"]]
        began = time.monotonic()
        assert (await person.delete(f"/api/me/sessions/{there}")).status_code == 204
        assert (await socket.receive())["data"] == "Session expired"
        with pytest.raises(ConnectionClosed):
            await socket.receive()
        assert time.monotonic() - began < 1
        assert socket.connection.close_code == 4401
        assert (await other.get("/api/resources")).status_code == 401
    assert (await person.delete(f"/api/me/sessions/{there}")).status_code == 404


async def test_ending_the_own_one_is_signing_out(person: httpx.AsyncClient) -> None:
    [here] = await sessions(person)
    assert (await person.delete(f"/api/me/sessions/{here['id']}")).status_code == 204
    assert (await person.get("/api/me/sessions")).status_code == 401


async def test_nobody_elses_is_touched(person: httpx.AsyncClient, admin: httpx.AsyncClient) -> None:
    theirs = (await sessions(admin))[0]["id"]
    assert theirs not in {one["id"] for one in await sessions(person)}
    for unknown in (theirs, "0" * 64, "x", "%00", "%ff"):
        assert (await person.delete(f"/api/me/sessions/{unknown}")).status_code == 404
    assert (await admin.get("/api/resources")).status_code == 200


async def test_all_others_are_ended(server: Server, person: httpx.AsyncClient) -> None:
    others = await asyncio.gather(*(sign_in(server, NAME, PASSWORD) for _ in range(2)))
    assert (await person.delete("/api/me/sessions")).status_code == 204
    for other in others:
        assert (await other.get("/api/resources")).status_code == 401
        await other.aclose()
    assert [one["current"] for one in await sessions(person)] == [True]


async def test_a_new_name_of_ones_own(person: httpx.AsyncClient, admin: httpx.AsyncClient) -> None:
    renamed = await person.put("/api/me", json={"display_name": " Sam <b> "})
    assert renamed.status_code == 200
    assert renamed.json() == (await person.get("/api/auth/me")).json()["user"]
    assert renamed.json()["display_name"] == "Sam <b>"
    assert (await person.put("/api/me", json={"display_name": ""})).json()["display_name"] == NAME
    for body, status in (({"display_name": "a\nb"}, 400), ({"display_name": ["x"]}, 422), ({}, 422)):
        assert (await person.put("/api/me", json=body)).status_code == status
    refused = await admin.put("/api/me", json={"display_name": "Boss"})
    assert (refused.status_code, "ADMIN_DISPLAY_NAME" in refused.json()["error"]) == (400, True)
