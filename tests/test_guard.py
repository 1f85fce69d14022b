"""The gate: whose requests pass, whatever their path, host, origin, cookie or method look like."""

import asyncio
import contextlib
import json
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from app.auth.request_limits import RequestLimits
from app.bodies import MAX_BODY, MAX_PLUGIN_BODY
from app.core.config import load_config
from app.core.database import Database
from app.guard import PUBLIC, Guard, unanswered_after_leaving
from tests.auth.support import Door, open_door
from tests.support.database import MovedClock

Message = MutableMapping[str, Any]
OWN = "127.0.0.1:3000"
PRIVATE_PATHS = ("/", "/scripts", "/api/users", "/api/docs", "/api/openapi.json", "/_nicegui/3.18.0/static/nicegui.js")


class Behind:
    """What the gate protects: it answers with what it was told."""

    def __init__(self) -> None:
        self.seen: list[Message] = []

    async def __call__(self, scope: Message, receive: Callable[[], Awaitable[Message]], send: Any) -> None:
        self.seen.append(scope)
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept"})
            await receive()
            return
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        session = scope["state"]["session"]
        told = {"user": session and session.username, "address": scope["state"]["address"], "size": len(body)}
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(told).encode()})


class Gate:
    """A gate with `door` as its sign-in, around `Behind`."""

    def __init__(self, door: Door, **values: str) -> None:
        config = load_config(values, env_file=None)
        self.pages: dict[str, str] = {}
        self.behind = Behind()
        self.guard = Guard(self.behind, door.services(config), self.pages.get)

    async def ask(
        self, path: str = "/api/users", method: str = "GET", *, peer: str = "127.0.0.1", **options: Any
    ) -> httpx.Response:
        """One request; its path goes out as it is written."""
        told = {"Host": OWN, **options.pop("headers", {})}
        headers = httpx.Headers([*told.items(), *options.pop("more_headers", ())])
        transport = httpx.ASGITransport(cast("Any", self.guard), client=(peer, 50000))
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{OWN}") as client:
            request = client.build_request(method, f"http://{OWN}/", headers=headers, **options)
            request.url = httpx.URL(scheme="http", host="127.0.0.1", port=3000, raw_path=path.encode())
            return await client.send(request)

    async def open(self, path: str = "/api/ws", **headers: str) -> list[Message]:
        """What a WebSocket's handshake is answered with."""
        sent: list[Message] = []
        incoming: asyncio.Queue[Message] = asyncio.Queue()
        incoming.put_nowait({"type": "websocket.connect"})
        incoming.put_nowait({"type": "websocket.disconnect", "code": 1000})

        async def send(message: Message) -> None:
            sent.append(message)

        plain, _, query = path.partition("?")
        raw = [(name.replace("_", "-").lower().encode(), value.encode()) for name, value in headers.items()]
        scope = {
            "type": "websocket",
            "path": plain,
            "query_string": query.encode(),
            "headers": [(b"host", OWN.encode()), *raw],
            "client": ("127.0.0.1", 50000),
        }
        await self.guard(scope, incoming.get, send)
        return sent


@pytest.fixture(scope="module")
async def door(database_template: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Door]:
    """One sign-in for all gates."""
    path = tmp_path_factory.mktemp("gate") / "toru.db"
    shutil.copy(database_template, path)
    database = Database(path)
    await database.open()
    async with open_door(database, MovedClock()) as opened:
        yield opened
    await database.close()


@pytest.fixture(scope="module")
async def token(door: Door) -> str:
    """The session of a browser that stays signed in."""
    return (await door.enter()).token


@pytest.fixture
def session(token: str) -> dict[str, str]:
    """Its cookie."""
    return {"Cookie": f"session_id={token}"}


@pytest.fixture
def gate(door: Door) -> Gate:
    """A gate without any configuration."""
    door.auth.limits = RequestLimits()
    return Gate(door)


# -- strangers


@pytest.mark.parametrize("path", [*sorted(PUBLIC), "/static/toru.css"])
async def test_what_is_public_is_open_to_everybody(path: str, gate: Gate) -> None:
    answer = await gate.ask(path)
    assert answer.status_code == 200
    assert answer.json()["user"] is None


@pytest.mark.fault("A30")
@pytest.mark.parametrize("path", PRIVATE_PATHS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "TRACE", "POST", "PUT", "PATCH", "DELETE", "PROPFIND"])
async def test_everything_else_is_closed_to_strangers_by_any_method(path: str, method: str, gate: Gate) -> None:
    answer = await gate.ask(path, method)
    if path.startswith(("/api", "/_nicegui")):
        assert answer.status_code == 401
        assert method == "HEAD" or answer.json() == {"error": "Not signed in."}
    else:
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/login")
    assert gate.behind.seen == []


