"""Malformed packets of somebody who is signed in: the connection may end, the log has a line, nobody else suffers."""

import asyncio
import contextlib
import json
import logging
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from tests.conftest import StartServer
from tests.support.clients import http_client, session_cookies
from tests.support.server import Server
from tests.ui.test_nicegui_private import Page, browser, opened
from ui.calm_sockets import LIBRARIES, Budget, Complaints, bounded_log

POLLING = "/_nicegui_ws/socket.io/?EIO=4&transport=polling"

FRAMES: list[str | bytes] = [
    # Engine.IO
    *("", "x", "9", "99", "2", "2probe", "5", "1", "0", "0{}", "6", "b", "bAAAA", b"bytes", b"", b"\x04", "é"),
    # Socket.IO
    *("4", "4x", "49", "42", "42[]", '42["x"', "42{}", "42null", "42" + "[" * 5000, "44{}", "47", "40", '40{"x":1}'),
    *("43[]", "431", "430[]", "41", "40/other,", "41/other,", '42/other,["event",{}]', "42" + "9" * 200 + '["event"]'),
    # events
    *("42[{}]", '42[["a"]]', "42[1]", '42["event"]', '42["event",1,2]', '42["handshake"]', '42["handshake",1,2,3]'),
    *('42["connect",{}]', '42["disconnect",{}]', '42["disconnect"]', '42["\\ud800",1]', '42["event",{"client_id":{}}]'),
    # binary attachments
    *("45", '451-["event",{"_placeholder":true,"num":0}]', '45999999999-["event"]', "451-[", '45x-["a"]', '46["a"]'),
]


def events_of(page: Page) -> list[str]:
    """Events that name the page rightly and are malformed otherwise."""
    named = {"client_id": page.client_id}
    wrong: list[tuple[str, dict[str, Any]]] = [
        *((name, {}) for name in ("event", "ack", "log", "javascript_response", "handshake")),
        ("event", {"id": 1}),
        ("event", {"id": []}),
        ("event", {"id": "x", "listener_id": [], "args": "x"}),
        ("event", {"id": 4, "args": [1]}),
        ("ack", {"next_message_id": "x"}),
        ("log", {"level": "x", "message": 1}),
        ("javascript_response", {"request_id": [], "result": 1}),
    ]
    return ["42" + json.dumps([name, {**named, **fields}]) for name, fields in wrong]


def lines_of(server: Server) -> list[dict[str, Any]]:
    return [json.loads(line) for line in server.log.path.read_text().splitlines()]


@pytest.mark.fault("A53")
async def test_whatever_comes_the_log_gets_a_line_and_others_go_on(server: Server, client: httpx.AsyncClient) -> None:
    page, others = await opened(client), await opened(client)
    before, printed = lines_of(server), len(server.output)
    async with browser(client, others) as other:
        assert await other.join(others) is True
        for frame in [*FRAMES, *events_of(page)]:
            async with browser(client, page) as own:
                assert await own.join(page) is True
                with contextlib.suppress(ConnectionClosed, TimeoutError):
                    await own.socket.connection.send(frame)
                    async with asyncio.timeout(0.5):
                        await own.call("handshake", {})
        assert await other.call("handshake", {}) is False, "it did not end with the others, it answers"
    told = [line for line in lines_of(server)[len(before) :] if line["level"] in ("warn", "error")]
    assert len(told) <= 1
    assert not any("Traceback" in json.dumps(line) for line in told)
    assert len(server.output) - printed < 200


@pytest.mark.fault("A53")
async def test_attachments_that_are_announced_are_not_kept(client: httpx.AsyncClient) -> None:
    page = await opened(client)
    for frame in ('459-["event",{"_placeholder":true,"num":0}]', '469-["event"]', b"attachment"):
        async with browser(client, page) as own:
            await own.socket.connection.send(frame)
            assert await own.until_closed() in (1000, 1005, 1006)


