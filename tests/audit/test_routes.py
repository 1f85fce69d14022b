"""The audit over REST of a real server: what people did there is in it, and each sees what concerns them."""

import asyncio
import csv
import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from tests.conftest import StartServer
from tests.support.clients import CLIENT, CLIENT_PASSWORD, http_client, open_socket, session_cookies, sign_in
from tests.support.server import ADMIN, ADMIN_PASSWORD, Server

Json = dict[str, Any]


async def rows(client: httpx.AsyncClient, **wanted: str | int) -> list[Json]:
    """Rows, oldest first."""
    answer = await client.get("/api/audit", params={"limit": 200, **wanted})
    assert answer.status_code == 200, answer.text
    found: list[Json] = answer.json()["items"]
    return found[::-1]


async def newest(client: httpx.AsyncClient, what: str) -> Json:
    """The newest row of a kind."""
    return (await rows(client, what=what))[-1]


async def ended(client: httpx.AsyncClient, run: str) -> Json:
    """Follows a run to its end; the row that tells of it."""
    async with client.stream("GET", f"/api/runs/{run}/stream") as answer:
        assert answer.status_code == 200
        await answer.aread()
    [row] = [row for row in await rows(client, what="run.ended") if row["detail"]["run"] == run]
    return row


# -- what is recorded


async def test_signing_in_and_out_are_rows(server: Server, admin: httpx.AsyncClient) -> None:
    await session_cookies(server, CLIENT)
    async with await sign_in(server, CLIENT, CLIENT_PASSWORD) as carla:
        row = await newest(admin, "sign_in")
        assert (row["actor"], row["role"], row["address"], row["outcome"]) == (CLIENT, "client", "127.0.0.1", "ok")
        await carla.post("/api/auth/logout")
    row = await newest(admin, "sign_out")
    assert (row["actor"], row["address"], row["outcome"]) == (CLIENT, "127.0.0.1", "ok")


async def test_wrong_passwords_say_why_and_the_one_that_locks_says_so(start_server: StartServer, tmp_path: Any) -> None:
    server = await start_server()
    async with await sign_in(server) as admin, http_client(server) as stranger:
        for _ in range(10):
            await stranger.post("/api/auth/login", json={"username": ADMIN, "password": "wrong"})
        found = await rows(admin, what="sign_in", outcome="refused")
    assert [row["detail"] for row in found[:3]] == [
        {"reason": "Wrong user name or password"},
        {"reason": "Wrong user name or password"},
        {"reason": "Wrong user name or password", "locked_seconds": 60},
    ]
    assert [row["detail"]["reason"] for row in found[3:]] == ["Locked"], "one row a lock, however many tries"
    assert 0 < found[3]["detail"]["seconds_left"] <= 60


async def test_a_name_that_nobody_has_is_kept_as_typed(server: Server, admin: httpx.AsyncClient) -> None:
    elsewhere = httpx.AsyncHTTPTransport(local_address="127.0.0.2", verify=False)  # failures there lock nobody out
    async with httpx.AsyncClient(base_url=server.url, transport=elsewhere) as stranger:
        await stranger.post("/api/auth/login", json={"username": "=HYPERLINK(1)", "password": "wrong"})
    row = (await rows(admin, actor="=HYPERLINK(1)"))[-1]
    assert (row["role"], row["outcome"]) == ("", "refused")


async def test_every_change_of_a_user_is_a_row(server: Server, admin: httpx.AsyncClient) -> None:
    made = (await admin.post("/api/users", json={"username": "uma", "password": "Battery-Staple-8"})).json()
    path = f"/api/users/{made['id']}"
    await admin.put(path, json={"display_name": "Uma U"})
    await admin.put(path, json={"display_name": "Uma U", "is_active": True})  # nothing changes
    await admin.put(path, json={"is_active": False})
    await admin.put(path, json={"is_active": True})
    await admin.put(f"{path}/password", json={"password": "Another-Staple-8"})
    async with await sign_in(server, "uma", "Another-Staple-8") as uma:
        change = {"current_password": "Another-Staple-8", "new_password": "Third-Staple-8"}
        assert (await uma.put("/api/me/password", json=change)).status_code == 204
    await admin.delete(path)
    found = [row for row in await rows(admin) if row["target"] == "uma"]
    assert [(row["what"], row["actor"]) for row in found] == [
        ("user.created", ADMIN),
        ("user.changed", ADMIN),
        ("user.deactivated", ADMIN),
        ("user.activated", ADMIN),
        ("user.password_reset", ADMIN),
        ("password.changed", "uma"),
        ("user.deleted", ADMIN),
    ]
    assert found[1]["detail"] == {"id": made["id"], "old": "", "new": "Uma U"}
    assert "Staple" not in json.dumps(await rows(admin))


