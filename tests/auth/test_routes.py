"""Signing in over HTTP, against a real server: the contract's answers, cookies, lock-out, and open sockets."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import psutil
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.conftest import StartServer
from tests.support.clients import CLIENT, CLIENT_PASSWORD, http_client, open_socket, session_cookies, sign_in
from tests.support.server import ADMIN, ADMIN_PASSWORD, Server

LOGIN = "/api/auth/login"
ADMIN_USER = {"id": None, "username": ADMIN, "display_name": "Administrator", "role": "admin"}
NEW_PASSWORD = "New-Password-9"


def credentials(username: str = ADMIN, password: str = ADMIN_PASSWORD) -> dict[str, str]:
    return {"username": username, "password": password}


@pytest.fixture(scope="module")
async def proxied(lend_server: StartServer) -> Server:
    """A server that believes a proxy: each test locks out addresses and names of its own."""
    return await lend_server(env={"TRUST_PROXY": "forwarded"})


@pytest.fixture
async def own(proxied: Server) -> AsyncIterator[httpx.AsyncClient]:
    """Nobody, on that server."""
    async with http_client(proxied) as client:
        yield client


def by(address: str) -> dict[str, str]:
    """The headers of a request that a proxy on the own machine passes on."""
    return {"X-Forwarded-For": address}


async def test_signing_in_and_out(server: Server) -> None:
    async with http_client(server) as client:
        answer = await client.post(LOGIN, json=credentials())
        assert (answer.status_code, answer.json()) == (200, {"success": True, "user": ADMIN_USER, "error": None})
        assert (await client.get("/api/auth/me")).json() == {"authenticated": True, "user": ADMIN_USER}
        token = client.cookies["session_id"]
        assert len(token) == 43

        left = await client.post("/api/auth/logout")
        assert (left.status_code, left.json()) == (200, {"success": True})
        assert "session_id" not in client.cookies
        assert (await client.get("/api/auth/me")).json() == {"authenticated": False, "user": None}
    replayed = {"Cookie": f"session_id={token}"}
    async with http_client(server) as client:
        assert (await client.get("/api/users", headers=replayed)).status_code == 401
        assert (await client.get("/_nicegui_ws/socket.io/", headers=replayed)).status_code == 401
        client.cookies.set("session_id", token)
        for path in ("/api/ws", "/api/ws/monitor", "/_nicegui_ws/socket.io/?EIO=4&transport=websocket"):
            with pytest.raises(InvalidStatus) as refused:
                async with open_socket(client, path):
                    pass
            assert refused.value.response.status_code == 401


async def test_the_cookie_is_the_contracts(server: Server) -> None:
    async with http_client(server) as client:
        answer = await client.post(LOGIN, json=credentials())
    session, device = answer.headers.get_list("set-cookie")
    name, *attributes = session.lower().split("; ")
    assert name.startswith("session_id=")
    assert sorted(attributes) == ["httponly", "max-age=604800", "path=/", "samesite=strict"]
    assert device.startswith("device_id=")


async def test_a_wrong_password_sets_nothing(own: httpx.AsyncClient) -> None:
    for username in (ADMIN, "nobody"):
        answer = await own.post(LOGIN, json=credentials(username, "wrong"), headers=by(f"198.51.100.{len(username)}"))
        assert answer.status_code == 401
        assert answer.json() == {"success": False, "user": None, "error": "Wrong user name or password."}
        assert "set-cookie" not in answer.headers


@pytest.mark.fault("A01")
async def test_a_cookie_that_somebody_planted_never_becomes_a_session(server: Server) -> None:
    planted = "A" * 43
    async with http_client(server, {"session_id": planted}) as client:
        answer = await client.post(LOGIN, json=credentials())
        assert answer.status_code == 200
        assert f"session_id={planted}" not in answer.headers["set-cookie"]
    async with http_client(server, {"session_id": planted}) as client:
        assert (await client.get("/api/users")).status_code == 401


@pytest.mark.fault("A02")
async def test_signing_in_again_ends_the_browsers_first_session(server: Server) -> None:
    async with http_client(server) as client:
        await client.post(LOGIN, json=credentials())
        first = client.cookies["session_id"]
        again = await client.post(LOGIN, json=credentials())
        assert again.status_code == 200
        second = client.cookies["session_id"]
        assert second != first
        assert len(again.headers.get_list("set-cookie")) == 1, "the browser is known already"
        assert (await client.get("/api/users")).status_code == 200
    async with http_client(server, {"session_id": first}) as client:
        assert (await client.get("/api/users")).status_code == 401


@pytest.mark.fault("A19")
async def test_an_address_that_changes_what_it_claims_is_locked_at_three(own: httpx.AsyncClient) -> None:
    statuses = []
    for number in range(30):
        claimed = by(f"203.0.113.{number}, 198.51.100.1")
        answer = await own.post(LOGIN, json=credentials(f"user{number}", "wrong"), headers=claimed)
        statuses.append(answer.status_code)
    assert statuses == [401] * 3 + [429] * 27
    refused = await own.post(LOGIN, json=credentials(), headers=by("198.51.100.1"))
    assert refused.status_code == 429
    told = refused.json()
    assert told.pop("error").startswith("Too many failed attempts. Try again in ")
    assert told.pop("locked_until") == int(refused.headers["retry-after"])
    assert told == {"success": False, "user": None}
    assert 50 <= int(refused.headers["retry-after"]) <= 60
    assert (await own.post(LOGIN, json=credentials(), headers=by("198.51.100.2"))).status_code == 200


@pytest.mark.fault("A13")
async def test_a_restart_does_not_shorten_a_lock(start_server: StartServer) -> None:
    server = await start_server()
    async with http_client(server) as client:
        for _ in range(3):
            assert (await client.post(LOGIN, json=credentials(password="wrong"))).status_code == 401
        before = (await client.post(LOGIN, json=credentials())).json()["locked_until"]
    began = time.monotonic()
    await server.stop()
    await server.restart()
    async with http_client(server) as client:
        after = (await client.post(LOGIN, json=credentials())).json()["locked_until"]
    passed = time.monotonic() - began
    assert before - passed - 1 <= after <= before - passed + 1.1


@pytest.mark.fault("A22")
async def test_forwarded_allow_ips_makes_nobody_believe_anything(start_server: StartServer) -> None:
    server = await start_server(env={"FORWARDED_ALLOW_IPS": "*"})
    assert "FORWARDED_ALLOW_IPS is not used" in server.output
    async with http_client(server) as client:
        statuses = [
            (await client.post(LOGIN, json=credentials(f"user{n}", "wrong"), headers=by(f"203.0.113.{n}"))).status_code
            for n in range(4)
        ]
    assert statuses == [401, 401, 401, 429]


async def test_sixty_sign_ins_a_minute_are_enough_for_one_address(own: httpx.AsyncClient) -> None:
    async def attempt(number: int) -> httpx.Response:
        return await own.post(LOGIN, json=credentials(f"user{number}", "wrong"), headers=by("2001:db8::1"))

    answers = [await attempt(number) for number in range(61)]
    assert answers[-1].status_code == 429
    assert answers[-1].json()["error"].startswith("Too many requests from this address")
    assert answers[-1].json()["success"] is False
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 60


@pytest.mark.fault("A37")
async def test_a_changed_password_in_the_environment_ends_the_admins_sessions(start_server: StartServer) -> None:
    server = await start_server()
    admins, clients = await session_cookies(server), await session_cookies(server, CLIENT)
    await server.stop()
    server.password = NEW_PASSWORD
    await server.restart()
    async with http_client(server, admins) as client:
        assert (await client.get("/api/users")).status_code == 401
    async with http_client(server, clients) as client:
        assert (await client.get("/api/auth/me")).json()["authenticated"]
    async with await sign_in(server, ADMIN, NEW_PASSWORD):
        pass


async def test_the_history_tells_who_tried(server: Server, admin: httpx.AsyncClient, client: httpx.AsyncClient) -> None:
    elsewhere = httpx.AsyncHTTPTransport(local_address="127.0.0.2", verify=False)  # failures there lock nobody out
    async with httpx.AsyncClient(base_url=server.url, transport=elsewhere) as stranger:
        hostile = '<script>alert(1)</script>\r\n{"level":"error"}\x1b[2J'
        await stranger.post(LOGIN, json=credentials(hostile, "x"))
    async with await sign_in(server, CLIENT, CLIENT_PASSWORD):
        pass
    newest, second, *_ = (await admin.get("/api/auth/login-history")).json()
    assert set(newest) == {"id", "username", "ip_address", "success", "failure_reason", "attempted_at"}
    assert (newest["username"], newest["success"], newest["failure_reason"]) == (CLIENT, True, None)
    assert (second["username"], second["success"], second["ip_address"]) == (hostile, False, "127.0.0.2")
    assert (await client.get("/api/auth/login-history")).status_code == 403
    log = server.log.path.read_bytes()
    assert b"\x1b" not in log
    assert b"<script>" not in log


# -- one's own password


async def test_changing_ones_own_password(proxied: Server) -> None:
    async with http_client(proxied, await session_cookies(proxied)) as admin:
        made = await admin.post("/api/users", json=credentials("petra", CLIENT_PASSWORD))
        async with (
            await sign_in(proxied, "petra", CLIENT_PASSWORD) as here,
            await sign_in(proxied, "petra", CLIENT_PASSWORD) as there,
        ):
            wrong = await here.put("/api/me/password", json={"current_password": "x", "new_password": NEW_PASSWORD})
            assert (wrong.status_code, wrong.json()) == (401, {"error": "The current password is wrong."})
            change = {"current_password": CLIENT_PASSWORD, "new_password": "weak"}
            assert (await here.put("/api/me/password", json=change)).status_code == 400
            done = await here.put("/api/me/password", json={**change, "new_password": NEW_PASSWORD})
            assert (done.status_code, done.content) == (204, b"")
            assert (await here.get("/api/auth/me")).json()["authenticated"]
            assert not (await there.get("/api/auth/me")).json()["authenticated"]
        async with await sign_in(proxied, "petra", NEW_PASSWORD):
            pass
        await admin.delete(f"/api/users/{made.json()['id']}")


async def test_the_administrators_password_is_not_changed_here(admin: httpx.AsyncClient) -> None:
    answer = await admin.put(
        "/api/me/password", json={"current_password": ADMIN_PASSWORD, "new_password": NEW_PASSWORD}
    )
    assert answer.status_code == 400
    assert "ADMIN_PASSWORD" in answer.json()["error"]


# -- what is open when a session ends


async def sign_out(_: httpx.AsyncClient, theirs: httpx.AsyncClient, __: str) -> None:
    async with httpx.AsyncClient(
        base_url=theirs.base_url, cookies=theirs.cookies, trust_env=False, verify=False
    ) as elsewhere:
        await elsewhere.post("/api/auth/logout")


async def deactivate(admin: httpx.AsyncClient, _: httpx.AsyncClient, user_id: str) -> None:
    await admin.put(f"/api/users/{user_id}", json={"is_active": False})


async def delete(admin: httpx.AsyncClient, _: httpx.AsyncClient, user_id: str) -> None:
    await admin.delete(f"/api/users/{user_id}")


async def give_password(admin: httpx.AsyncClient, _: httpx.AsyncClient, user_id: str) -> None:
    await admin.put(f"/api/users/{user_id}/password", json={"password": NEW_PASSWORD})


async def change_password_elsewhere(_: httpx.AsyncClient, theirs: httpx.AsyncClient, __: str) -> None:
    async with httpx.AsyncClient(base_url=theirs.base_url, trust_env=False, verify=False) as elsewhere:
        await elsewhere.post(LOGIN, json=credentials("petra", CLIENT_PASSWORD))
        change = {"current_password": CLIENT_PASSWORD, "new_password": NEW_PASSWORD}
        await elsewhere.put("/api/me/password", json=change)


Ending = Callable[[httpx.AsyncClient, httpx.AsyncClient, str], Awaitable[None]]


@pytest.mark.fault("A34")
@pytest.mark.parametrize("end", [sign_out, deactivate, delete, give_password, change_password_elsewhere])
async def test_everything_open_closes_within_a_second_of_the_sessions_end(
    end: Ending, server: Server, admin: httpx.AsyncClient
) -> None:
    made = await admin.post("/api/users", json=credentials("petra", CLIENT_PASSWORD))
    user_id = made.json()["id"]
    try:
        async with (
            await sign_in(server, "petra", CLIENT_PASSWORD) as theirs,
            open_socket(theirs, "/api/ws") as tasks,
            open_socket(theirs, "/api/ws/monitor") as figures,
        ):
            await tasks.send({"type": "nonsense"})
            assert (await tasks.receive())["type"] == "error"
            await figures.receive()
            began = time.monotonic()
            await end(admin, theirs, user_id)
            assert await tasks.receive() == {"type": "error", "data": "Session expired"}
            for socket in (tasks, figures):
                with pytest.raises(ConnectionClosed):
                    await drain(socket)
                assert socket.connection.close_code == 4401
            assert time.monotonic() - began < 1.5  # one second after the end, which itself may hash a password
            assert (await theirs.get("/api/resources")).status_code == 401
    finally:
        await admin.delete(f"/api/users/{user_id}")


async def drain(socket: Any) -> None:
    while True:
        await socket.receive()


async def test_signing_out_here_leaves_the_others_in(server: Server) -> None:
    async with await sign_in(server) as one, await sign_in(server) as other, open_socket(other, "/api/ws") as socket:
        await one.post("/api/auth/logout")
        await socket.send({"type": "nonsense"})
        assert (await socket.receive())["data"] != "Session expired"
        assert (await other.get("/api/users")).status_code == 200


@pytest.mark.fault("A41")
@pytest.mark.timeout(180)
async def test_two_hundred_sign_ins_at_once_do_not_hold_up_the_others(proxied: Server) -> None:
    process = psutil.Process(proxied.pid)
    unbounded = httpx.Limits(max_connections=None)
    async with (
        http_client(proxied, await session_cookies(proxied)) as client,
        httpx.AsyncClient(base_url=proxied.url, limits=unbounded, timeout=150, trust_env=False, verify=False) as crowd,
    ):
        await client.get("/api/users")
        before = process.memory_info().rss
        guesses = [
            asyncio.create_task(crowd.post(LOGIN, json=credentials(f"u{n}", "x"), headers=by(f"203.0.113.{n}")))
            for n in range(200)
        ]
        waited, most = [], 0
        while not all(guess.done() for guess in guesses):
            began = time.monotonic()
            assert (await client.get("/api/auth/me")).status_code == 200
            waited.append(time.monotonic() - began)
            most = max(most, process.memory_info().rss)
            await asyncio.sleep(0.02)
        assert {(await guess).status_code for guess in guesses} == {401}
    assert most - before < 60 * 1024 * 1024
    assert sorted(waited)[int(len(waited) * 0.9)] < 1  # bounds of a loaded machine; tests/bench/ measures
