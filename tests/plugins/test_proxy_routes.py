"""The proxy over a real server and real plugins: what passes, what does not, and how long anything may take."""

import asyncio
import base64
import contextlib
import gzip
import json
import socket
import time
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import httpx
import pytest

from app.bodies import MAX_PLUGIN_BODY
from app.headers import ALWAYS
from tests.plugins.puppet import puppet_server, until_healthy
from tests.support.clients import CLIENT, http_client, session_cookies
from tests.support.processes import ProcessWatch
from tests.support.server import Server
from tests.support.waiting import eventually

ROUTE = "/api/plugins/route/puppet"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD")


@pytest.fixture(scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory, process_watch: ProcessWatch) -> AsyncIterator[Server]:
    """A server with two puppets."""
    async with puppet_server(tmp_path_factory.mktemp("stage"), process_watch, ["puppet", "other"]) as server:
        yield server


@pytest.fixture
async def admin(stage: Server) -> AsyncIterator[httpx.AsyncClient]:
    async with http_client(stage, await session_cookies(stage)) as client:
        await until_healthy(client, "puppet")
        client.timeout = httpx.Timeout(40)
        yield client


@pytest.fixture
async def client(stage: Server) -> AsyncIterator[httpx.AsyncClient]:
    async with http_client(stage, await session_cookies(stage, CLIENT)) as client:
        yield client


async def say(client: httpx.AsyncClient, **answer: Any) -> httpx.Response:
    """Has the puppet answer with exactly this payload."""
    return await client.post(f"{ROUTE}/say", json=answer)


async def whole_head(server: Server, *lines: str) -> bytes:
    """These lines at the head of a request, with what a session's has besides."""
    (name, value), *_ = (await session_cookies(server)).items()
    head = [*lines, f"Host: 127.0.0.1:{server.port}", f"Cookie: {name}={value}"]
    return "\r\n".join([*head, "", ""]).encode("latin-1")