@pytest.mark.fault("A30")
@pytest.mark.parametrize(
    "path",
    [
        *("//api/users", "/api//users", "/%61pi/users", "/api/users/", "/api/users/.", "/api/users;x", "/API/users"),
        *("/api/auth/login/", "/api/auth/me/x", "/api/auth/login;x", "/api/auth/%2e%2e/users", "/api/health/../users"),
        *("/static/../api/users", "/static/a/b", "/static//x", "/static/", "/login/", "/login%00", "/LOGIN", "//login"),
        *("/_nicegui/3.18.0/static/../../x", "/favicon.ico/x", "/%2e/api/users", "/.", "/api", "/static%2f..%2fapi"),
    ],
)
async def test_no_spelling_of_a_path_opens_a_door(path: str, gate: Gate) -> None:
    answer = await gate.ask(path)
    assert answer.status_code in (303, 401)
    assert gate.behind.seen == []


@pytest.mark.fault("A27")
@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("/", None),
        ("/scripts?script=a%20b&x=%C3%BC", "/scripts?script=a%20b&x=%C3%BC"),
        ("/run/%C3%BC", "/run/ü"),
        ("//evil.example/x", "//evil.example/x"),  # the sign-in page goes to none but its own addresses
        ("/x%0D%0ASet-Cookie:%20a=b", "/x\r\nSet-Cookie: a=b"),
    ],
)
async def test_a_page_is_asked_for_again_after_the_sign_in(path: str, wanted: str | None, gate: Gate) -> None:
    location = (await gate.ask(path)).headers["location"]
    assert location.isprintable()
    assert urlsplit(location).path == "/login"
    assert parse_qs(urlsplit(location).query).get("next", [None]) == [wanted]


# -- sessions


async def test_a_live_session_opens_everything(gate: Gate, session: dict[str, str]) -> None:
    for path in PRIVATE_PATHS:
        assert (await gate.ask(path, headers=session)).json()["user"] == "Admin"


@pytest.mark.fault("A06")
@pytest.mark.parametrize(
    "spoil",
    [
        lambda t: "session_id=",
        lambda t: f"session_id={t[:-1]}",
        lambda t: f"session_id={t[:-1]}{'A' if t[-1] != 'A' else 'B'}",
        lambda t: f"session_id={'a' * 10_000}",
        lambda t: f"session_id={t}\0",
        lambda t: "session_id=é",
        lambda t: f'session_id="{t}"',
        lambda t: f"Session_Id={t}",
        lambda t: f"__Host-session_id={t}",
        lambda t: f"session_id={t}; session_id={t}",
        lambda t: f"session_id=x; session_id={t}",
        lambda t: f"session_id={t};session_id=x",
        lambda t: f"x session_id={t}",
        lambda t: "=" * 5000,
        lambda t: ";" * 5000,
    ],
)
async def test_a_cookie_that_is_not_exactly_one_live_token_is_nobodys(
    spoil: Callable[[str], str], gate: Gate, door: Door
) -> None:
    token = (await door.enter()).token
    answer = await gate.ask(headers={"Cookie": spoil(token).encode("utf-8")})
    assert answer.status_code == 401
    assert (await gate.ask(headers={"Cookie": f"a=b; session_id={token}; c"})).status_code == 200


@pytest.mark.fault("A06")
async def test_two_cookie_headers_are_looked_at_together(gate: Gate, door: Door) -> None:
    token = (await door.enter()).token
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request"}

    value = f"session_id={token}".encode()
    for cookies, status in (([value, b"a=b"], 200), ([value, value], 401), ([value, b"session_id=x"], 401)):
        sent.clear()
        scope = {
            "type": "http",
            "method": "GET",
            "path": "/api/users",
            "query_string": b"",
            "client": ("127.0.0.1", 1),
            "headers": [(b"host", OWN.encode()), *((b"cookie", value) for value in cookies)],
        }
        await gate.guard(scope, receive, send)
        assert sent[0]["status"] == status


async def test_secure_cookies_have_another_name_and_the_plain_one_is_worth_nothing(
    door: Door, session: dict[str, str]
) -> None:
    gate = Gate(door, SECURE_COOKIES="true")
    assert (await gate.ask(headers=session)).status_code == 401
    assert (await gate.ask(headers={"Cookie": f"__Host-{session['Cookie']}"})).status_code == 200


