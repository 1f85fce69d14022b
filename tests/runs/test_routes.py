"""REST of runs over HTTP, as curl sees it."""

import asyncio
import json
import time
from typing import Any

import httpx
import pytest

from tests.support.clients import JsonSocket, open_socket
from tests.support.server import Server
from tests.support.waiting import eventually

Json = dict[str, Any]


async def start(client: httpx.AsyncClient, script: str, **body: Any) -> Json:
    """Starts a script; the run."""
    answer = await client.post("/api/runs", json={"script": script, **body})
    assert answer.status_code == 201, answer.text
    run: Json = answer.json()
    assert answer.headers["location"] == f"/api/runs/{run['id']}"
    return run


async def ended(client: httpx.AsyncClient, run: Json, seconds: float = 15) -> Json:
    """The run, once it has ended: the stream ends with it."""
    async with asyncio.timeout(seconds), client.stream("GET", f"/api/runs/{run['id']}/stream") as stream:
        async for _ in stream.aiter_bytes():
            pass
    found: Json = (await client.get(f"/api/runs/{run['id']}")).json()
    return found


async def test_scripts_are_for_admins(
    server: Server, admin: httpx.AsyncClient, client: httpx.AsyncClient, anonymous: httpx.AsyncClient
) -> None:
    for name in ("zz-last.sh", "aa-first.bash", "no-script.txt"):
        server.script(name, "echo hi")
    names = (await admin.get("/api/scripts")).json()
    assert names == sorted(names)
    assert {"zz-last.sh", "aa-first.bash"} <= set(names)
    assert "no-script.txt" not in names
    assert (await client.get("/api/scripts")).status_code == 403
    assert (await anonymous.get("/api/scripts")).status_code == 401


async def test_curl_alone_starts_and_follows_a_run(server: Server, admin: httpx.AsyncClient) -> None:
    script = server.script("greet.sh", 'echo "hello $1"; echo oops >&2; exit 3')
    run = await start(admin, script, args=["you"])
    assert run["state"] == "running"
    async with admin.stream("GET", f"/api/runs/{run['id']}/stream") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        text = "".join([part async for part in stream.aiter_text()])
    events = [dict(line.split(": ", 1) for line in event.split("\n")) for event in text.strip().split("\n\n")]
    assert {(event["event"], event["data"]) for event in events[:2]} == {
        ("stdout", '{"data":"hello you"}'),
        ("stderr", '{"data":"oops"}'),
    }
    assert events[2]["event"] == "exit"
    assert json.loads(events[2]["data"]) == {"state": "failed", "code": 3, "signal": None, "reason": None}
    assert events[2]["id"] == "15"
    run = (await admin.get(f"/api/runs/{run['id']}")).json()
    assert (run["state"], run["exit_code"], run["username"]) == ("failed", 3, "admin")


async def test_a_stream_resumes_after_the_last_event(server: Server, admin: httpx.AsyncClient) -> None:
    run = await ended(admin, await start(admin, server.script("three.sh", "echo one; echo two; echo three")))
    for headers, query in (({"Last-Event-ID": "4"}, ""), ({}, "?offset=4")):
        answer = await admin.get(f"/api/runs/{run['id']}/stream{query}", headers=headers)
        assert answer.text.startswith('id: 8\nevent: stdout\ndata: {"data":"two"}\n\n')
    assert (await admin.get(f"/api/runs/{run['id']}/stream", headers={"Last-Event-ID": "x"})).status_code == 400


async def test_a_stream_ends_with_the_session(server: Server, admin: httpx.AsyncClient) -> None:
    from tests.support.clients import sign_in

    run = await start(admin, server.script("long.sh", "echo hi; sleep 60"))
    async with await sign_in(server) as guest, guest.stream("GET", f"/api/runs/{run['id']}/stream") as stream:
        parts = stream.aiter_text()
        assert "hi" in await anext(parts)
        await guest.post("/api/auth/logout")
        begin = time.monotonic()
        assert [part async for part in parts] == []
        assert time.monotonic() - begin < 1
    await admin.post(f"/api/runs/{run['id']}/cancel")


