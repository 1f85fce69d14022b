"""One's own second factor over HTTP: set up, renewed, removed; and what is kept of it."""

import json
import re
import sqlite3
from collections.abc import AsyncIterator

import httpx
import pytest

from app.core.clock import Clock
from tests.conftest import StartServer
from tests.second_factor.support import (
    CARLA,
    CARLA_PASSWORD,
    Authenticator,
    MovedServer,
    begin,
    enrol,
    open_moved_server,
    try_sign_in,
)
from tests.support.clients import http_client, sign_in
from tests.support.server import ADMIN, ADMIN_PASSWORD

MINE = "/api/me/second-factor"


@pytest.fixture
async def admin(moved: MovedServer) -> AsyncIterator[httpx.AsyncClient]:
    """The administrator, without a second factor yet."""
    async with await moved.sign_in() as client:
        yield client


async def test_it_is_set_up_on_a_real_server_and_asked_for_there(start_server: StartServer) -> None:
    server = await start_server()
    clock = Clock()
    async with await sign_in(server) as admin:
        authenticator, recovery = await enrol(admin, clock)
        assert len(set(recovery)) == 10
        assert all(re.fullmatch(r"[2-9a-z]{5}-[2-9a-z]{5}", code) for code in recovery)
    await server.stop()
    await server.restart()
    async with http_client(server) as stranger:
        assert (await try_sign_in(stranger, ADMIN, ADMIN_PASSWORD)).json()["second_factor"] is True
        assert (await try_sign_in(stranger, ADMIN, ADMIN_PASSWORD, authenticator.code(steps=1))).status_code == 200
        assert (await stranger.get("/api/settings")).status_code == 200
    key = server.data_dir / "second-factor.key"
    assert key.stat().st_mode & 0o777 == 0o600
    told = server.output + "".join(path.read_text() for path in (server.data_dir / "logs").iterdir())
    for secret in (authenticator.secret, authenticator.secret.replace(" ", ""), *recovery):
        assert secret not in told


async def test_how_it_stands(moved: MovedServer, admin: httpx.AsyncClient) -> None:
    none = {"enabled": False, "created_at": None, "recovery_left": 0, "required": False}
    assert (await admin.get(MINE)).json() == none
    await begin(admin)
    assert (await admin.get(MINE)).json() == none, "it counts once a code was seen"
    await moved.enrol(admin)
    state = (await admin.get(MINE)).json()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", state.pop("created_at"))
    assert state == {"enabled": True, "recovery_left": 10, "required": False}


async def test_what_the_phone_is_shown(admin: httpx.AsyncClient) -> None:
    begun = (await begin(admin)).json()
    assert re.fullmatch(r"([A-Z2-7]{4} ){7}[A-Z2-7]{4}", begun["secret"])
    assert begun["uri"].startswith("otpauth://totp/Toru%20%28toru.example.com%29:admin?secret=")
    assert begun["svg"].startswith("<svg ")
    assert begun["svg"].endswith("</svg>")


async def test_a_wrong_first_code_changes_nothing(moved: MovedServer, admin: httpx.AsyncClient) -> None:
    begun = Authenticator((await begin(admin)).json()["secret"], moved.clock)
    for code in (begun.wrong_code(), "", "x", "abcde-fghjk"):
        refused = await admin.put(MINE, json={"code": code})
        assert (refused.status_code, refused.json()["error"]) == (
            400,
            "This code does not fit. Type the one that is shown now, and check the phone's clock.",
        )
    assert (await admin.get(MINE)).json()["enabled"] is False
    assert (await admin.put(MINE, json={"code": begun.code()})).status_code == 200, "and locks nothing"


async def test_a_session_alone_sets_none_up(moved: MovedServer, admin: httpx.AsyncClient) -> None:
    assert (await admin.post(MINE)).status_code == 422
    for _ in range(3):
        refused = await admin.post(MINE, json={"password": "guess"})
        assert (refused.status_code, refused.json()) == (401, {"error": "The current password is wrong."})
    assert (await begin(admin)).status_code == 429, "guesses lock the session"
    async with await moved.sign_in() as other:
        assert (await begin(other)).status_code == 200, "and no other"
    query = "SELECT what, outcome FROM audit WHERE what LIKE 'second_factor.%' ORDER BY id"
    assert rows(moved, query) == [("second_factor.begin", "refused")] * 4
    moved.clock.move(seconds=61)
    assert (await admin.put(MINE, json={"code": "123456"})).status_code == 400, "what the other one began waits"


async def test_the_right_password_forgives_no_wrong_codes(moved: MovedServer, admin: httpx.AsyncClient) -> None:
    authenticator, _ = await moved.enrol(admin)
    for _ in range(3):
        assert (await begin(admin)).status_code == 409
        await admin.post("/api/auth/step-up", json={"code": authenticator.wrong_code()})
    assert (await admin.post("/api/auth/step-up", json={"code": authenticator.code()})).status_code == 429