async def test_settings_and_actions_say_what_they_were_and_are(server: Server, admin: httpx.AsyncClient) -> None:
    listed = (await admin.get("/api/settings")).json()["settings"]
    before = {setting["key"]: setting["value"] for setting in listed}["run_timeout"]
    await admin.put("/api/settings/run_timeout", json={"value": "999"})
    row = await newest(admin, "setting.changed")
    assert (row["target"], row["detail"]) == ("run_timeout", {"old": before, "new": "999"})
    await admin.put("/api/settings/run_timeout", json={"value": before})
    server.script("wash.sh", "true")
    action = (await admin.post("/api/quick-actions", json={"name": "Wash", "script_path": "wash.sh"})).json()
    await admin.put(f"/api/quick-actions/{action['id']}", json={"name": "Rinse"})
    await admin.delete(f"/api/quick-actions/{action['id']}")
    found = [row for row in await rows(admin, what="action") if row["detail"].get("id") == action["id"]]
    assert [(row["what"], row["target"]) for row in found] == [
        ("action.created", "Wash"),
        ("action.changed", "Wash"),
        ("action.deleted", "Rinse"),
    ]
    assert found[1]["detail"] == {"id": action["id"], "name": "Rinse", "old_name": "Wash"}


async def test_a_run_is_a_row_when_it_begins_and_when_it_ends(server: Server, admin: httpx.AsyncClient) -> None:
    script = server.script("three.sh", "exit 3")
    run = (await admin.post("/api/runs", json={"script": script, "args": ["a b", "c"]})).json()["id"]
    end = await ended(admin, run)
    [start] = [row for row in await rows(admin, what="run.started") if row["detail"]["run"] == run]
    assert (start["actor"], start["target"], start["detail"]["args"]) == (ADMIN, script, ["a b", "c"])
    assert (end["outcome"], end["detail"]["state"], end["detail"]["code"]) == ("failed", "failed", 3)
    assert end["detail"]["seconds"] >= 0
    assert start["id"] < end["id"]


async def test_a_cancel_names_who_asked_for_it_once(server: Server, admin: httpx.AsyncClient) -> None:
    script = server.script("sleeps.sh", "sleep 60")
    action = (await admin.post("/api/quick-actions", json={"name": "Sleep", "script_path": script})).json()
    async with await sign_in(server, CLIENT, await _known_client(server)) as carla:
        run = (await carla.post(f"/api/quick-actions/{action['id']}/execute")).json()["task_id"]
    answers = await asyncio.gather(*(admin.post(f"/api/runs/{run}/cancel") for _ in range(3)))
    assert {answer.status_code for answer in answers} == {200}
    end = await ended(admin, run)
    [cancel] = [row for row in await rows(admin, what="run.cancelled") if row["detail"]["run"] == run]
    assert (cancel["actor"], cancel["target"]) == (ADMIN, script)
    assert (end["actor"], end["detail"]["state"], end["outcome"]) == (CLIENT, "cancelled", "ok")
    await admin.delete(f"/api/quick-actions/{action['id']}")


async def test_a_script_that_cannot_be_started_is_a_row_with_the_reason(
    server: Server, admin: httpx.AsyncClient
) -> None:
    run = (await admin.post("/api/runs", json={"script": server.script("empty.sh", "#!/nowhere/sh\n")})).json()
    end = await ended(admin, run["id"])
    assert (end["outcome"], end["detail"]["state"]) == ("failed", "spawn_failed")
    assert end["detail"]["reason"]


async def _known_client(server: Server) -> str:
    await session_cookies(server, CLIENT)
    return CLIENT_PASSWORD


# -- what is refused