async def test_output_from_an_offset_and_as_a_file(server: Server, admin: httpx.AsyncClient) -> None:
    run = await ended(admin, await start(admin, server.script("out put é.sh", "printf '\\033[1mhello\\n\\377'")))
    address = f"/api/runs/{run['id']}/output"
    whole = await admin.get(address)
    assert whole.content == b"\x1b[1mhello\n\xff"
    assert whole.headers["x-next-offset"] == "11"
    part = await admin.get(address, params={"offset": 4, "limit": 5})
    assert (part.content, part.headers["x-next-offset"]) == (b"hello", "9")
    assert (await admin.get(address, params={"offset": 99})).content == b""
    assert (await admin.get(address, params={"offset": -1})).status_code == 422
    saved = await admin.get(address, params={"download": True})
    assert saved.content == whole.content
    assert saved.headers["content-disposition"].startswith('attachment; filename="out_put__-')
    assert "filename*=UTF-8''out%20put%20%C3%A9-" in saved.headers["content-disposition"]


@pytest.mark.fault("X24")
async def test_cancel_from_anywhere_and_twice(server: Server, admin: httpx.AsyncClient) -> None:
    run = await start(admin, server.script("long.sh", "echo hi; sleep 60"))
    first, second = await asyncio.gather(*(admin.post(f"/api/runs/{run['id']}/cancel") for _ in range(2)))
    assert first.status_code == second.status_code == 200
    assert (await ended(admin, run))["state"] == "cancelled"
    again = await admin.post(f"/api/runs/{run['id']}/cancel")
    assert (again.status_code, again.json()["state"]) == (200, "cancelled")
    assert (await admin.post("/api/runs/nothing/cancel")).status_code == 404


@pytest.mark.fault("X27")
async def test_a_key_starts_one_run(server: Server, admin: httpx.AsyncClient) -> None:
    script = server.script("once.sh", "echo hi")
    body, headers = {"script": script}, {"Idempotency-Key": "double-click"}
    answers = await asyncio.gather(*(admin.post("/api/runs", json=body, headers=headers) for _ in range(3)))
    assert len({answer.json()["id"] for answer in answers}) == 1
    other = await admin.post("/api/runs", json={"script": script, "tty": True}, headers=headers)
    assert other.status_code == 409


@pytest.mark.fault("X01")
@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"script": "missing.sh"}, 404),
        ({"script": "../toru.db"}, 404),
        ({"script": "/bin/sh"}, 404),
        ({"script": "\ud800.sh"}, 422),
        ({"script": ""}, 404),
        ({}, 422),
        ({"script": 7}, 422),
        ({"script": "plain.sh", "args": "text"}, 422),
        ({"script": "plain.sh", "args": ["nul\0"]}, 400),
        ({"script": "plain.sh", "cols": 0}, 400),
        ({"script": "plain.sh", "timeout": 1 << 40}, 400),
    ],
)
async def test_refuses_with_a_sentence(server: Server, admin: httpx.AsyncClient, body: Json, status: int) -> None:
    server.script("plain.sh", "echo hi")
    answer = await admin.post("/api/runs", content=json.dumps(body), headers={"Content-Type": "application/json"})
    assert (answer.status_code, list(answer.json())) == (status, ["error"])
    assert answer.json()["error"].endswith(".")


async def test_lists_are_paged_and_filtered(server: Server, admin: httpx.AsyncClient) -> None:
    script = server.script("paged.sh", "exit 4")
    runs = [await ended(admin, await start(admin, script)) for _ in range(3)]
    page = (await admin.get("/api/runs", params={"script": script, "limit": 2})).json()
    assert [run["id"] for run in page["runs"]] == [runs[2]["id"], runs[1]["id"]]
    rest = (await admin.get("/api/runs", params={"script": script, "before": page["next_before"]})).json()
    assert ([run["id"] for run in rest["runs"]], rest["next_before"]) == ([runs[0]["id"]], None)
    found = (await admin.get("/api/runs", params={"script": script, "state": "failed"})).json()
    assert len(found["runs"]) == 3
    for wrong in ({"limit": -1}, {"limit": 10**9}, {"state": "nope"}):
        assert (await admin.get("/api/runs", params=wrong)).status_code == 422
    assert (await admin.get("/api/runs", params={"before": ";drop"})).status_code == 400


