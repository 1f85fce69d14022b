"""Bad input of every kind: a 4xx and a sentence, within bounded time and memory, and the server goes on."""

import asyncio
import itertools
import json
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import psutil
import pytest
from websockets.exceptions import InvalidStatus

from tests.support.clients import CLIENT, open_socket, session_cookies
from tests.support.processes import ProcessWatch
from tests.support.server import ADMIN, ADMIN_PASSWORD, Server

MEBIBYTE = 1 << 20
MOST_SECONDS = 5.0
MOST_GROWTH = 60 * 10**6
DEEP = b"[" * 100_000

TEXTS: dict[str, Any] = {
    "empty": "",
    "a blank": " ",
    "nearly 1 MB": "x" * (MEBIBYTE - 200),
    "NUL": "a\0b",
    "a line end": "a\nb",
    "an escape sequence": "a\x1b[31mb",
    "a lone surrogate": "a\ud800b",
    "a list": ["a"],
    "a list of lists": [["a"]],
    "an object": {"$ne": ""},
    "a number": 1,
    "a huge number": 10**4000,
    "true": True,
    "null": None,
    "SQL": "'; DROP TABLE users; --" * 50,
    "right to left": "a\u202eb",
}

# Every door that takes a name, a password or a code, with the field that is spoiled. What may be empty or null there.
DOORS: dict[tuple[str, str, str], tuple[dict[str, Any], frozenset[str]]] = {
    ("POST", "/api/users", "username"): ({"password": "Long-Enough-9"}, frozenset()),
    ("POST", "/api/users", "password"): ({"username": "hostile"}, frozenset()),
    ("POST", "/api/users", "display_name"): (
        {"username": "", "password": "Long-Enough-9"},
        frozenset(TEXTS),  # refused for the name; what counts is that nothing breaks before
    ),
    ("PUT", "/api/users/{user}", "display_name"): ({}, frozenset({"empty", "a blank", "null"})),
    ("PUT", "/api/users/{user}", "is_active"): ({}, frozenset({"null", "true", "a number"})),
    ("PUT", "/api/users/{user}/password", "password"): ({}, frozenset()),
    ("PUT", "/api/me/password", "new_password"): ({"current_password": ADMIN_PASSWORD}, frozenset()),
    ("PUT", "/api/me/second-factor", "code"): ({}, frozenset()),
    ("POST", "/api/auth/step-up", "code"): ({}, frozenset()),
    ("POST", "/api/tokens", "name"): ({"scopes": ["read"]}, frozenset()),
    ("POST", "/api/tokens", "scopes"): ({"name": "hostile"}, frozenset()),
    ("POST", "/api/tokens", "expires_in_days"): ({"name": "hostile", "scopes": ["x"]}, frozenset()),
    ("POST", "/api/quick-actions", "name"): ({"script_path": "hello.sh"}, frozenset()),
    ("POST", "/api/quick-actions", "script_path"): ({"name": "hostile"}, frozenset()),
    ("PUT", "/api/settings/scripts_dir", "value"): ({}, frozenset()),
    ("POST", "/api/runs", "script"): ({}, frozenset()),
}

BODIES: dict[str, bytes] = {
    "100,000 deep": DEEP,
    "100,000 deep in a field": b'{"username": ' + DEEP + b"}",
    "100,000 objects deep": b'{"a":' * 100_000,
    "not JSON": b"{bad",
    "not UTF-8": b'{"username": "\xff\xfe"}',
    "UTF-16": '{"username": "a"}'.encode("utf-16"),
    "a list": b"[]",
    "null": b"null",
    "nothing": b"",
    "NaN": b'{"username": NaN, "password": Infinity}',
    "a number of 5,000 digits": b'{"username": ' + b"9" * 5000 + b"}",
    "50,000 fields": json.dumps({f"field{number}": 1 for number in range(50_000)}).encode(),
    "one field 50,000 times": b'{"username": "a"' + b', "username": "a"' * 50_000 + b"}",
    "1 byte too many": b"x" * (MEBIBYTE + 1),
    "20 MB": b"x" * (20 * MEBIBYTE),
}


@pytest.fixture(scope="module")
async def target(tmp_path_factory: pytest.TempPathFactory, process_watch: ProcessWatch) -> AsyncIterator[Server]:
    """A server of this module's own: it believes what a proxy says of addresses."""
    server = await Server(tmp_path_factory.mktemp("hostile"), env={"TRUST_PROXY": "true"}).start()
    process_watch.keep(server.pid)
    process_watch.keep_runner_of(server.data_dir)
    server.script("hello.sh", "echo hello")
    yield server
    await server.close()
    assert server.log.errors() == []


@pytest.fixture(scope="module")
def addresses() -> Iterator[str]:
    """An address for each try, so that no lock hides what is tested."""
    return (f"198.51.{number >> 8}.{number & 255}" for number in itertools.count())


@pytest.fixture
async def http(target: Server) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=target.url, timeout=20, trust_env=False, verify=False) as client:
        yield client


