"""Every refusal is `{"error": "<sentence>"}` under the security headers, whoever notices what is wrong."""

import asyncio
import json
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from app.error_shape import OneShape, raw_refusal, sentence_of, with_answered_handshakes
from app.headers import ALWAYS
from tests.support.clients import open_socket
from tests.support.server import Server

NOTHING, METHOD = "There is nothing at this address.", "This address does not take that method."


@pytest.mark.parametrize(
    ("method", "path", "status", "sentence"),
    [
        ("POST", "/", 405, METHOD),
        ("DELETE", "/history", 405, METHOD),
        ("PUT", "/login", 405, METHOD),
        ("PROPFIND", "/scripts", 405, METHOD),
        ("TRACE", "/", 405, METHOD),
        ("POST", "/static/toru.css", 405, METHOD),
        ("GET", "/static/nothing.css", 404, NOTHING),
        ("GET", "/_nicegui/3.18.0/components/nothing.js", 404, NOTHING),
        ("GET", "/_nicegui/3.18.0/resources/nothing/at/all", 404, NOTHING),
        ("GET", "/_nicegui/3.18.0/static/nothing.js", 404, NOTHING),
        ("GET", "/_nicegui_ws/", 404, NOTHING),
        ("GET", "/_nicegui_ws/socket.io/", 400, "The request cannot be understood."),
        ("POST", "/_nicegui_ws/socket.io/?EIO=4&transport=polling&sid=x", 400, "The request cannot be understood."),
        ("PUT", "/_nicegui_ws/socket.io/?EIO=4&transport=polling", 405, METHOD),
        ("GET", "/api/nothing", 404, NOTHING),
        ("PATCH", "/api/users", 405, METHOD),
    ],
)
async def test_pages_files_and_rest_refuse_alike(
    method: str, path: str, status: int, sentence: str, admin: httpx.AsyncClient
) -> None:
    answer = await admin.request(method, path)
    assert (answer.status_code, answer.json()) == (status, {"error": sentence})
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert ("allow" in answer.headers) or status != 405 or "_nicegui_ws" in path


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/login", "/static/toru.css", "/api", "/api/nothing", "/api/health", "/api/ws/nothing", "/_nicegui_ws/"),
        *("/_nicegui_ws/socket.io/", "/_nicegui_ws/socket.io/?EIO=3&transport=websocket"),
        *("/_nicegui_ws/socket.io/?EIO=4&transport=websocket&sid=x", "/api/docs/assets/swagger-ui.css"),
    ],
)
async def test_a_handshake_that_nobody_takes_is_told_why(path: str, admin: httpx.AsyncClient) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with open_socket(admin, path):
            pass
    answer = refused.value.response
    assert (answer.status_code, json.loads(answer.body or b"")) == (404, {"error": NOTHING})
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_strangers_handshakes_carry_the_headers_too(anonymous: httpx.AsyncClient) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with open_socket(anonymous, "/api/ws"):
            pass
    for name, value in ALWAYS:
        assert refused.value.response.headers[name.decode()] == value.decode()


async def said(server: Server, request: bytes) -> httpx.Response:
    """What the server answers to bytes, up to the end of the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(request)
    async with asyncio.timeout(10):
        answer = await reader.read()
    writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    line, *fields = head.decode().split("\r\n")
    headers = [tuple(field.split(": ", 1)) for field in fields]
    return httpx.Response(int(line.split()[1]), headers=headers, content=body)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET /api/health HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 10_000 + b"\r\n", 431),
        (b"GET /api/health HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 100_000 + b"\r\n\r\n", 431),
        (b"\x16\x03\x01\x02\x00\x01\xfc\r\n\r\n", 400),
        (b"GET /api/ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", 400),
    ],
)
async def test_what_reaches_no_application_is_refused_in_the_same_shape(
    request_bytes: bytes, status: int, server: Server
) -> None:
    answer = await said(server, request_bytes)
    assert answer.status_code == status
    assert list(answer.json()) == ["error"]
    assert answer.headers["connection"] == "close"
    assert answer.headers["cache-control"] == "no-store"
    for name, value in ALWAYS:
        assert answer.headers[name.decode()] == value.decode()


def test_a_raw_refusal_is_whole() -> None:
    answer = raw_refusal(503, "Later.", (b"retry-after", b"5"))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
    assert b"\r\nretry-after: 5" in head
    assert b"\r\ncontent-length: %d\r\n" % len(body) in head
    assert json.loads(body) == {"error": "Later."}


def test_every_status_has_a_sentence() -> None:
    assert sentence_of(404) == NOTHING
    assert sentence_of(415) == "Unsupported Media Type."


class Sent:
    """What an application sent."""

    def __init__(self) -> None:
        self.messages: list[Any] = []

    async def __call__(self, message: Any) -> None:
        self.messages.append(message)


async def nothing() -> Any:
    return {"type": "http.request"}


@pytest.mark.parametrize(
    ("status", "kind", "kept"),
    [
        (404, b"text/html; charset=utf-8", True),
        (500, b"text/html", True),
        (404, b"text/plain", False),
        (399, b"x", True),
    ],
)
async def test_pages_and_answers_that_refuse_nothing_stay_as_they_are(status: int, kind: bytes, kept: bool) -> None:
    async def inner(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": status, "headers": [(b"Content-Type", kind)]})
        await send({"type": "http.response.body", "body": b"as it is", "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    sent = Sent()
    await OneShape(inner)({"type": "http"}, nothing, sent)
    assert (b"as it is" in sent.messages[1]["body"]) is kept
    assert len(sent.messages) == (3 if kept else 2)


async def test_an_accepted_socket_closes_as_it_likes() -> None:
    sent = Sent()
    send = with_answered_handshakes(sent)
    for kind in ("websocket.accept", "websocket.send", "websocket.close"):
        await send({"type": kind})
    assert [message["type"] for message in sent.messages] == ["websocket.accept", "websocket.send", "websocket.close"]


async def test_after_a_refused_handshake_nothing_more_is_sent() -> None:
    sent = Sent()
    send = with_answered_handshakes(sent)
    for kind in ("http.response.start", "http.response.body", "websocket.close"):
        await send({"type": kind, "status": 404})
    assert [message["type"] for message in sent.messages] == [
        "websocket.http.response.start",
        "websocket.http.response.body",
    ]