@pytest.mark.fault("A03")
async def test_a_session_that_ended_opens_nothing(gate: Gate, door: Door) -> None:
    signed_in = await door.enter()
    session = {"Cookie": f"session_id={signed_in.token}"}
    assert (await gate.ask(headers=session)).status_code == 200
    await door.auth.sign_out(signed_in.session.id)
    assert (await gate.ask(headers=session)).status_code == 401
    assert (await gate.open(cookie=session["Cookie"]))[0]["status"] == 401
    assert (await gate.ask("/_nicegui_ws/socket.io/", headers=session)).status_code == 401


async def test_whoever_comes_with_a_session_that_ended_is_told_so(gate: Gate, door: Door) -> None:
    signed_in = await door.enter()
    await door.auth.sign_out(signed_in.session.id)
    for path, cookie, location in (
        ("/history", f"session_id={signed_in.token}", "/login?ended=1&next=/history"),
        ("/", f"session_id={signed_in.token}", "/login?ended=1"),
        ("/history", "session_id=", "/login?next=/history"),
        ("/history", "another=1", "/login?next=/history"),
    ):
        assert (await gate.ask(path, headers={"Cookie": cookie})).headers["location"] == location


# -- hosts and origins


@pytest.mark.fault("A29")
@pytest.mark.parametrize(
    "host",
    [
        "example.com/?",
        "a b",
        "",
        "evil@127.0.0.1",
        "127.0.0.1:3000#",
        "x:port",
        "[::1",
        "a\\b",
        "é",
        "127.0.0.1:123456",
        "localhost:99999",
        "127.0.0.1:0",
        "[:::]",
        "[1.2.3.4]:80",
    ],
)
@pytest.mark.parametrize("path", ["/api/users", "/login", "/"])
async def test_a_host_that_is_none_is_not_served(host: str, path: str, gate: Gate, session: dict[str, str]) -> None:
    headers = {**session, "Host": host.encode()}
    assert (await gate.ask(path, headers=headers)).status_code == 400
    assert gate.behind.seen == []


@pytest.mark.fault("A29")
@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("toru.example.com", 200),
        ("TORU.example.com", 200),
        ("127.0.0.1:3000", 200),
        ("localhost", 200),
        ("[::1]:3000", 200),
        ("evil.example", 400),
        ("toru.example.com:8443", 400),
        ("toru.example.com.evil.example", 400),
    ],
)
async def test_with_a_public_address_only_that_and_the_own_machine_are_served(
    host: str, status: int, door: Door, session: dict[str, str]
) -> None:
    gate = Gate(door, TORU_PUBLIC_URL="https://toru.example.com")
    assert (await gate.ask(headers={**session, "Host": host})).status_code == status


