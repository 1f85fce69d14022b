"""What NiceGUI is taught about sessions: nobody joins or drives the page of another, or of a session that ended."""

import asyncio
import inspect
import json
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

import httpx
import pytest
from nicegui import Client, core, nicegui
from nicegui.testing import User
from websockets.exceptions import ConnectionClosed, InvalidStatus

from app.auth.schemas import SessionView
from app.core.permissions import Role
from tests.support.clients import http_client, open_socket, sign_in
from tests.support.inprocess import ASGI
from tests.support.server import Server
from ui import nicegui_private as module
from ui.nicegui_private import EVENTS, bind_sockets_to_sessions, owner_of

SOCKET = "/_nicegui_ws/socket.io/?EIO=4&transport=websocket"


def test_the_version_is_the_one_whose_private_parts_we_know() -> None:
    assert version("nicegui").startswith("3.18.")


def test_the_private_parts_are_where_they_were() -> None:
    assert set(EVENTS) < set(core.sio.handlers["/"])
    assert set(core.sio.handlers["/"]) == {*EVENTS, "connect", "disconnect", "handshake"}, "a new way in?"
    for name in ("accept_handshake", "handle_handshake", "has_socket_connection", "run_javascript", "delete"):
        assert hasattr(Client, name)


def test_every_way_to_join_a_page_asks_accept_handshake() -> None:
    source = inspect.getsource(nicegui)
    assert source.count("handle_handshake(") == source.count("accept_handshake(") == 1


class Page:
    """A page as a browser has it: what its address answered."""

    def __init__(self, html: str) -> None:
        found = re.search(r"['\"]?client_id['\"]?\s*:\s*['\"]([0-9a-f-]{36})['\"]", html)
        if found is None:
            raise AssertionError("The page does not tell its client id any more.")
        self.client_id = found[1]


class Browser:
    """One Engine.IO connection that speaks Socket.IO by hand."""

    def __init__(self, socket: Any) -> None:
        self.socket = socket

    async def join(self, page: Page, tab: str = "tab-1") -> Any:
        """The answer to a handshake with the page."""
        handshake = {"client_id": page.client_id, "tab_id": tab, "document_id": "d", "next_message_id": 0}
        return await self.call("handshake", handshake)

    async def call(self, name: str, message: dict[str, Any]) -> Any:
        await self.socket.connection.send("421" + json.dumps([name, message]))
        async with asyncio.timeout(5):
            while True:
                frame = await self.socket.connection.recv()
                if isinstance(frame, str) and frame.startswith("431"):
                    return json.loads(frame[3:])[0]

    async def until_closed(self) -> int:
        async with asyncio.timeout(5):
            try:
                while True:
                    await self.socket.connection.recv()
            except ConnectionClosed:
                return int(self.socket.connection.close_code or 0)


@asynccontextmanager
async def browser(client: httpx.AsyncClient, page: Page | None = None, query: str = "") -> AsyncIterator[Browser]:
    path = SOCKET + (f"&client_id={page.client_id}" if page else "") + query
    async with open_socket(client, path) as socket:
        assert str(await socket.connection.recv()).startswith("0")
        await socket.connection.send("40")
        async with asyncio.timeout(5):
            assert str(await socket.connection.recv()).startswith("40")
        yield Browser(socket)


async def opened(client: httpx.AsyncClient) -> Page:
    answer = await client.get("/account")
    assert answer.status_code == 200
    return Page(answer.text)


async def test_ones_own_page_is_joined(server: Server, client: httpx.AsyncClient) -> None:
    page = await opened(client)
    async with browser(client, page) as own:
        assert await own.join(page) is True