async def raw(server: Server, head: str, body: bytes = b"") -> bytes:
    """The answer to a request that is sent as it is written, with a session's cookie."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(await whole_head(server, head, "Connection: close") + body)
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    return answer


# -- the request


@pytest.mark.parametrize("method", METHODS)
async def test_every_method_reaches_the_plugin(method: str, admin: httpx.AsyncClient) -> None:
    answer = await admin.request(method, f"{ROUTE}/x")
    assert answer.status_code == 200
    if method == "HEAD":
        assert answer.content == b""
        assert int(answer.headers["content-length"]) > 10
    else:
        assert answer.json()["method"] == method


@pytest.mark.fault("G31")
@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ("", "/"),
        ("/", "/"),
        ("?a=1", "/?a=1"),
        ("/x?a=1&a=2&b=%20+%2B&c", "/x?a=1&a=2&b=%20+%2B&c"),
        ("/a%2Fb", "/a%2Fb"),
        ("/%00%0A%0D", "/%00%0A%0D"),
        ("//x//", "//x//"),
        ("/../../users", "/../../users"),
        ("/%2e%2e/%2E%2E/etc", "/%2e%2e/%2E%2E/etc"),
        ("/./x/.", "/./x/."),
        ("/%C3%BC/%FF", "/%C3%BC/%FF"),
        ("/;a=b/x?q=%00&q=/../", "/;a=b/x?q=%00&q=/../"),
        ("/" + "x" * 8000 + "?" + "y" * 8000, "/" + "x" * 8000 + "?" + "y" * 8000),
        ("/%zz", "/%zz"),
    ],
)
async def test_path_and_query_arrive_as_they_were_sent(sent: str, told: str, stage: Server) -> None:
    answer = await raw(stage, f"GET {ROUTE}{sent} HTTP/1.1")
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["path"] == told


@pytest.mark.fault("G31")
async def test_a_prefix_that_is_written_otherwise_leads_to_the_same_plugin(stage: Server) -> None:
    answer = await raw(stage, "GET /%61pi/plugins/ro%75te/pup%70et/%70 HTTP/1.1")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["path"] == "/%70"


@pytest.mark.fault("G31")
@pytest.mark.parametrize(
    "path",
    [
        *("/api/plugins/route/nobody/x", "/api/plugins/route/", "/api/plugins/route", "/api/plugins/route//x"),
        *("/api/plugins/route%2Fpuppet/x", "/api/plugins/route/pup%2Fpet", "/api/plugins/route/PUPPET/x"),
        *("/api/plugins/route/..", "/api/plugins/route/%00", "/api/plugins%2froute/puppet/puppet/x"),
    ],
)
async def test_what_is_no_plugins_address_is_not_found(path: str, stage: Server) -> None:
    assert (await raw(stage, f"GET {path} HTTP/1.1")).startswith(b"HTTP/1.1 404 ")


async def test_the_plugin_is_told_who_asks_and_none_of_our_secrets(
    admin: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    forged = {"X-Toru-Role": "admin", "X-Toru-User": "root", "X-Forwarded-For": "1.2.3.4", "X-Own": "kept"}
    seen = (await client.get(f"{ROUTE}/x", headers=forged)).json()["headers"]
    assert (seen["x-toru-user"], seen["x-toru-role"], seen["x-own"]) == (CLIENT, "client", "kept")
    secrets = {*client.cookies.values(), "1.2.3.4", "root"}
    assert not [value for value in seen.values() if any(secret in value for secret in secrets)]
    assert not {"cookie", "authorization", "connection", "x-forwarded-for"} & seen.keys()
    assert (await admin.get(f"{ROUTE}/x")).json()["headers"]["x-toru-role"] == "admin"


async def test_a_token_is_not_handed_on_and_does_only_what_it_was_made_for(
    stage: Server, admin: httpx.AsyncClient
) -> None:
    made = await admin.post("/api/tokens", json={"name": "reader", "scopes": ["read"], "days": 1})
    token = made.json()["token"]
    async with http_client(stage) as reader:
        reader.headers["Authorization"] = f"Bearer {token}"
        seen = (await reader.get(f"{ROUTE}/x")).json()["headers"]
        assert seen["x-toru-role"] == "client"
        assert not [value for value in seen.values() if token in value]
        assert (await reader.post(f"{ROUTE}/x")).status_code == 403


async def test_strangers_and_other_sites_reach_no_plugin(stage: Server, admin: httpx.AsyncClient) -> None:
    before = (await admin.get(f"{ROUTE}/counts")).json()
    async with http_client(stage) as nobody:
        assert (await nobody.get(f"{ROUTE}/x")).status_code == 401
    assert (await admin.post(f"{ROUTE}/x", headers={"Origin": "https://evil.example"})).status_code == 403
    assert (await admin.get(f"{ROUTE}/counts")).json()[0] == before[0] + 1


# -- bodies

EVERY_BYTE = bytes(range(256)) * 20


@pytest.mark.fault("G30")
@pytest.mark.parametrize(
    "body",
    [b"", b"text", "ü€🚀".encode(), EVERY_BYTE, gzip.compress(EVERY_BYTE), b"\xff\xfe", b'"\\u0000"', b"\0" * 99],
)
async def test_bodies_arrive_both_ways_as_they_are(body: bytes, admin: httpx.AsyncClient) -> None:
    assert (await admin.post(f"{ROUTE}/same", content=body)).content == body
    assert base64.b64decode((await admin.put(f"{ROUTE}/x", content=body)).json()["body"]) == body


@pytest.mark.fault("G30")
async def test_what_is_encoded_stays_so(admin: httpx.AsyncClient) -> None:
    packed = gzip.compress(b"words" * 1000)
    answer = await say(
        admin,
        status=200,
        headers={"Content-Encoding": "gzip"},
        body=base64.b64encode(packed).decode(),
        body_encoding="base64",
    )
    assert answer.content == b"words" * 1000
    assert int(answer.headers["content-length"]) == len(packed)


async def test_8_mib_pass_both_ways(admin: httpx.AsyncClient) -> None:
    body = b"\xff" * MAX_PLUGIN_BODY
    assert (await admin.post(f"{ROUTE}/same", content=body)).content == body
    assert len((await admin.get(f"{ROUTE}/large?{MAX_PLUGIN_BODY}")).content) == MAX_PLUGIN_BODY


async def test_more_is_refused_whoever_sends_it(stage: Server, admin: httpx.AsyncClient) -> None:
    head = await whole_head(stage, f"POST {ROUTE}/same HTTP/1.1", "Transfer-Encoding: chunked")

    def untold() -> bytes:
        with socket.create_connection(("127.0.0.1", stage.port), 10) as connection:
            with contextlib.suppress(ConnectionError):  # the answer is there all the same
                connection.sendall(head)
                for _ in range(9):
                    connection.sendall(b"100000\r\n" + b"x" * (1 << 20) + b"\r\n")
            return connection.recv(1 << 16)

    refused = await raw(stage, f"POST {ROUTE}/same HTTP/1.1\r\nContent-Length: {MAX_PLUGIN_BODY + 1}")
    assert refused.startswith(b"HTTP/1.1 413 ")
    assert (await asyncio.to_thread(untold)).startswith(b"HTTP/1.1 413 ")
    answer = await admin.get(f"{ROUTE}/large?{MAX_PLUGIN_BODY + 1}")
    assert (answer.status_code, answer.json()["error"]) == (502, "The plugin's answer is larger than 8 MiB.")
    assert (await admin.get(f"{ROUTE}/large?3")).content == b"xxx"


async def test_what_nobody_serves_is_refused_before_its_body_comes(stage: Server) -> None:
    began = time.monotonic()
    refused = await raw(stage, f"POST /api/plugins/route/nix/x HTTP/1.1\r\nContent-Length: {MAX_PLUGIN_BODY}")
    assert refused.startswith(b"HTTP/1.1 404 ")
    assert b"There is no plugin at this address." in refused
    assert time.monotonic() - began < 4  # without a body a request has five seconds


async def test_bodies_of_all_requests_share_some_room(stage: Server, admin: httpx.AsyncClient) -> None:
    head = await whole_head(stage, f"POST {ROUTE}/same HTTP/1.1", f"Content-Length: {MAX_PLUGIN_BODY}")

    async def hold_all_but_the_end() -> None:
        while True:  # again, where another request was there first
            reader, writer = await asyncio.open_connection("127.0.0.1", stage.port)
            writer.write(head + b"x" * (MAX_PLUGIN_BODY - 1_000))
            try:
                await reader.read(1)
            except ConnectionError:
                pass
            finally:
                writer.transport.abort()

    async def until(status: int, size: int) -> httpx.Response:
        async with asyncio.timeout(30):
            while (answer := await admin.post(f"{ROUTE}/same", content=b"y" * size)).status_code != status:
                await asyncio.sleep(0.05)
        return answer

    holding = [asyncio.create_task(hold_all_but_the_end()) for _ in range(8)]
    try:
        full = await until(503, 10_000)
    finally:
        for task in holding:
            task.cancel()
        await asyncio.wait(holding)
    assert full.json() == {"error": "Too much is being sent to plugins. Try again in a moment."}
    assert (await until(200, MAX_PLUGIN_BODY)).content == b"y" * MAX_PLUGIN_BODY


async def test_half_a_body_is_no_request(stage: Server, admin: httpx.AsyncClient) -> None:
    before = (await admin.get(f"{ROUTE}/counts")).json()[0]
    (name, value), *_ = (await session_cookies(stage)).items()
    reader, writer = await asyncio.open_connection("127.0.0.1", stage.port)
    head = f"POST {ROUTE}/same HTTP/1.1\r\nHost: 127.0.0.1:{stage.port}\r\nCookie: {name}={value}\r\n"
    writer.write((head + "Content-Length: 100\r\n\r\nhalf").encode())
    writer.write_eof()
    assert await reader.read() == b""
    writer.close()
    assert (await admin.get(f"{ROUTE}/counts")).json()[0] == before + 1


# -- the answer


@pytest.mark.fault("G24")
@pytest.mark.parametrize("status", [0, 99, 100, 101, 600, 1000, -1, "200", True, None, 200.5, 10**30])
async def test_a_status_that_there_is_not_is_an_answer_of_ours(status: object, admin: httpx.AsyncClient) -> None:
    answer = await say(admin, status=status, body="x")
    assert (answer.status_code, answer.json()["error"][-1]) == (502, ".")


@pytest.mark.fault("G24")
@pytest.mark.parametrize(
    ("status", "body"), [(200, "x"), (204, ""), (304, ""), (404, "x"), (418, "x"), (500, "x"), (599, "x")]
)
async def test_a_status_that_there_is_passes(status: int, body: str, admin: httpx.AsyncClient) -> None:
    answer = await say(admin, status=status, body="x")
    assert (answer.status_code, answer.text) == (status, body)


@pytest.mark.fault("G26", "G27", "G28")
async def test_our_headers_win_and_nothing_is_smuggled(stage: Server) -> None:
    evil = {
        **{name.decode().title(): "evil" for name, _ in ALWAYS},
        "Content-Security-Policy": "default-src *",
        "Set-Cookie": "session_id=x; Path=/",
        "Set-Cookie2": "x",
        "Transfer-Encoding": "chunked",
        "Content-Length": "1",
        "Connection": "X-Hop, keep-alive",
        "X-Hop": "evil",
        "Access-Control-Allow-Origin": "*",
        "Clear-Site-Data": '"*"',
        "Location": "//evil.example",
        "X-Break": "a\r\nX-Injected: evil",
        "X-Evil\r\nX-Injected": "evil",
        "X-Good": "kept",
    }
    body = json.dumps({"status": 200, "headers": evil, "body": "four"}).encode()
    answer = await raw(stage, f"POST {ROUTE}/say HTTP/1.1\r\nContent-Length: {len(body)}", body)
    head, _, content = answer.partition(b"\r\n\r\n")
    assert content == b"four"
    assert b"evil" not in head.lower()
    fields = [line.partition(b": ")[::2] for line in head.lower().split(b"\r\n")[1:]]
    names = [name for name, _ in fields]
    assert len(names) == len(set(names))
    told = dict(fields)
    assert {name: told[name] for name, _ in ALWAYS} == {name: value.lower() for name, value in ALWAYS}
    assert told[b"content-length"] == b"4"
    assert told[b"x-good"] == b"kept"
    assert told[b"content-security-policy"].startswith(b"default-src 'none'")
    assert not {b"set-cookie", b"location", b"transfer-encoding", b"x-injected"} & told.keys()


@pytest.mark.fault("G28")
async def test_a_head_without_end_is_an_answer_of_ours(admin: httpx.AsyncClient) -> None:
    for headers in ({"X-A": "x" * 1_000_000}, {f"X-{number}": "x" for number in range(10_000)}):
        answer = await say(admin, status=200, headers=headers, body="x")
        assert (answer.status_code, answer.json()["error"][-1]) == (502, ".")


@pytest.mark.fault("G32")
async def test_html_of_a_plugin_may_run_no_script_and_be_framed_by_nobody(admin: httpx.AsyncClient) -> None:
    page = "<script>fetch('/api/users')</script>"
    answer = await say(admin, status=200, headers={"Content-Type": "text/html"}, body=page)
    assert answer.text == page
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-frame-options"] == "DENY"


# -- time


async def test_answers_find_their_requests_in_whatever_order_they_come(admin: httpx.AsyncClient) -> None:
    limits = httpx.Limits(max_connections=200)
    async with httpx.AsyncClient(
        base_url=admin.base_url, cookies=admin.cookies, limits=limits, timeout=30, verify=False
    ) as many:
        answers = await asyncio.gather(*(many.get(f"{ROUTE}/hold?{number}") for number in range(200)))
    told = [answer.text.split(" of ") for answer in answers]
    assert [int(number) for number, _ in told] == list(range(200))
    assert max(int(together) for _, together in told) == 64


@pytest.mark.fault("G20")
async def test_an_answer_has_30_seconds_and_a_late_one_goes_to_nobody(admin: httpx.AsyncClient) -> None:
    async def timed(path: str) -> tuple[int, float, str]:
        began = time.monotonic()
        answer = await admin.get(f"{ROUTE}/{path}")
        return answer.status_code, time.monotonic() - began, answer.text

    async def waited() -> int:
        return int((await admin.get(f"{ROUTE}/counts")).json()[2])

    pid = (await admin.get("/api/plugins/puppet")).json()["pid"]
    before = await waited()
    soon, late, never = await asyncio.gather(timed("after?27"), timed("after?34"), timed("never"))
    assert (soon[0], soon[2]) == (200, "27")
    for status, seconds, text in (late, never):
        assert status == 504
        assert 29.5 < seconds < 33.5
        assert json.loads(text)["error"].endswith(".")
    async with asyncio.timeout(30):
        while await waited() < before + 2:  # the late one has come, too
            await asyncio.sleep(0.05)
    assert (await timed("x"))[0] == 200
    assert (await admin.get("/api/plugins/puppet")).json()["pid"] == pid


async def test_a_crash_is_told_within_a_second_and_no_request_is_sent_twice(
    stage: Server, admin: httpx.AsyncClient
) -> None:
    waiting = [asyncio.create_task(admin.get(f"{ROUTE}/never")) for _ in range(5)]

    async def are_under_way() -> bool:
        return bool((await admin.get(f"{ROUTE}/counts")).json()[0] >= 6)

    await eventually(are_under_way)
    began = time.monotonic()
    answers = [await admin.post(f"{ROUTE}/crash"), *await asyncio.gather(*waiting)]
    assert time.monotonic() - began < 15, "nobody waited for the thirty seconds"
    assert {answer.status_code for answer in answers} == {502}
    assert (await admin.get(f"{ROUTE}/x")).status_code == 502
    async with asyncio.timeout(10):
        while (await until_healthy(admin, "puppet"))["restarts"] == 0:
            await asyncio.sleep(0.02)
    assert (await admin.get(f"{ROUTE}/counts")).json()[0] == 1
    assert (stage.folder / "puppet.crashes").read_text() == "x"


@pytest.mark.fault("G23")
async def test_browsers_that_leave_take_their_requests_along(admin: httpx.AsyncClient) -> None:
    async def counted(requests: int, cancelled: int) -> bool:
        told = (await admin.get(f"{ROUTE}/counts")).json()
        return bool(told[0] >= requests and told[1] == cancelled)

    for _ in range(3):
        requests, cancelled, _ = (await admin.get(f"{ROUTE}/counts")).json()
        waiting = [asyncio.create_task(admin.get(f"{ROUTE}/never")) for _ in range(63)]
        await eventually(partial(counted, requests + 64, cancelled), 20)
        assert not any(task.done() for task in waiting)
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting)
        await eventually(partial(counted, requests + 64, cancelled + 63), 20)


@pytest.mark.fault("G22")
async def test_a_plugin_that_hangs_leaves_room_for_others_and_is_full_at_last(
    stage: Server, admin: httpx.AsyncClient
) -> None:
    limits = httpx.Limits(max_connections=400)
    async with httpx.AsyncClient(
        base_url=admin.base_url, cookies=admin.cookies, limits=limits, timeout=60, verify=False
    ) as many:
        waiting = [asyncio.create_task(many.get("/api/plugins/route/other/never")) for _ in range(330)]
        async with asyncio.timeout(20):
            while not any(task.done() for task in waiting):
                await asyncio.sleep(0.02)
        full = next(task.result() for task in waiting if task.done())
        assert (full.status_code, full.headers["retry-after"]) == (503, "1")
        began = time.monotonic()
        assert (await admin.get(f"{ROUTE}/x")).status_code == 200
        assert (await admin.get("/api/plugins")).status_code == 200
        assert time.monotonic() - began < 15
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting)
