"""What is dangerous asks for the second factor again, through every door, of those who have one."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.second_factor.support import CARLA, CARLA_PASSWORD, MovedServer
from tests.support.clients import open_socket

ASKED = {"error": "Confirm with your second factor first.", "step_up": True}
PASSWORD = "Other-Staple-9"


@pytest.fixture
async def admin(moved: MovedServer) -> AsyncIterator[httpx.AsyncClient]:
    """The administrator, without a second factor until a test sets one up."""
    async with await moved.sign_in() as client:
        yield client


async def step_up(client: httpx.AsyncClient, code: str) -> httpx.Response:
    """Proves the second factor."""
    return await client.post("/api/auth/step-up", json={"code": code})


async def action(client: httpx.AsyncClient, script: str, **fields: object) -> str:
    """Makes a quick action; its id."""
    made = await client.post("/api/quick-actions", json={"name": script, "script_path": script, **fields})
    made.raise_for_status()
    return str(made.json()["id"])


async def test_user_changes_ask_for_it_after_ten_minutes(moved: MovedServer, admin: httpx.AsyncClient) -> None:
    carla = await moved.add_carla()
    authenticator, _ = await moved.enrol(admin)
    user = f"/api/users/{carla}"
    changes: tuple[tuple[str, str, dict[str, Any] | None], ...] = (
        ("POST", "/api/users", {"username": "dora", "password": PASSWORD}),
        ("PUT", user, {"display_name": "Carla C."}),
        ("PUT", user, {"is_active": False}),
        ("PUT", f"{user}/password", {"password": PASSWORD}),
        ("DELETE", f"{user}/sessions", None),
        ("DELETE", f"{user}/second-factor", None),
        ("DELETE", user, None),
    )
    moved.clock.move(minutes=10, seconds=-31)  # half a minute was moved on already
    assert (await admin.put(user, json={"display_name": "C."})).status_code == 200, "ten minutes have not passed"
    moved.clock.move(seconds=2)
    for method, path, body in changes:
        refused = await admin.request(method, path, json=body)
        assert (refused.status_code, refused.json()) == (403, ASKED), (method, path)
    assert (await admin.get(user)).json()["display_name"] == "C.", "looking is not changing"
    assert (await step_up(admin, authenticator.code())).status_code == 204
    for method, path, body in changes:
        assert (await admin.request(method, path, json=body)).status_code in (200, 204), (method, path)


async def test_what_all_rights_hang_on_asks_for_it(moved: MovedServer, admin: httpx.AsyncClient) -> None:
    authenticator, _ = await moved.enrol(admin)
    moved.clock.move(minutes=11)
    token = {"name": "all", "scopes": ["admin"]}
    changes = [("PUT", "/api/settings/require_second_factor", {"value": "no"}), ("POST", "/api/tokens", token)]
    changes.append(("PUT", "/api/settings/scripts_dir", {"value": str(moved.folder)}))
    for method, path, body in changes:
        refused = await admin.request(method, path, json=body)
        assert (refused.status_code, refused.json()) == (403, ASKED), path
    assert (await admin.put("/api/settings/run_timeout", json={"value": "60"})).status_code == 200
    assert (await admin.post("/api/tokens", json={"name": "few", "scopes": ["read"]})).status_code == 201
    assert (await step_up(admin, authenticator.code())).status_code == 204
    for method, path, body in changes:
        assert (await admin.request(method, path, json=body)).is_success, path


async def test_who_has_none_is_not_asked(moved: MovedServer, admin: httpx.AsyncClient) -> None:
    moved.clock.move(hours=1)
    user = await admin.post("/api/users", json={"username": "dora", "password": PASSWORD})
    assert user.status_code == 200
    dangerous = await action(admin, moved.script("reboot.sh"), dangerous=True)
    assert (await admin.post(f"/api/quick-actions/{dangerous}/execute")).status_code == 200
    answer = await step_up(admin, "123456")
    assert (answer.status_code, answer.json()) == (409, {"error": "You have no second factor."})


async def test_a_sign_in_with_a_code_counts(moved: MovedServer, admin: httpx.AsyncClient) -> None:
    authenticator, _ = await moved.enrol(admin)
    moved.clock.move(hours=1)
    async with await moved.sign_in(code=authenticator.code()) as fresh:
        assert (await fresh.post("/api/users", json={"username": "dora", "password": PASSWORD})).status_code == 200
    refused = await admin.post("/api/users", json={"username": "emil", "password": PASSWORD})
    assert refused.json() == ASKED, "the proof is that session's alone"


async def test_a_clock_that_was_set_back_makes_no_proof_younger(moved: MovedServer, admin: httpx.AsyncClient) -> None:
    await moved.enrol(admin)
    moved.clock.move(hours=-1)
    assert (await admin.post("/api/users", json={"username": "dora", "password": PASSWORD})).json() == ASKED


async def test_dangerous_quick_actions_ask_through_every_door(moved: MovedServer, admin: httpx.AsyncClient) -> None:
    script = moved.script("reboot.sh")
    dangerous = await action(admin, script, dangerous=True)
    await moved.add_carla()
    async with await moved.sign_in(CARLA, CARLA_PASSWORD) as carla:
        phones = {admin: (await moved.enrol(admin))[0], carla: (await moved.enrol(carla))[0]}
        moved.clock.move(minutes=11)
        for client, phone in phones.items():
            for path, body in ((f"/api/quick-actions/{dangerous}/execute", None), ("/api/runs", {"script": script})):
                refused = await client.post(path, json=body)
                assert (refused.status_code, refused.json()) == (403, ASKED)
            async with open_socket(client, "/api/ws") as socket:
                await socket.send({"type": "run", "script": script})
                told = await socket.receive()
                assert told == {"type": "error", "data": ASKED["error"], "step_up": True}
                assert (await step_up(client, phone.code())).status_code == 204
                await socket.send({"type": "run", "script": script})  # on the socket that was open before
                assert (await socket.until("exit"))[-1]["code"] == 0
            assert (await client.post(f"/api/quick-actions/{dangerous}/execute")).status_code == 200


async def test_other_scripts_do_not_ask(moved: MovedServer, admin: httpx.AsyncClient) -> None:
    harmless = await action(admin, moved.script("report.sh"))
    await moved.enrol(admin)
    moved.clock.move(minutes=11)
    assert (await admin.post(f"/api/quick-actions/{harmless}/execute")).status_code == 200
    assert (await admin.get("/api/quick-actions")).json()[0]["dangerous"] is False


async def test_a_second_try_of_a_start_that_was_made_is_answered(moved: MovedServer, admin: httpx.AsyncClient) -> None:
    script = moved.script("reboot.sh")
    await action(admin, script, dangerous=True)
    await moved.enrol(admin)
    headers = {"Idempotency-Key": "once"}
    first = await admin.post("/api/runs", json={"script": script}, headers=headers)
    moved.clock.move(minutes=11)
    again = await admin.post("/api/runs", json={"script": script}, headers=headers)
    assert (again.status_code, again.json()["id"]) == (201, first.json()["id"])


async def test_dangerous_actions_are_made_changed_and_deleted_with_it(
    moved: MovedServer, admin: httpx.AsyncClient
) -> None:
    script = moved.script("reboot.sh")
    dangerous = await action(admin, script, dangerous=True)
    harmless = await action(admin, script)
    authenticator, _ = await moved.enrol(admin)
    moved.clock.move(minutes=11)
    changes: tuple[tuple[str, str, dict[str, Any] | None], ...] = (
        ("POST", "/api/quick-actions", {"name": "x", "script_path": script, "dangerous": True}),
        ("PUT", f"/api/quick-actions/{dangerous}", {"dangerous": False}),
        ("PUT", f"/api/quick-actions/{dangerous}", {"script_path": "other.sh"}),
        ("PUT", f"/api/quick-actions/{harmless}", {"dangerous": True}),
        ("DELETE", f"/api/quick-actions/{dangerous}", None),
    )
    for method, path, body in changes:
        assert (await admin.request(method, path, json=body)).json() == ASKED, (method, body)
    assert (await admin.put(f"/api/quick-actions/{harmless}", json={"name": "y"})).status_code == 200
    kept = {row["id"]: (row["script_path"], row["dangerous"]) for row in (await admin.get("/api/quick-actions")).json()}
    assert kept == {dangerous: (script, True), harmless: (script, False)}
    await step_up(admin, authenticator.code())
    for method, path, body in changes:
        assert (await admin.request(method, path, json=body)).status_code == 200, (method, body)


async def test_a_token_never_steps_up(moved: MovedServer, admin: httpx.AsyncClient) -> None:
    script = moved.script("reboot.sh")
    await action(admin, script, dangerous=True)
    made = await admin.post("/api/tokens", json={"name": "ci", "scopes": ["admin"]})
    async with moved.client(made.json()["token"]) as automation:
        assert (await automation.post("/api/runs", json={"script": script})).status_code == 201, "nobody has a factor"
        authenticator, _ = await moved.enrol(admin)
        for path, body in (("/api/runs", {"script": script}), ("/api/users", {"username": "d", "password": PASSWORD})):
            refused = await automation.post(path, json=body)
            assert refused.status_code == 403
            assert refused.json() == {"error": "This needs your second factor, which a token does not have. Sign in."}
        assert (await step_up(automation, authenticator.code())).status_code == 403
        assert (await automation.get("/api/me/second-factor")).status_code == 403
    assert (await step_up(admin, authenticator.code())).status_code == 204, "the token's try used nothing up"


async def test_wrong_codes_lock_the_session_and_nobody_else(moved: MovedServer, admin: httpx.AsyncClient) -> None:
    authenticator, _ = await moved.enrol(admin)
    async with await moved.sign_in(code=authenticator.code()) as other:
        moved.clock.move(seconds=30)
        for _ in range(3):
            wrong = await step_up(admin, authenticator.wrong_code())
            assert (wrong.status_code, wrong.json()["error"]) == (401, "This code is wrong, or was used already.")
        locked = await step_up(admin, authenticator.code())
        assert (locked.status_code, locked.headers["Retry-After"]) == (429, "60")
        assert (await step_up(other, authenticator.code())).status_code == 204
    moved.clock.move(seconds=61)
    assert (await step_up(admin, authenticator.code())).status_code == 204


async def test_strangers_who_guess_at_the_name_hold_nobody_up(moved: MovedServer, admin: httpx.AsyncClient) -> None:
    authenticator, _ = await moved.enrol(admin)
    async with moved.client() as stranger:
        for _ in range(4):
            answer = await stranger.post("/api/auth/login", json={"username": "admin", "password": "guess"})
        assert answer.status_code == 429
    assert (await step_up(admin, authenticator.code())).status_code == 204


async def test_a_code_proves_once(moved: MovedServer, admin: httpx.AsyncClient) -> None:
    authenticator, recovery = await moved.enrol(admin)
    for code in (authenticator.code(), recovery[0]):
        answers = await asyncio.gather(*(step_up(admin, code) for _ in range(2)))
        assert sorted(answer.status_code for answer in answers) == [204, 401]


async def test_nobody_steps_up_who_is_not_signed_in(moved: MovedServer) -> None:
    async with moved.client() as stranger:
        assert (await step_up(stranger, "123456")).status_code == 401
