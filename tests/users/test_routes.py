"""Client accounts over HTTP, as the contract has it."""

import httpx
import pytest

from tests.support.clients import http_client, sign_in
from tests.support.server import Server

PASSWORD = "Battery-Staple-8"


@pytest.fixture
async def anna(admin: httpx.AsyncClient) -> str:
    """The id of an account of this test's own."""
    for user in (await admin.get("/api/users")).json():
        if user["username"].lower() == "anna":
            await admin.delete(f"/api/users/{user['id']}")
    made = await admin.post("/api/users", json={"username": "anna", "password": PASSWORD, "display_name": "Anna A."})
    assert made.status_code == 200
    return str(made.json()["id"])


async def test_an_account_has_the_contracts_fields_and_no_hash(admin: httpx.AsyncClient, anna: str) -> None:
    user = (await admin.get(f"/api/users/{anna}")).json()
    created_at = user.pop("created_at")
    assert created_at.endswith("Z")
    assert user == {"id": anna, "username": "anna", "display_name": "Anna A.", "role": "client", "is_active": True}
    assert {**user, "created_at": created_at} in (await admin.get("/api/users")).json()


@pytest.mark.parametrize("name", ["anna", "ANNA", "admin", "Admin"])
async def test_a_name_that_is_taken(name: str, admin: httpx.AsyncClient, anna: str) -> None:
    answer = await admin.post("/api/users", json={"username": name, "password": PASSWORD})
    assert answer.status_code == 409


async def test_a_weak_password(admin: httpx.AsyncClient) -> None:
    answer = await admin.post("/api/users", json={"username": "weak", "password": "password"})
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("A password needs 8 characters or more")


async def test_changing_names_and_activity(server: Server, admin: httpx.AsyncClient, anna: str) -> None:
    async with await sign_in(server, "anna", PASSWORD) as client:
        renamed = await admin.put(f"/api/users/{anna}", json={"display_name": "Anna B."})
        assert renamed.json()["display_name"] == "Anna B."
        assert (await client.get("/api/auth/me")).json()["user"]["display_name"] == "Anna B."
        assert (await admin.put(f"/api/users/{anna}", json={"display_name": ""})).json()["display_name"] == ""
        assert (await client.get("/api/auth/me")).json()["user"]["display_name"] == "anna"
        assert (await admin.put(f"/api/users/{anna}", json={"is_active": False})).json()["is_active"] is False
        assert not (await client.get("/api/auth/me")).json()["authenticated"]
    async with http_client(server) as client:
        refused = await client.post("/api/auth/login", json={"username": "anna", "password": PASSWORD})
        assert (refused.status_code, refused.json()["error"]) == (401, "Wrong user name or password.")
    await admin.put(f"/api/users/{anna}", json={"is_active": True})
    async with await sign_in(server, "anna", PASSWORD):
        pass


async def test_a_new_password(server: Server, admin: httpx.AsyncClient, anna: str) -> None:
    async with await sign_in(server, "anna", PASSWORD) as client:
        given = await admin.put(f"/api/users/{anna}/password", json={"password": "Other-Staple-9"})
        assert (given.status_code, given.content) == (204, b"")
        assert (await client.get("/api/resources")).status_code == 401
    async with await sign_in(server, "anna", "Other-Staple-9"):
        pass


async def test_deleting_an_account(server: Server, admin: httpx.AsyncClient, anna: str) -> None:
    async with await sign_in(server, "anna", PASSWORD) as client:
        gone = await admin.delete(f"/api/users/{anna}")
        assert (gone.status_code, gone.content) == (204, b"")
        assert (await client.get("/api/resources")).status_code == 401
    for answer in (await admin.get(f"/api/users/{anna}"), await admin.delete(f"/api/users/{anna}")):
        assert (answer.status_code, answer.json()) == (404, {"error": "There is no such user."})


async def test_ending_all_sessions_of_a_user(
    server: Server, admin: httpx.AsyncClient, client: httpx.AsyncClient, anna: str
) -> None:
    async with await sign_in(server, "anna", PASSWORD) as one, await sign_in(server, "anna", PASSWORD) as other:
        assert (await client.delete(f"/api/users/{anna}/sessions")).status_code == 403
        ended = await admin.delete(f"/api/users/{anna}/sessions")
        assert (ended.status_code, ended.content) == (204, b"")
        for session in (one, other):
            assert (await session.get("/api/resources")).status_code == 401
    assert (await admin.get("/api/resources")).status_code == 200
    assert (await admin.delete("/api/users/nobody/sessions")).status_code == 404
