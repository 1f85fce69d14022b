"""Tokens against a real server: made, used on every door, and closed on every door within a second of their end."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from app.tokens.form import hash_of, new_token
from tests.conftest import StartServer
from tests.support.clients import CLIENT, JsonSocket, http_client, open_socket, session_cookies, sign_in
from tests.support.server import Server

Json = dict[str, Any]
PASSWORD = "Battery-Staple-8"


async def make(person: httpx.AsyncClient, *scopes: str, **more: Any) -> Json:
    """A token of this person."""
    answer = await person.post("/api/tokens", json={"name": "ci", "scopes": scopes, **more})
    assert answer.status_code == 201, answer.text
    made: Json = answer.json()
    return made


@asynccontextmanager
async def automation(server: Server, made: Json) -> AsyncIterator[httpx.AsyncClient]:
    """A program that has the token and nothing else."""
    async with http_client(server) as client:
        client.headers["Authorization"] = f"Bearer {made['token']}"
        yield client


@asynccontextmanager
async def socket(client: httpx.AsyncClient, path: str, **options: Any) -> AsyncIterator[JsonSocket]:
    """A WebSocket of such a program; it names no origin."""
    headers = {"Authorization": client.headers["Authorization"]}
    async with open_socket(client, path, options.pop("origin", None), headers) as opened:
        yield opened


async def action_for(server: Server, admin: httpx.AsyncClient, script: str, text: str) -> str:
    """The id of a quick action that runs a new script."""
    made = await admin.post("/api/quick-actions", json={"name": script, "script_path": server.script(script, text)})
    return str(made.json()["id"])


async def test_a_token_is_told_once_used_and_revoked(server: Server, admin: httpx.AsyncClient) -> None:
    made = await make(admin, "read", "admin", expires_in_days=30)
    assert set(made) == {"token", "id", "name", "scopes", "created_at", "expires_at"}
    assert made["scopes"] == ["admin", "read"]
    async with automation(server, made) as program:
        assert (await program.get("/api/users")).status_code == 200
        me = (await program.get("/api/auth/me")).json()
        assert (me["authenticated"], me["user"]["username"], me["user"]["id"]) == (True, "admin", None)
        [listed] = [one for one in (await admin.get("/api/tokens")).json() if one["id"] == made["id"]]
        assert made["token"] not in str(listed)
        assert listed["last_used_at"] is not None
        assert (await admin.delete(f"/api/tokens/{made['id']}")).status_code == 204
        refused = await program.get("/api/users")
        assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
        assert refused.json() == {"error": "This token is malformed, expired or revoked."}
        assert (await program.get("/api/auth/me")).json() == {"authenticated": False, "user": None}
    assert (await admin.delete(f"/api/tokens/{made['id']}")).status_code == 404
    assert made["token"] not in server.output + server.log.path.read_text()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"name": "ci"}, 422),
        ({"name": "ci", "scopes": "read"}, 422),
        ({"name": "ci", "scopes": [["read"]]}, 422),
        ({"name": "ci", "scopes": ["read"] * 101}, 422),
        ({"name": "ci", "scopes": ["x" * 101]}, 422),
        ({"name": "x" * 401, "scopes": ["read"]}, 422),
        ({"name": 7, "scopes": ["read"]}, 422),
        ({"name": "ci", "scopes": ["read"], "expires_in_days": 0}, 422),
        ({"name": "ci", "scopes": ["read"], "expires_in_days": 3651}, 422),
        ({"name": "ci", "scopes": ["read"], "expires_in_days": 1e999}, 422),
        ({"name": "ci", "scopes": ["read"], "expires_in_days": "soon"}, 422),
        ({"name": "", "scopes": ["read"]}, 400),
        ({"name": "\0", "scopes": ["read"]}, 400),
        ({"name": "ci", "scopes": []}, 400),
        ({"name": "ci", "scopes": ["run:nothing"]}, 400),
        ({"name": "ci", "scopes": ["admin"]}, 403),
    ],
)
async def test_what_makes_no_token(body: Json, status: int, client: httpx.AsyncClient) -> None:
    text = str(body).replace("'", '"').replace("inf", "1e999").replace("\\x00", "\\u0000")
    answer = await client.post("/api/tokens", content=text, headers={"Content-Type": "application/json"})
    assert answer.status_code == status
    assert answer.json()["error"]


async def test_a_client_has_tokens_of_its_own(
    server: Server, admin: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    mine, theirs = await make(admin, "read"), await make(client, "read")
    everyones = {one["id"]: one["username"] for one in (await admin.get("/api/tokens?everyone=true")).json()}
    assert (everyones[mine["id"]], everyones[theirs["id"]]) == ("admin", CLIENT)
    assert mine["id"] not in {one["id"] for one in (await client.get("/api/tokens")).json()}
    assert (await client.get("/api/tokens?everyone=true")).status_code == 403
    assert (await client.delete(f"/api/tokens/{mine['id']}")).status_code == 404
    assert (await admin.delete(f"/api/tokens/{theirs['id']}")).status_code == 204
    assert (await admin.delete(f"/api/tokens/{mine['id']}")).status_code == 204


# -- scopes


async def test_a_token_that_reads_changes_nothing(server: Server, admin: httpx.AsyncClient) -> None:
    action = await action_for(server, admin, "read-only.sh", "echo no")
    async with automation(server, await make(admin, "read")) as program:
        for path in ("/api/resources", "/api/runs", "/api/quick-actions", "/api/history", "/api/openapi.json"):
            assert (await program.get(path)).status_code == 200
        for method, path in (
            *(("GET", "/api/users"), ("GET", "/api/settings"), ("GET", "/api/scripts")),
            *(("GET", "/api/auth/login-history"), ("POST", f"/api/quick-actions/{action}/execute")),
            *(("DELETE", f"/api/quick-actions/{action}"), ("GET", "/api/tokens"), ("GET", "/api/me/sessions")),
        ):
            refused = await program.request(method, path)
            assert refused.status_code == 403, path
            assert "oken" in refused.json()["error"]
        started = await program.post("/api/runs", json={"script": "read-only.sh"})
        assert (started.status_code, "its scopes name" in started.json()["error"]) == (403, True)
        async with socket(program, "/api/ws") as ws:
            await ws.send({"type": "run", "script": "read-only.sh"})
            assert "its scopes name" in (await ws.receive())["data"]
        async with socket(program, "/api/ws/monitor") as ws:
            assert "cpu_percent" in await ws.receive()


async def test_a_token_for_one_action_starts_that_and_sees_what_it_started(
    server: Server, admin: httpx.AsyncClient
) -> None:
    mine = await action_for(server, admin, "mine.sh", "echo mine; sleep 60")
    other = await action_for(server, admin, "other.sh", "echo other")
    others_run = (await admin.post("/api/runs", json={"script": "other.sh"})).json()["id"]
    async with automation(server, await make(admin, f"run:{mine}")) as program:
        started = await program.post(f"/api/quick-actions/{mine}/execute")
        run = f"/api/runs/{started.json()['task_id']}"
        assert (await program.get(run)).json()["script"] == "mine.sh"
        async with program.stream("GET", f"{run}/stream") as stream:
            assert '"mine"' in await anext(stream.aiter_text())
        assert (await program.get(f"{run}/output")).text == "mine\n"
        async with socket(program, f"/api/ws{run.removeprefix('/api')}") as ws:
            assert await ws.receive() == b"mine\n"
        assert (await program.post(f"{run}/cancel")).status_code == 200

        for path in ("", "/output", "/stream"):
            assert (await program.get(f"/api/runs/{others_run}{path}")).status_code == 403
        assert (await program.post(f"/api/runs/{others_run}/cancel")).status_code == 403
        assert (await program.post(f"/api/quick-actions/{other}/execute")).status_code == 403
        assert (await program.post("/api/runs", json={"script": "other.sh"})).status_code == 403
        assert (await program.post("/api/runs", json={"script": "mine.sh", "args": ["x"]})).status_code == 403
        for path in ("/api/runs", "/api/quick-actions", "/api/resources", "/api/history"):
            assert (await program.get(path)).json() == {"error": "This token lacks the scope read."}
        with pytest.raises(InvalidStatus) as refused:
            async with socket(program, "/api/ws/monitor"):
                pass
        assert refused.value.response.status_code == 403
        async with socket(program, "/api/ws") as ws:
            for message in ({"type": "follow", "task_id": others_run}, {"type": "cancel", "task_id": others_run}):
                await ws.send(message)
                assert (await ws.receive())["type"] == "error"
            await ws.send({"type": "run", "script": "mine.sh"})
            begun = await ws.until("stdout")
            assert begun[-1]["data"] == "mine"
            await ws.send({"type": "cancel", "task_id": begun[0]["task_id"]})
            assert (await ws.until("exit"))[-1]["code"] == -1
        async with socket(program, f"/api/ws/runs/{others_run}") as ws:
            assert (await ws.receive())["error"] == "This token lacks the scope read."


async def test_a_run_belongs_to_the_token_that_started_it_and_to_its_user(
    server: Server, admin: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    action = await action_for(server, admin, "whose.sh", "sleep 60")
    first, second = await make(client, f"run:{action}"), await make(client, f"run:{action}")
    async with automation(server, first) as one, automation(server, second) as two:
        key = {"Idempotency-Key": "once"}
        started = [
            (await program.post("/api/runs", json={"script": "whose.sh"}, headers=key)).json()["id"]
            for program in (one, one, two, client)
        ]
        assert started[0] == started[1]
        assert len(set(started)) == 3, "each has its own keys"
        assert (await two.get(f"/api/runs/{started[0]}")).status_code == 403
        async with automation(server, await make(client, "read")) as reader:
            for program in (two, reader):
                assert (await program.post(f"/api/runs/{started[0]}/cancel")).status_code == 403
                async with socket(program, "/api/ws") as ws:
                    await ws.send({"type": "cancel", "task_id": started[0]})
                    assert (await ws.receive())["type"] == "error"
            assert (await reader.get(f"/api/runs/{started[0]}")).json()["state"] == "running"
        for run, program in ((started[0], client), (started[2], two), (started[3], client)):
            assert (await program.post(f"/api/runs/{run}/cancel")).status_code == 200
        assert (await one.get(f"/api/runs/{started[0]}")).json()["username"] == CLIENT


@pytest.mark.fault("X45")
async def test_an_action_that_is_gone_or_runs_something_else_is_not_run(
    server: Server, admin: httpx.AsyncClient
) -> None:
    action = await action_for(server, admin, "now.sh", "echo now")
    server.script("then.sh", "echo then")
    async with automation(server, await make(admin, f"run:{action}")) as program:
        await admin.put(f"/api/quick-actions/{action}", json={"script_path": "then.sh"})
        assert (await program.post("/api/runs", json={"script": "now.sh"})).status_code == 403
        assert (await program.post("/api/runs", json={"script": "then.sh"})).status_code == 201
        await admin.delete(f"/api/quick-actions/{action}")
        assert (await program.post("/api/runs", json={"script": "then.sh"})).status_code == 403
        assert (await program.post(f"/api/quick-actions/{action}/execute")).status_code == 404


# -- where tokens count


async def test_a_token_opens_no_page(server: Server, admin: httpx.AsyncClient) -> None:
    async with automation(server, await make(admin, "admin")) as program:
        page = await program.get("/")
        assert (page.status_code, page.headers["location"]) == (303, "/login")
        assert (await program.get("/_nicegui_ws/socket.io/?EIO=4&transport=polling")).status_code == 401
        with pytest.raises(InvalidStatus) as refused:
            async with socket(program, "/_nicegui_ws/socket.io/?EIO=4&transport=websocket"):
                pass
        assert refused.value.response.status_code == 401


@pytest.mark.fault("A45")
async def test_a_token_beside_a_cookie_is_refused_on_every_door(server: Server, admin: httpx.AsyncClient) -> None:
    made = await make(admin, "admin")
    both = {"Authorization": f"Bearer {made['token']}"}
    for path in ("/api/users", "/api/runs/x/stream"):
        refused = await admin.get(path, headers=both)
        assert (refused.status_code, refused.json()["error"]) == (401, "Send the session cookie or a token, not both.")
    for path in ("/api/ws", "/api/ws/monitor", "/api/ws/runs/x"):
        with pytest.raises(InvalidStatus) as at_socket:
            async with open_socket(admin, path, headers=both):
                pass
        assert at_socket.value.response.status_code == 401


@pytest.mark.fault("A45")
async def test_a_token_may_come_from_a_page_of_another_site(server: Server, admin: httpx.AsyncClient) -> None:
    async with automation(server, await make(admin, "admin")) as program:
        assert (await program.get("/api/users", headers={"Origin": "https://ci.example"})).status_code == 200
        async with socket(program, "/api/ws", origin="https://ci.example") as ws:
            await ws.send({"type": "nonsense"})
            assert (await ws.receive())["type"] == "error"
    with pytest.raises(InvalidStatus):
        async with open_socket(admin, "/api/ws", "https://ci.example"):
            pass


# -- the end

Ending = Callable[[Server, httpx.AsyncClient, str, Json], Awaitable[Any]]
ENDINGS: dict[str, Ending] = {
    "revoked": lambda server, admin, user, made: admin.delete(f"/api/tokens/{made['id']}"),
    "user deactivated": lambda server, admin, user, made: admin.put(f"/api/users/{user}", json={"is_active": False}),
    "user deleted": lambda server, admin, user, made: admin.delete(f"/api/users/{user}"),
    "password given": lambda server, admin, user, made: admin.put(
        f"/api/users/{user}/password", json={"password": "Other-Staple-9"}
    ),
}


@pytest.mark.fault("A34")
@pytest.mark.parametrize("ending", ENDINGS)
async def test_every_open_door_closes_within_a_second(ending: str, server: Server, admin: httpx.AsyncClient) -> None:
    name = f"robot {ending}"
    made_user = await admin.post("/api/users", json={"username": name, "password": PASSWORD})
    run = (await admin.post("/api/runs", json={"script": server.script("open.sh", "echo hi; sleep 60")})).json()["id"]
    async with await sign_in(server, name, PASSWORD) as person:
        made = await make(person, "read")
    async with AsyncExitStack() as stack:
        program = await stack.enter_async_context(automation(server, made))
        sockets = [
            await stack.enter_async_context(socket(program, path))
            for path in ("/api/ws", "/api/ws/monitor", f"/api/ws/runs/{run}")
        ]
        await sockets[1].receive()
        assert await sockets[2].receive() == b"hi\n"
        stream = await stack.enter_async_context(program.stream("GET", f"/api/runs/{run}/stream"))
        parts = stream.aiter_text()
        assert '"hi"' in await anext(parts)
        began = time.monotonic()
        await ENDINGS[ending](server, admin, made_user.json()["id"], made)
        closed = await asyncio.gather(*(close_code(one) for one in sockets), rest_of(parts))
        assert time.monotonic() - began < 1
        assert closed[:3] == [4401, 4401, 4401]
        assert (await program.get("/api/resources")).status_code == 401
    await admin.post(f"/api/runs/{run}/cancel")


async def close_code(opened: JsonSocket) -> int | None:
    """What the socket is closed with, once it is."""
    with suppress(ConnectionClosed):
        async for _ in opened.connection:
            pass
    return opened.connection.close_code


async def rest_of(parts: AsyncIterator[str]) -> str:
    """What a stream still brings."""
    return "".join([part async for part in parts])


@pytest.mark.fault("A37")
async def test_another_admin_password_ends_the_admins_tokens(start_server: StartServer) -> None:
    server = await start_server()
    async with http_client(server, await session_cookies(server)) as admin:
        mine = await make(admin, "admin")
    async with http_client(server, await session_cookies(server, CLIENT)) as client:
        theirs = await make(client, "read")
    await server.stop()
    await server.restart()
    async with automation(server, mine) as program:
        assert (await program.get("/api/users")).status_code == 200, "the same password keeps them"
    await server.stop()
    server.password = "Another-Horse-8"
    await server.restart()
    async with automation(server, mine) as program:
        assert (await program.get("/api/users")).status_code == 401
    async with automation(server, theirs) as program:
        assert (await program.get("/api/resources")).status_code == 200


async def test_a_token_of_another_machine_is_accepted_by_its_hash_and_reads_only(
    server: Server, admin: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    token = new_token()
    wanted = {"name": "fleet", "sha256": hash_of(token).upper()}
    assert (await client.post("/api/tokens/accept", json=wanted)).status_code == 403
    async with automation(server, {"token": token}) as program:
        assert (await program.get("/metrics")).status_code == 401
        answer = await admin.post("/api/tokens/accept", json=wanted)
        assert (answer.status_code, answer.json()["scopes"]) == (201, ["read"])
        again = await admin.post("/api/tokens/accept", json=wanted)
        assert (again.status_code, again.json()["error"]) == (409, "This token is accepted already.")
        assert (await program.get("/metrics")).status_code == 200
        assert (await program.get("/api/users")).status_code == 403
        assert (await admin.delete(f"/api/tokens/{answer.json()['id']}")).status_code == 204
        assert (await program.get("/metrics")).status_code == 401
    for sha256 in ("", "x" * 64, "a" * 63, "a" * 64 + "\n"):
        wrong = await admin.post("/api/tokens/accept", json={"name": "fleet", "sha256": sha256})
        assert wrong.status_code == 400
        assert "sha256sum" in wrong.json()["error"]