async def test_history_shows_the_end_of_each_output_as_text(
    server: Server, admin: httpx.AsyncClient, client: httpx.AsyncClient, anonymous: httpx.AsyncClient
) -> None:
    red = await ended(admin, await start(admin, server.script("red.sh", "printf '\\033[31mred\\033[0m\\n'; exit 2")))
    killed = await ended(admin, await start(admin, server.script("killed.sh", "kill -9 $$")))
    broken = await start(admin, server.script("broken.sh", "#!/no/such/thing\n"))
    large = await ended(admin, await start(admin, server.script("large.sh", "seq 1 30000")))
    running = await start(admin, server.script("long.sh", "echo so far; sleep 60"))

    async def is_under_way() -> bool:
        return (await admin.get(f"/api/runs/{running['id']}/output")).text == "so far\n"

    await eventually(is_under_way)
    answer = await client.get("/api/history")
    assert answer.headers["content-type"] == "application/json"
    entries = {entry["id"]: entry for entry in answer.json()}
    assert [entry["id"] for entry in answer.json()][:5] == [run["id"] for run in (running, large, broken, killed, red)]
    shown = entries[red["id"]]
    assert (shown["script_name"], shown["exit_code"], shown["output"]) == ("red.sh", 2, "red\n")
    assert shown["started_at"] < shown["finished_at"]
    assert entries[killed["id"]]["exit_code"] == -1
    assert entries[broken["id"]]["exit_code"] == -1
    assert "/no/such/thing" in entries[broken["id"]]["output"]
    assert len(entries[large["id"]]["output"]) <= 64 << 10
    assert entries[large["id"]]["output"].endswith("29999\n30000\n")
    now = entries[running["id"]]
    assert (now["exit_code"], now["finished_at"], now["output"]) == (None, None, "so far\n")
    assert (await anonymous.get("/api/history")).status_code == 401
    await admin.post(f"/api/runs/{running['id']}/cancel")


async def test_a_client_sees_runs_but_starts_none(
    server: Server, admin: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    script = server.script("admins.sh", "sleep 60")
    run = await start(admin, script)
    assert (await client.get(f"/api/runs/{run['id']}")).status_code == 200
    assert (await client.post("/api/runs", json={"script": script})).status_code == 403
    assert (await client.post(f"/api/runs/{run['id']}/cancel")).status_code == 403
    await admin.post(f"/api/runs/{run['id']}/cancel")


async def test_openapi_knows_the_doors(admin: httpx.AsyncClient) -> None:
    paths = (await admin.get("/api/openapi.json")).json()["paths"]
    assert {"/api/scripts", "/api/history", "/api/runs", "/api/runs/{run_id}/stream"} <= set(paths)
    assert "Idempotency-Key".lower() in json.dumps(paths["/api/runs"]["post"]["parameters"]).lower()


@pytest.mark.fault("X35")
async def test_a_silent_run_keeps_its_stream_alive() -> None:
    from app.runs.stream import run_stream

    async def silent() -> Any:
        await asyncio.sleep(60)
        yield []

    stream = run_stream(silent(), asyncio.Event(), heartbeat=0.01)
    assert [await anext(stream) for _ in range(3)] == [":\n\n"] * 3
    await stream.aclose()


async def collect(socket: JsonSocket) -> tuple[bytes, Any]:
    """All bytes of a byte socket and its last message."""
    found = bytearray()
    while isinstance(frame := await socket.receive(), bytes):
        found += frame
    return bytes(found), frame


async def test_one_run_started_by_rest_is_followed_by_socket(server: Server, admin: httpx.AsyncClient) -> None:
    run = await start(admin, server.script("count.sh", "seq 1 1000"))
    async with open_socket(admin, f"/api/ws/runs/{run['id']}") as socket:
        data, last = await collect(socket)
    assert data == b"".join(b"%d\n" % number for number in range(1, 1001))
    assert last == {"exit": {"state": "succeeded", "code": 0, "signal": None, "reason": None}}