async def test_only_the_newest_secret_waits(moved: MovedServer, admin: httpx.AsyncClient) -> None:
    older = Authenticator((await begin(admin)).json()["secret"], moved.clock)
    newer = Authenticator((await begin(admin)).json()["secret"], moved.clock)
    assert (await admin.put(MINE, json={"code": older.code()})).status_code == 400
    assert (await admin.put(MINE, json={"code": newer.code()})).status_code == 200


async def test_it_is_begun_first_and_not_twice(moved: MovedServer, admin: httpx.AsyncClient) -> None:
    unbegun = await admin.put(MINE, json={"code": "123456"})
    assert (unbegun.status_code, unbegun.json()["error"]) == (
        409,
        "Begin anew: no second factor waits for its first code.",
    )
    authenticator, _ = await moved.enrol(admin)
    again = await begin(admin)
    assert again.json() == {"error": "You have a second factor. Remove it before you set up another."}
    assert (await admin.put(MINE, json={"code": authenticator.code()})).status_code == 409


async def test_setting_it_up_proves_it(moved: MovedServer, admin: httpx.AsyncClient) -> None:
    await moved.enrol(admin)
    assert (await admin.post(f"{MINE}/recovery")).status_code == 200


async def test_new_recovery_codes_void_the_old_ones(moved: MovedServer, admin: httpx.AsyncClient) -> None:
    _, old = await moved.enrol(admin)
    new = (await admin.post(f"{MINE}/recovery")).json()["recovery"]
    assert len(set(new)) == 10
    async with moved.client() as stranger:
        assert (await try_sign_in(stranger, ADMIN, ADMIN_PASSWORD, old[0])).status_code == 401
        assert (await try_sign_in(stranger, ADMIN, ADMIN_PASSWORD, new[0])).status_code == 200


async def test_renewing_and_removing_ask_for_it_again(moved: MovedServer, admin: httpx.AsyncClient) -> None:
    authenticator, _ = await moved.enrol(admin)
    moved.clock.move(minutes=11)
    for method, path in (("POST", f"{MINE}/recovery"), ("DELETE", MINE)):
        refused = await admin.request(method, path)
        assert (refused.status_code, refused.json()["step_up"]) == (403, True)
    assert (await admin.post("/api/auth/step-up", json={"code": authenticator.code()})).status_code == 204
    assert (await admin.delete(MINE)).status_code == 204
    assert (await admin.get(MINE)).json()["enabled"] is False
    async with await moved.sign_in() as again:
        assert (await again.get("/api/settings")).status_code == 200, "without a code"


async def test_a_new_one_does_not_take_what_proved_the_old_one(moved: MovedServer, admin: httpx.AsyncClient) -> None:
    first, _ = await moved.enrol(admin)
    async with await moved.sign_in(code=first.code()) as other:
        await admin.delete(MINE)
        second, _ = await moved.enrol(admin)
        assert (await other.post(f"{MINE}/recovery")).json()["step_up"] is True, "its proof was of the first one"
        assert (await other.post("/api/auth/step-up", json={"code": first.code()})).status_code == 401
        assert (await other.post("/api/auth/step-up", json={"code": second.code()})).status_code == 204


async def test_an_admin_removes_what_a_client_has_lost(moved: MovedServer, admin: httpx.AsyncClient) -> None:
    carla_id = await moved.add_carla()
    path = f"/api/users/{carla_id}/second-factor"
    async with await moved.sign_in(CARLA, CARLA_PASSWORD) as carla:
        await moved.enrol(carla)
        assert (await carla.delete(path)).status_code == 403
        assert (await admin.delete(path)).status_code == 204
        assert (await carla.get(MINE)).json()["enabled"] is False
    async with await moved.sign_in(CARLA, CARLA_PASSWORD):
        pass
    unknown = await admin.delete("/api/users/nobody/second-factor")
    assert (unknown.status_code, unknown.json()) == (404, {"error": "There is no such user."})


async def test_it_is_deleted_with_its_user_and_kept_otherwise(moved: MovedServer, admin: httpx.AsyncClient) -> None:
    carla_id = await moved.add_carla()
    async with await moved.sign_in(CARLA, CARLA_PASSWORD) as carla:
        await moved.enrol(carla)
    await admin.put(f"/api/users/{carla_id}", json={"is_active": False})
    await admin.put(f"/api/users/{carla_id}", json={"is_active": True})
    await admin.put(f"/api/users/{carla_id}/password", json={"password": "Other-Staple-9"})
    assert rows(moved, "SELECT owner FROM second_factors") == [(carla_id,)]
    async with moved.client() as stranger:
        assert (await try_sign_in(stranger, CARLA, "Other-Staple-9")).json()["second_factor"] is True
    await admin.delete(f"/api/users/{carla_id}")
    assert rows(moved, "SELECT owner FROM second_factors") == []