@pytest.mark.fault("A31")
@pytest.mark.parametrize(
    ("host", "origin", "ours"),
    [
        (OWN, f"http://{OWN}", True),
        (OWN, f"https://{OWN}", True),
        ("toru.example.com", "https://Toru.Example.com", True),
        (OWN, "http://127.0.0.1", False),
        (OWN, "http://localhost:3000", False),
        (OWN, f"http://{OWN}/", False),
        (OWN, f"http://{OWN}.evil.example", False),
        (OWN, f"http://evil@{OWN}", False),
        (OWN, f"ftp://{OWN}", False),
        (OWN, "null", False),
        (OWN, "", False),
        (OWN, "https://evil.example", False),
        (OWN, f"http://{OWN} https://evil.example", False),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_an_origin_must_be_the_address_that_was_asked(
    host: str, origin: str, ours: bool, method: str, gate: Gate, session: dict[str, str]
) -> None:
    headers = {**session, "Host": host, "Origin": origin}
    assert (await gate.ask(method=method, headers=headers)).status_code == (200 if ours else 403)
    assert (await gate.ask("/api/auth/login", method, headers=headers)).status_code == (200 if ours else 403)


@pytest.mark.parametrize(
    ("host", "origin", "ours"),
    [
        ("toru.example.com", "https://toru.example.com", True),
        ("toru.example.com", "http://toru.example.com", False),
        ("toru.example.com", "http://127.0.0.1:3000", False),
        (OWN, "https://toru.example.com", True),  # a proxy that puts its own Host
        (OWN, f"http://{OWN}", True),
        (OWN, "http://localhost:3000", False),
    ],
)
async def test_with_a_public_address_the_origin_is_that(
    host: str, origin: str, ours: bool, door: Door, session: dict[str, str]
) -> None:
    gate = Gate(door, TORU_PUBLIC_URL="https://toru.example.com")
    answer = await gate.ask(method="POST", headers={**session, "Host": host, "Origin": origin})
    assert answer.status_code == (200 if ours else 403)


@pytest.mark.fault("A31")
@pytest.mark.parametrize("site", ["cross-site", "same-site", "Cross-Site", "SAME-SITE", "none, cross-site"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS"])
async def test_without_an_origin_a_browser_tells_where_a_request_comes_from(
    site: str, method: str, gate: Gate, session: dict[str, str]
) -> None:
    assert (await gate.ask(method=method, headers={**session, "Sec-Fetch-Site": site})).status_code == 403
    for good in ("same-origin", "none"):
        assert (await gate.ask(method=method, headers={**session, "Sec-Fetch-Site": good})).status_code == 200
    assert (await gate.ask(method=method, headers=session)).status_code == 200, "curl says nothing"


@pytest.mark.fault("A27")
@pytest.mark.parametrize(
    ("path", "method", "mode", "status"),
    [
        ("/", "GET", "navigate", 200),
        ("/scripts", "HEAD", "navigate", 200),
        ("/", "POST", "navigate", 403),
        ("/", "GET", "no-cors", 403),
        ("/api/users", "GET", "navigate", 403),
        ("/static/toru.css", "GET", "no-cors", 403),
    ],
)
async def test_a_link_on_another_site_may_lead_to_a_page_and_nothing_more(
    path: str, method: str, mode: str, status: int, gate: Gate, session: dict[str, str]
) -> None:
    headers = {**session, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": mode}
    assert (await gate.ask(path, method, headers=headers)).status_code == status


# -- WebSockets


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"cookie": "session_id=x"}, 401),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate"}, 403),
        ({"host": "two"}, 400),
    ],
)
@pytest.mark.parametrize("path", ["/api/ws", "/_nicegui_ws/socket.io/", "/login", "/static/toru.css"])
async def test_a_refused_handshake_is_answered_with_http(
    path: str, headers: dict[str, str], status: int, gate: Gate
) -> None:
    start, body = await gate.open(path, **headers)
    assert (start["type"], start["status"]) == ("websocket.http.response.start", status)
    assert "error" in json.loads(body["body"])
    assert gate.behind.seen == []


async def test_a_signed_in_handshake_passes_from_its_own_origin(gate: Gate, session: dict[str, str]) -> None:
    cookie = session["Cookie"]
    assert (await gate.open(cookie=cookie, origin=f"http://{OWN}"))[0]["type"] == "websocket.accept"
    assert (await gate.open(cookie=cookie))[0]["type"] == "websocket.accept"
    assert (await gate.open(cookie=cookie, origin="https://evil.example"))[0]["status"] == 403


@pytest.mark.fault("A33")
@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("client_id=mine", None),
        ("client_id=unknown", None),
        ("", None),
        ("client_id=hers", 403),
        ("client_id=hers&client_id=mine", 403),
        ("client_id=mine&client_id=hers", 403),
        ("client%5fid=hers", 403),
    ],
)
async def test_nobody_joins_the_page_of_another_session(
    query: str, status: int | None, gate: Gate, door: Door, session: dict[str, str]
) -> None:
    mine, hers = await door.enter(), await door.enter()
    gate.pages.update(mine=mine.session.id, hers=hers.session.id)
    (first, *_) = await gate.open(f"/_nicegui_ws/socket.io/?{query}", cookie=f"session_id={mine.token}")
    assert first.get("status") == status
    polling = await gate.ask(
        f"/_nicegui_ws/socket.io/?{query}&transport=polling", headers={"Cookie": f"session_id={mine.token}"}
    )
    assert polling.status_code == (status or 200)


@pytest.mark.fault("A34")
async def test_a_socket_is_cut_off_within_a_second_of_its_sessions_end_whatever_serves_it(
    gate: Gate, door: Door, session: dict[str, str]
) -> None:
    signed_in = await door.enter()
    cut = asyncio.Event()

    async def send(message: Message) -> None:
        if message["type"] == "toru.abort":
            cut.set()

    async def receive() -> Message:
        if gate.behind.seen and len(waited) == 0:
            waited.append(1)
            return {"type": "websocket.connect"}
        await cut.wait()
        return {"type": "websocket.disconnect"}

    waited: list[int] = []
    scope = {
        "type": "websocket",
        "path": "/api/ws",
        "query_string": b"",
        "client": ("127.0.0.1", 1),
        "headers": [(b"host", OWN.encode()), (b"cookie", f"session_id={signed_in.token}".encode())],
    }
    serving = asyncio.create_task(gate.guard(scope, receive, send))
    while not waited:
        await asyncio.sleep(0)
    assert not cut.is_set()
    await door.auth.sign_out(signed_in.session.id)
    assert await asyncio.wait_for(cut.wait(), 1)
    await serving