@pytest.mark.fault("A33")
async def test_a_page_of_another_session_is_not_joined_by_any_way(
    server: Server, admin: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    hers, mine = await opened(admin), await opened(client)
    for query in (f"&client_id={hers.client_id}", f"&client_id={mine.client_id}&client_id={hers.client_id}"):
        with pytest.raises(InvalidStatus) as refused:
            async with browser(client, query=query):
                pass
        assert refused.value.response.status_code == 403
    async with browser(client) as foreign:  # says nothing when it connects
        assert await foreign.join(hers) is False
    async with browser(client, mine) as foreign:
        assert await foreign.join(hers) is False
    async with await sign_in(server) as other_session, browser(other_session) as foreign:  # of the same user
        assert await foreign.join(hers) is False


@pytest.mark.fault("A33")
async def test_strangers_do_not_even_connect(server: Server, admin: httpx.AsyncClient) -> None:
    page = await opened(admin)
    async with http_client(server) as stranger:
        with pytest.raises(InvalidStatus) as refused:
            async with browser(stranger, page):
                pass
        assert refused.value.response.status_code == 401
        polling = SOCKET.replace("websocket", "polling")
        assert (await stranger.get(polling)).status_code == 401
        assert (await stranger.post(polling, content="x")).status_code == 401
    with pytest.raises(InvalidStatus) as refused:
        async with open_socket(admin, SOCKET, origin="https://evil.example"):
            pass
    assert refused.value.response.status_code == 403


@pytest.mark.fault("A34")
async def test_an_open_page_is_closed_within_a_second_of_its_sessions_end(server: Server) -> None:
    async with await sign_in(server) as client:
        page = await opened(client)
        async with browser(client, page) as own:
            assert await own.join(page) is True
            began = time.monotonic()
            await client.post("/api/auth/logout")
            await own.until_closed()
            assert time.monotonic() - began < 1.2


@pytest.mark.fault("A53")
async def test_a_message_of_a_mebibyte_and_announcements_that_never_come_end_a_connection(
    client: httpx.AsyncClient,
) -> None:
    page = await opened(client)
    async with browser(client, page) as own:
        await own.socket.connection.send("42" + "x" * (1 << 20))
        assert await own.until_closed() in (1000, 1005, 1006, 1009)
    async with browser(client, page) as own:
        for _ in range(1000):
            await own.socket.connection.send("3")  # PONG
        assert await own.join(page) is True


class Handler:
    """Stands in for NiceGUI's handler of an event."""

    def __init__(self) -> None:
        self.heard: list[Any] = []

    def __call__(self, socket_id: str, message: Any) -> str:
        self.heard.append((socket_id, message))
        return "done"


def session(session_id: str) -> SessionView:
    return SessionView(session_id, None, "admin", "", Role.ADMIN, "", "", "", "", "")


class StandIn:
    """As much of a NiceGUI client as is looked at."""

    def __init__(self, session_id: str | None, socket_id: str) -> None:
        self._request = object()
        state = {"session": session(session_id)} if session_id else {}
        self.request = type("Request", (), {"scope": {"state": state}})
        self._socket_to_document_id = {socket_id: "document"}


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """NiceGUI's list of pages, with two of ours and one that nobody signed in for."""
    pages = {"p1": StandIn("s1", "socket1"), "p2": StandIn("s2", "socket2"), "p3": StandIn(None, "socket3")}
    monkeypatch.setattr(Client, "instances", pages)
    return pages


def test_the_owner_of_a_page_is_its_session(pages: dict[str, Any]) -> None:
    assert [owner_of(name) for name in ("p1", "p2", "p3", "p4", "")] == ["s1", "s2", None, None, None]


@pytest.mark.fault("A35")
@pytest.mark.parametrize(
    ("socket_id", "message", "passes"),
    [
        ("socket1", {"client_id": "p1"}, True),
        ("socket1", {"client_id": "p2"}, False),  # the page of another socket
        ("socket9", {"client_id": "p1"}, False),
        ("socket2", {"client_id": "p2"}, False),  # its session has ended
        ("socket3", {"client_id": "p3"}, False),  # nobody's
        ("socket1", {"client_id": "p9"}, False),
        ("socket1", {"client_id": ["p1"]}, False),
        ("socket1", {"client_id": {}}, False),
        ("socket1", {}, False),
        ("socket1", None, False),
        ("socket1", "p1", False),
        ("socket1", ["client_id"], False),
    ],
)
def test_an_event_passes_from_the_pages_own_socket_under_a_live_session(
    socket_id: str, message: Any, passes: bool, pages: dict[str, Any]
) -> None:
    handler = Handler()
    bound = module._bound_event(handler, lambda session_id: session_id == "s1")
    assert (bound(socket_id, message) == "done") is passes
    assert len(handler.heard) == passes


async def test_a_click_after_the_end_of_the_session_does_nothing(outer: ASGI, signed_in: Any, services: Any) -> None:
    """The handlers are bound in the product's own start, to its own sessions."""
    bound = [core.sio.handlers["/"][name] for name in EVENTS]
    assert {handler.__qualname__ for handler in bound} == {"_bound_event.<locals>.checked"}
    assert Client.accept_handshake.__qualname__ == "_bound_handshake.<locals>.accept_own"
    user: User = await signed_in()
    await user.open("/account")
    page = next(iter(user.client.instances.values())) if user.client else None
    assert page is not None
    owner = owner_of(page.id)
    assert owner is not None
    assert services.auth.session_by_id(owner) is not None


@pytest.mark.parametrize(
    "message", [None, {}, [], "x", {"client_id": "p1"}, {"client_id": 1, "tab_id": "t", "document_id": "d"}]
)
async def test_a_malformed_handshake_joins_nothing(outer: ASGI, message: Any) -> None:
    assert await core.sio.handlers["/"]["handshake"]("socket1", message) is False


def test_binding_reaches_every_event(monkeypatch: pytest.MonkeyPatch) -> None:
    handlers = {name: Handler() for name in (*EVENTS, "handshake")}
    told: dict[str, Callable[..., Any]] = {}
    monkeypatch.setattr(core.sio, "handlers", {"/": handlers})
    monkeypatch.setattr(core.sio, "on", told.__setitem__)
    monkeypatch.setattr(module, "calm_sockets", lambda _: None)
    monkeypatch.setattr(Client, "accept_handshake", lambda *_: True)
    bind_sockets_to_sessions(lambda _: True)
    assert set(told) == {*EVENTS, "handshake"}
    assert Client.accept_handshake(StandIn("s1", "x"), "x", "t", {"asgi.scope": {"state": {"session": session("s1")}}})  # type: ignore[arg-type]
    scopes: list[dict[str, Any]] = [
        {},
        {"state": {}},
        {"state": {"session": None}},
        {"state": {"session": session("s2")}},
    ]
    for scope in scopes:
        assert not Client.accept_handshake(StandIn("s1", "x"), "x", "t", {"asgi.scope": scope})  # type: ignore[arg-type]
    assert not Client.accept_handshake(StandIn("s1", "x"), "x", "t", {})  # type: ignore[arg-type]