async def test_nothing_secret_is_in_the_database(moved: MovedServer, admin: httpx.AsyncClient) -> None:
    authenticator, recovery = await moved.enrol(admin)
    kept = json.dumps(rows(moved, "SELECT * FROM second_factors") + rows(moved, "SELECT * FROM audit"))
    for secret in (authenticator.secret.replace(" ", ""), *recovery, *(code.replace("-", "") for code in recovery)):
        assert secret not in kept


async def test_a_restart_keeps_it_and_what_proved_it(moved: MovedServer, admin: httpx.AsyncClient) -> None:
    authenticator, recovery = await moved.enrol(admin)
    await try_sign_in(admin, ADMIN, ADMIN_PASSWORD, recovery[0])
    cookies = dict(admin.cookies)
    await moved.stop()
    async with open_moved_server(moved.folder, moved.clock) as again, again.client() as client:
        client.cookies.update(cookies)
        assert (await client.get(MINE)).json()["recovery_left"] == 9
        assert (await client.post(f"{MINE}/recovery")).status_code == 200
        moved.clock.move(minutes=11)
        assert (await client.post(f"{MINE}/recovery")).json()["step_up"] is True
        async with again.client() as stranger:
            assert (await try_sign_in(stranger, ADMIN, ADMIN_PASSWORD, recovery[0])).status_code == 401
            assert (await try_sign_in(stranger, ADMIN, ADMIN_PASSWORD, authenticator.code())).status_code == 200


@pytest.mark.parametrize("key", [None, bytes(32), b"short"])
async def test_without_the_key_only_recovery_codes_let_in(
    key: bytes | None, moved: MovedServer, admin: httpx.AsyncClient
) -> None:
    authenticator, recovery = await moved.enrol(admin)
    path = moved.folder / "data" / "second-factor.key"
    path.unlink() if key is None else path.write_bytes(key)
    async with moved.client() as stranger:
        refused = await try_sign_in(stranger, ADMIN, ADMIN_PASSWORD, authenticator.code())
        assert refused.status_code == 503
        assert refused.json()["error"] == (
            "The server's key for second factors is missing or wrong. Use a recovery code."
        )
        assert not refused.cookies
        assert (await try_sign_in(stranger, ADMIN, ADMIN_PASSWORD, recovery[0])).status_code == 200
        assert (await stranger.delete(MINE)).status_code == 204
    if key is None:
        async with await moved.sign_in() as again:
            await moved.enrol(again)
            assert len(path.read_bytes()) == 32, "with nobody left who needs the old one, a new one is made"


async def test_a_lost_key_is_not_replaced_while_others_need_it(moved: MovedServer, admin: httpx.AsyncClient) -> None:
    await moved.enrol(admin)
    await moved.add_carla()
    path = moved.folder / "data" / "second-factor.key"
    key = path.read_bytes()
    path.unlink()
    async with await moved.sign_in(CARLA, CARLA_PASSWORD) as carla:
        refused = await begin(carla)
        assert (refused.status_code, path.exists()) == (503, False)
        path.write_bytes(key)
        assert (await begin(carla)).status_code == 200


async def test_each_change_is_in_the_audit(moved: MovedServer, admin: httpx.AsyncClient) -> None:
    carla_id = await moved.add_carla()
    async with await moved.sign_in(CARLA, CARLA_PASSWORD) as carla:
        authenticator, recovery = await moved.enrol(carla)
        await carla.post("/api/auth/step-up", json={"code": authenticator.wrong_code()})
        await carla.post("/api/auth/step-up", json={"code": recovery[0]})
        await carla.post(f"{MINE}/recovery")
        await admin.delete(f"/api/users/{carla_id}/second-factor")
    query = "SELECT actor, what, target, outcome, detail FROM audit WHERE what LIKE 'second_factor.%' ORDER BY id"
    assert rows(moved, query) == [
        (CARLA, "second_factor.enabled", CARLA, "ok", "{}"),
        (CARLA, "second_factor.step_up", "", "refused", '{"reason": "Wrong code of the second factor"}'),
        (CARLA, "second_factor.used_recovery", CARLA, "ok", '{"left": 9}'),
        (CARLA, "second_factor.step_up", "", "ok", "{}"),
        (CARLA, "second_factor.renewed_recovery", CARLA, "ok", "{}"),
        (ADMIN, "second_factor.removed", CARLA, "ok", "{}"),
    ]


def rows(moved: MovedServer, query: str) -> list[tuple[object, ...]]:
    """What a query finds in the server's database."""
    with sqlite3.connect(moved.folder / "data" / "toru.db") as connection:
        found = connection.execute(query).fetchall()
    connection.close()
    return found