async def test_a_refusal_is_a_row_with_the_address_and_the_reason(
    server: Server, admin: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    assert (await client.put("/api/settings/max_runs", json={"value": "1"})).status_code == 403
    row = await newest(admin, "refused")
    assert (row["actor"], row["outcome"], row["target"]) == (CLIENT, "refused", "PUT /api/settings/max_runs")
    assert row["detail"] == {"reason": "Only an administrator may do this."}


async def test_a_request_from_another_site_is_a_row(server: Server, admin: httpx.AsyncClient) -> None:
    answer = await admin.post("/api/auth/logout", headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403
    row = await newest(admin, "refused")
    assert (row["actor"], row["target"]) == (ADMIN, "POST /api/auth/logout")
    assert row["detail"] == {"reason": "Requests from other sites are refused."}


async def test_a_refusal_over_a_websocket_is_a_row(
    server: Server, admin: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    script = server.script("not-for-clients.sh", "true")
    async with open_socket(client, "/api/ws") as socket:
        await socket.send({"type": "run", "script": script})
        await socket.until("error")
    row = await newest(admin, "refused")
    assert (row["actor"], row["target"]) == (CLIENT, f"WebSocket /api/ws run {script}")


async def test_a_page_that_a_client_may_not_see_is_a_row(
    server: Server, admin: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    assert (await client.get("/settings")).status_code == 303
    row = await newest(admin, "refused")
    assert (row["actor"], row["target"]) == (CLIENT, "Page /settings")


async def test_a_flood_of_refusals_ends_in_a_count(start_server: StartServer) -> None:
    server = await start_server()
    async with http_client(server, await session_cookies(server, CLIENT)) as carla:
        for _ in range(70):
            await carla.get("/api/users")
    await server.stop()
    await server.restart()
    async with await sign_in(server) as admin:
        found = await rows(admin, what="refused")
    assert len(found) == 61
    assert found[-1]["detail"] == {"more": 10}


# -- reading it


async def test_the_wire_form_of_a_row(server: Server, admin: httpx.AsyncClient) -> None:
    row = (await rows(admin))[0]
    wanted = {"id", "at", "actor", "role", "address", "what", "target", "outcome", "detail", "hash"}
    assert wanted <= set(row)
    assert len(row["hash"]) == 64
    assert isinstance(row["detail"], dict)


async def test_a_client_sees_all_runs_and_only_its_own_sign_ins(
    server: Server, admin: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    run = (await admin.post("/api/runs", json={"script": server.script("seen.sh", "true")})).json()["id"]
    await ended(admin, run)
    seen = await rows(client)
    assert {row["what"].partition(".")[0] for row in seen} <= {"run", "sign_in", "sign_out"}
    assert {row["actor"] for row in seen if not row["what"].startswith("run.")} == {CLIENT}
    assert any(row["actor"] == ADMIN and row["detail"]["run"] == run for row in seen)


async def test_pages_of_rows_follow_each_other(server: Server, admin: httpx.AsyncClient) -> None:
    first = (await admin.get("/api/audit", params={"limit": 2})).json()
    second = (await admin.get("/api/audit", params={"limit": 2, "before": first["next_before"]})).json()
    numbers = [row["id"] for page in (first, second) for row in page["items"]]
    assert numbers == sorted(numbers, reverse=True)
    assert len(set(numbers)) == 4


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=201", "limit=x", "before=-1", "before=99999999999999999999999", "outcome=;drop", "since=soon",
     "since=0", "until=0.5", "until=%00", f"search={'x' * 201}", f"what={'x' * 201}"],
)  # fmt: skip
async def test_nonsense_is_answered_with_a_sentence(admin: httpx.AsyncClient, query: str) -> None:
    answer = await admin.get(f"/api/audit?{query}")
    assert answer.status_code == 422
    assert answer.json()["error"].endswith(".")


@pytest.mark.parametrize("since", ["0001-01-01T00:00:00Z", "0300-05-05T00:00:00", "1999-01-01"])
async def test_any_early_moment_lets_everything_through(admin: httpx.AsyncClient, since: str) -> None:
    assert len(await rows(admin, since=since, limit=1)) == 1


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
async def test_a_moment_that_no_calendar_has_is_a_bad_value(admin: httpx.AsyncClient, moment: str) -> None:
    answer = await admin.get("/api/audit", params={"since": moment})
    assert (answer.status_code, answer.json()["error"]) == (400, "This moment is out of range.")


async def test_a_moment_without_a_zone_is_utc(admin: httpx.AsyncClient) -> None:
    newest_at = (await rows(admin, limit=1))[0]["at"]
    plain = newest_at.removesuffix("Z")
    assert newest_at in {row["at"] for row in await rows(admin, since=plain, until=plain)}


async def test_json_lines_and_csv_are_files(server: Server, admin: httpx.AsyncClient) -> None:
    answer = await admin.get("/api/audit/export", params={"what": "sign_in"})
    assert answer.headers["content-disposition"] == 'attachment; filename="audit.jsonl"'
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert {line["what"].partition(".")[0] for line in lines} == {"sign_in"}, "the kind with all that begins with it"
    answer = await admin.get("/api/audit/export", params={"what": "sign_in", "format": "csv"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    header, *cells = csv.reader(io.StringIO(answer.text, newline=""))
    assert [line["id"] for line in lines] == [int(row[header.index("id")]) for row in cells]
    assert (await admin.get("/api/audit/export", params={"format": "xml"})).status_code == 422


async def test_nobody_sees_nothing(anonymous: httpx.AsyncClient) -> None:
    for path in ("/api/audit", "/api/audit/export"):
        assert (await anonymous.get(path)).status_code == 401


async def test_an_export_ends_with_its_session(server: Server) -> None:
    async with _signed_in(server) as admin, _signed_in(server) as leaving:
        await leaving.post("/api/auth/logout")
        assert (await leaving.get("/api/audit/export")).status_code == 401
        assert (await admin.get("/api/audit/export")).status_code == 200


@asynccontextmanager
async def _signed_in(server: Server) -> AsyncIterator[httpx.AsyncClient]:
    async with await sign_in(server, ADMIN, ADMIN_PASSWORD) as client:
        yield client