@pytest.mark.fault("A53")
async def test_the_same_over_polling(server: Server, client: httpx.AsyncClient) -> None:
    before = lines_of(server)
    for body in (b"x", b"\x1e" * 100, b'42["event"]42', b"4" * 1000, b"b!!!", b"\xff\xff", b""):
        opening = await client.get(POLLING)
        polling = f"{POLLING}&sid={json.loads(opening.text[1:])['sid']}"
        for _ in range(3):
            answer = await client.post(polling, content=body)
            assert answer.status_code in (200, 400)
            assert answer.status_code == 200 or list(answer.json()) == ["error"]
    assert len([line for line in lines_of(server)[len(before) :] if line["level"] in ("warn", "error")]) <= 1


async def test_what_a_browser_wants_logged_is_bounded(server: Server, client: httpx.AsyncClient) -> None:
    page = await opened(client)
    async with browser(client, page) as own:
        assert await own.join(page) is True
        for number in range(50):
            told = {"client_id": page.client_id, "level": "info", "message": f"line-{number}-" + "x" * 100_000}
            await own.socket.connection.send("42" + json.dumps(["log", told]))
        await own.call("handshake", {})
    lines = [line for line in server.log.path.read_text().splitlines() if "line-" in line]
    assert len(lines) <= 10
    assert all(len(line) < 2000 for line in lines)


def test_a_budget_is_new_every_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    budget = Budget(2)
    assert [budget.spend() for _ in range(4)] == [True, True, False, False]
    now[0] += 60
    assert [budget.spend() for _ in range(3)] == [True, True, False]


def test_a_complaint_names_the_place_and_never_what_was_sent(caplog: pytest.LogCaptureFixture) -> None:
    complaints = Complaints()
    try:
        int("Canary")
    except ValueError as error:
        complaints.tell(error)
        complaints.tell(error)
    (line,) = caplog.messages
    assert "ValueError at test_calm_sockets.py:" in line
    assert "Canary" not in line


def test_lines_of_the_libraries_become_complaints(caplog: pytest.LogCaptureFixture) -> None:
    complaints = Complaints()
    record = logging.LogRecord(LIBRARIES[0], logging.ERROR, "x", 1, "Invalid session Canary", (), None)
    assert complaints.filter(record) is False
    assert caplog.messages == ["a page's socket brought something malformed (not what the protocol says)"]


def test_a_message_to_log_without_text_is_malformed() -> None:
    with pytest.raises(KeyError):
        bounded_log(lambda *_: None)("socket", {})


async def test_the_parts_of_the_libraries_are_where_they_were(outer: Any) -> None:
    from engineio.async_socket import AsyncSocket
    from nicegui import core

    assert AsyncSocket._websocket_handler.__qualname__.startswith("_ending_at_faults")
    assert core.sio._trigger_event.__qualname__.startswith("_never_failing")
    assert core.sio.eio.handlers["message"].__qualname__.startswith("_closing_at_faults")
    for name in LIBRARIES:
        assert logging.getLogger(name).handlers == []


async def test_a_core_that_ends_waits_for_nobody_who_polls(start_server: StartServer) -> None:
    """A browser whose WebSocket fails asks again and again; each time it waits for what there is to say."""
    server = await start_server()
    sent = asyncio.Event()

    async def trace(event: str, _: dict[str, Any]) -> None:
        if event == "http11.send_request_body.complete":
            sent.set()

    async with http_client(server, await session_cookies(server)) as client:
        begun = await client.get(POLLING)
        polled = f"{POLLING}&sid={json.loads(begun.text[1:])['sid']}"
        poll = asyncio.create_task(client.get(polled, extensions={"trace": trace}))
        await sent.wait()
        await client.get("/api/health")  # came after it, so the core has it by now
        assert await server.stop() == 0
        assert (await poll).text == "1", "Engine.IO's word for the end"