@pytest.fixture
async def admin(target: Server) -> AsyncIterator[httpx.AsyncClient]:
    cookies = await session_cookies(target)
    async with httpx.AsyncClient(
        base_url=target.url, timeout=20, trust_env=False, verify=False, cookies=cookies
    ) as client:
        yield client


@pytest.fixture(autouse=True)
def bounded(target: Server) -> Iterator[None]:
    """Whatever a test sends does not stay in memory."""
    process = psutil.Process(target.pid)
    before = process.memory_info().rss
    yield
    assert process.memory_info().rss - before < MOST_GROWTH


def is_refused(answer: httpx.Response, began: float) -> bool:
    """Whether it is a 4xx with a sentence, in time, that does not give back what was sent."""
    told = answer.json()
    assert 400 <= answer.status_code < 500, answer.text[:200]
    assert isinstance(told["error"], str)
    assert told["error"][:1].isupper() or told["error"][:1].isalpha() or told["error"][:1] == "`"
    assert told["error"].endswith(".")
    assert len(answer.content) < 1000
    assert time.monotonic() - began < MOST_SECONDS
    return True


@pytest.mark.parametrize("door", DOORS, ids=" ".join)
async def test_values_that_are_none(door: tuple[str, str, str], target: Server, admin: httpx.AsyncClient) -> None:
    method, path, field = door
    others, taken = DOORS[door]
    if "{user}" in path:
        await session_cookies(target, CLIENT)
        users = (await admin.get("/api/users")).json()
        path = path.format(user=next(user["id"] for user in users if user["username"] == CLIENT))
    for kind, value in TEXTS.items():
        began = time.monotonic()
        content = json.dumps({**others, field: value}).encode()
        answer = await admin.request(method, path, content=content, headers={"Content-Type": "application/json"})
        if answer.is_success:
            assert kind in taken, (kind, answer.text[:200])
        else:
            assert is_refused(answer, began), kind


@pytest.mark.fault("A25")
@pytest.mark.parametrize("field", ["username", "password", "code"])
async def test_a_sign_in_with_values_that_are_none(
    field: str, http: httpx.AsyncClient, addresses: Iterator[str]
) -> None:
    for kind, value in TEXTS.items():
        body = {"username": "nobody", "password": "Long-Enough-9", field: value}
        headers = {"Content-Type": "application/json", "CF-Connecting-IP": next(addresses)}
        began = time.monotonic()
        answer = await http.post("/api/auth/login", content=json.dumps(body).encode(), headers=headers)
        assert is_refused(answer, began), kind


@pytest.mark.fault("A51")
@pytest.mark.parametrize(("method", "path"), [("POST", "/api/auth/login"), ("POST", "/api/users"), ("PUT", "/api/me")])
async def test_bodies_that_are_none(
    method: str, path: str, http: httpx.AsyncClient, admin: httpx.AsyncClient, addresses: Iterator[str]
) -> None:
    client = http if "login" in path else admin
    for kind, content in BODIES.items():
        headers = {"Content-Type": "application/json", "CF-Connecting-IP": next(addresses)}
        began = time.monotonic()
        try:
            answer = await client.request(method, path, content=content, headers=headers)
        except (httpx.WriteError, httpx.ReadError):  # refused while it was still being sent
            assert len(content) > MEBIBYTE
            continue
        assert is_refused(answer, began), kind
        assert (answer.status_code == 413) is (len(content) > MEBIBYTE), kind


@pytest.mark.fault("A51")
async def test_a_body_that_never_tells_its_end(http: httpx.AsyncClient, addresses: Iterator[str]) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(400):
            yield b"x" * 65536

    headers = {"Content-Type": "application/json", "CF-Connecting-IP": next(addresses)}
    began = time.monotonic()
    try:
        answer = await http.post("/api/auth/login", content=pieces(), headers=headers)
    except (httpx.WriteError, httpx.ReadError):
        return
    assert is_refused(answer, began)


async def raw(server: Server, head: bytes) -> httpx.Response:
    """What is answered to a head as it is written."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(head)
    async with asyncio.timeout(MOST_SECONDS):
        answer = await reader.read()
    writer.close()
    start, _, body = answer.partition(b"\r\n\r\n")
    return httpx.Response(int(start.split()[1]), content=body)


@pytest.mark.fault("A51")
@pytest.mark.parametrize(
    "fields",
    [
        b"X: y\r\n" * 10_000,
        b"".join(b"X-%d: y\r\n" % number for number in range(10_000)),
        b"Cookie: " + b"a=b; " * 50_000 + b"\r\n",
        b"Authorization: Bearer " + b"x" * 200_000 + b"\r\n",
        b"Content-Length: -1\r\n",
        b"Content-Length: 1\r\nContent-Length: 2\r\n",
        b"Content-Length: \xb2\r\n",
        b"Content-Length: " + b"9" * 100 + b"\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        b"X: a\0b\r\n",
        b"X : y\r\n",
        b": y\r\n",
        b"Host: y\r\n",
    ],
)
async def test_heads_that_are_none(fields: bytes, target: Server) -> None:
    began = time.monotonic()
    head = b"GET /api/auth/me HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
    assert is_refused(await raw(target, head + fields + b"\r\n"), began)


def spoiled_cookies(cookie: str) -> list[str]:
    """What a session's cookie may become on its way."""
    name, _, value = cookie.partition("=")
    return [
        *(f"{name}=", f"{name}={value[:-1]}", f"{name}={value}x", f"{name}={value[::-1]}", f"{name}={value.upper()}"),
        *(f"{cookie}; {cookie}", f"{name}=x; {cookie}", f'{name}="{value}"', f"{name}={'a' * 10_000}", f"{name}=%00"),
        *(
            f"{name}=../../etc/passwd",
            f"{name}='; DROP TABLE sessions",
            f"{name}={value},{value}",
            f"{name}\t={value}x",
        ),
    ]