# -- addresses, bodies, limits


@pytest.mark.parametrize(
    ("values", "peer", "headers", "address"),
    [
        ({}, "127.0.0.1", {"CF-Connecting-IP": "1.2.3.4"}, "127.0.0.1"),
        ({"TRUST_PROXY": "true"}, "127.0.0.1", {"CF-Connecting-IP": "1.2.3.4"}, "1.2.3.4"),
        ({"TRUST_PROXY": "true"}, "198.51.100.1", {"CF-Connecting-IP": "1.2.3.4"}, "198.51.100.1"),
        ({"TRUST_PROXY": "forwarded"}, "::1", {"X-Forwarded-For": "9.9.9.9, 1.2.3.4"}, "1.2.3.4"),
        (
            {"TRUST_PROXY": "forwarded", "TORU_TRUSTED_PROXIES": "10.0.0.0/8"},
            "10.0.0.1",
            {"X-Forwarded-For": "1.2.3.4, 10.0.0.2"},
            "1.2.3.4",
        ),
    ],
)
async def test_the_address_is_the_clients_as_far_as_proxies_may_tell(
    values: dict[str, str], peer: str, headers: dict[str, str], address: str, door: Door
) -> None:
    answer = await Gate(door, **values).ask("/api/auth/me", peer=peer, headers=headers)
    assert answer.json()["address"] == address


async def test_nothing_behind_believes_a_clients_word_about_where_it_is_served(gate: Gate) -> None:
    names = ("X-Forwarded-Prefix", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Forwarded-Server")
    told = dict.fromkeys((*names, "Forwarded", "X-Original-URL", "X-Rewrite-URL", "X-Script-Name"), "evil")
    await gate.ask("/api/auth/me", headers={**told, "Cf-Access-Jwt-Assertion": "a.b.c"})
    assert b"evil" not in {value for _, value in gate.behind.seen[0]["headers"]}
    assert b"cf-access-jwt-assertion" not in {name for name, _ in gate.behind.seen[0]["headers"]}


@pytest.mark.parametrize(("size", "status"), [(0, 200), (MAX_BODY, 200), (MAX_BODY + 1, 413), (20_000_000, 413)])
async def test_a_body_that_is_too_large_is_refused_before_it_is_read(size: int, status: int, gate: Gate) -> None:
    answer = await gate.ask("/api/auth/login", "POST", content=b"x" * size)
    assert answer.status_code == status
    if status == 413:
        assert answer.json() == {"error": "The request is too large."}
        assert gate.behind.seen == []


@pytest.mark.parametrize(
    ("path", "most"),
    [
        ("/api/plugins/route/hello/x", MAX_PLUGIN_BODY),
        ("/api/plugins/route/hello/%0A/kv", MAX_PLUGIN_BODY),
        ("/api/plugins/hello/kv", MAX_PLUGIN_BODY),
        ("/api/plugins/hello/enable", MAX_BODY),
        ("/api/plugins/hello/x/kv", MAX_BODY),
        ("/api/plugins/route", MAX_BODY),
        ("/x/api/plugins/route/hello/x", MAX_BODY),
    ],
)
async def test_only_what_is_for_plugins_may_be_larger(
    path: str, most: int, gate: Gate, session: dict[str, str]
) -> None:
    for size, status in ((most, 200), (most + 1, 413)):
        answer = await gate.ask(path, "POST", content=b"x" * size, headers=session)
        assert answer.status_code == status


async def test_strangers_are_bounded_and_those_who_are_known_are_not(
    gate: Gate, door: Door, monkeypatch: pytest.MonkeyPatch, session: dict[str, str]
) -> None:
    door.auth.limits = RequestLimits()
    statuses = [(await gate.ask("/login")).status_code for _ in range(1201)]
    assert statuses == [200] * 1200 + [429]
    refused = await gate.ask("/api/users")
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert (await gate.ask("/login", peer="192.0.2.7")).status_code == 200
    assert (await gate.ask(headers=session)).status_code == 200
    assert (await gate.ask("/api/health")).status_code == 200, "watchdogs ask often"


@pytest.mark.parametrize(("told", "passes"), [("No response returned.", True), ("something else", False)])
def test_a_browser_that_left_while_its_page_was_built_is_no_error(told: str, passes: bool) -> None:
    calm = contextlib.nullcontext() if passes else pytest.raises(RuntimeError, match=told)
    with calm, unanswered_after_leaving():
        raise RuntimeError(told)