@pytest.mark.fault("A06")
async def test_cookies_that_are_wrong_truncated_or_doubled(target: Server, http: httpx.AsyncClient) -> None:
    cookies = await session_cookies(target)
    good = f"session_id={cookies['session_id']}"
    for cookie in spoiled_cookies(good):
        began = time.monotonic()
        answer = await http.get("/api/users", headers={"Cookie": cookie})
        assert (answer.status_code, is_refused(answer, began)) == (401, True), cookie
        with pytest.raises(InvalidStatus) as refused:
            async with open_socket(http, "/api/ws", headers={"Cookie": cookie}):
                pass
        # 400: a head that the WebSocket library already finds too long
        assert refused.value.response.status_code in (400, 401)
    twice = [("Cookie", good), ("Cookie", good)]
    assert (await http.get("/api/users", headers=twice)).status_code == 401
    assert (await http.get("/api/users", headers={"Cookie": good})).status_code == 200


@pytest.mark.fault("A06")
async def test_tokens_that_are_wrong_truncated_or_doubled(admin: httpx.AsyncClient, http: httpx.AsyncClient) -> None:
    made = await admin.post("/api/tokens", json={"name": "hostile", "scopes": ["read"]})
    token = made.json()["token"]
    other = token[:-1] + ("0" if token[-1] != "0" else "1")
    wrong = [
        *("x", token[:-1], token + "x", other, token[::-1], token.upper(), f"{token} {token}", f"{token},{token}"),
        *("tsc_" + "0" * 36, "tsc_", "tsc_" + "é" * 36, "a" * 10_000, f'"{token}"', "null", "Bearer"),
    ]
    for text in wrong:
        began = time.monotonic()
        answer = await http.get("/api/resources", headers=[(b"Authorization", f"Bearer {text}".encode())])
        assert (answer.status_code, is_refused(answer, began)) == (401, True), text
    for headers in ([("Authorization", f"Bearer {token}")] * 2, [("Authorization", token)]):
        assert (await http.get("/api/resources", headers=headers)).status_code == 401
    both = await admin.get("/api/resources", headers={"Authorization": f"Bearer {token}"})
    assert (both.status_code, both.json()["error"]) == (401, "Send the session cookie or a token, not both.")
    assert (await http.get("/api/resources", headers={"Authorization": f"Bearer {token}"})).status_code == 200
    await admin.delete(f"/api/tokens/{made.json()['id']}")


@pytest.mark.fault("A21")
@pytest.mark.parametrize(
    "word",
    [
        *(
            "unknown",
            "",
            "1.2.3",
            "1.2.3.4:80",
            "[::1]",
            "fe80::1%eth0",
            "_hidden",
            "<script>alert(1)</script>",
            "0x7f.1",
        ),
        *("1.2.3.4, 5.6.7.8", "x" * 5000, "999.1.1.1", "1.2.3.4/24", "::ffff:1.2.3.4.5", "'; --"),
    ],
)
@pytest.mark.parametrize("name", ["CF-Connecting-IP", "X-Forwarded-For"])
async def test_address_headers_that_are_no_addresses(
    name: str, word: str, http: httpx.AsyncClient, admin: httpx.AsyncClient
) -> None:
    if name == "X-Forwarded-For" and word == "1.2.3.4, 5.6.7.8":
        return  # there it is two of them
    began = time.monotonic()
    body = {"username": ADMIN, "password": "wrong"}
    answer = await http.post("/api/auth/login", json=body, headers=[(name, word)])
    assert is_refused(answer, began)
    assert answer.status_code == 400
    assert word not in (await admin.get("/api/auth/login-history")).text or word in ("", "1.2.3")


@pytest.mark.fault("A51")
async def test_at_the_end_it_serves_as_ever(target: Server, admin: httpx.AsyncClient) -> None:
    assert (await admin.get("/api/health")).json() == {"status": "ok"}
    users = {user["username"] for user in (await admin.get("/api/users")).json()}
    assert "hostile" not in users
    started = await admin.post("/api/runs", json={"script": "hello.sh"})
    assert started.status_code == 201
    assert target.process.poll() is None
