"""Requests and sockets are counted by what the router made of them, whatever somebody asks for."""

import asyncio
from typing import Any

import httpx
import pytest

from app.services import Services
from app.traffic import MOST_ROUTES, CountedTraffic, Message, Receive, Send, Traffic
from tests.support.clients import CLIENT
from tests.support.inprocess import ASGI, BASE_URL


def scope_of(path: str, method: str = "GET", **more: object) -> Message:
    return {"type": "http", "path": path, "method": method, **more}


class Route:
    """What a router leaves in the scope."""

    def __init__(self, path: str) -> None:
        self.path = path


@pytest.fixture
async def client(outer: ASGI, session_tokens: dict[str, dict[str, str]]) -> Any:
    transport = httpx.ASGITransport(outer, client=("127.0.0.1", 50000))
    async with httpx.AsyncClient(transport=transport, base_url=BASE_URL, cookies=session_tokens[CLIENT]) as made:
        yield made


async def test_each_request_counts_for_its_route(client: httpx.AsyncClient, services: Services) -> None:
    from nicegui import __version__

    traffic = services.metrics.traffic
    before = traffic.seen().requests
    for number in range(3):
        await client.get(f"/api/runs/{number}")
        await client.get(f"/api/nothing/{number}")
        await client.get(f"/api/plugins/route/nobody/{number}")
    await client.get("/api/health")
    await client.get("/login")
    await client.get("/api/docs/assets/swagger-ui.css")
    await client.get(f"/_nicegui/{__version__}/libraries/nothing")
    await client.get("/system-monitor")
    client.cookies.clear()
    await client.get("/api/users")
    after = traffic.seen().requests
    assert {key: count - before.get(key, 0) for key, count in after.items() if count != before.get(key, 0)} == {
        ("/api/runs/{run_id}", "GET", "4xx"): 3,
        ("/api/{rest:path}", "GET", "4xx"): 3,
        ("/api/plugins/route/{route}", "GET", "4xx"): 3,
        ("/api/health", "GET", "2xx"): 1,
        ("/login", "GET", "2xx"): 1,
        ("/api/docs/assets", "GET", "2xx"): 1,
        ("/_nicegui", "GET", "4xx"): 1,
        ("/{rest:path}", "GET", "2xx"): 1,
        ("gate", "GET", "4xx"): 1,
    }
    assert traffic.in_flight == 0


async def test_a_stream_is_counted_where_its_answer_begins_and_in_flight_until_it_ends() -> None:
    traffic, goes_on = Traffic(), asyncio.Event()
    begun = asyncio.Event()

    async def stream(scope: Message, receive: Receive, send: Send) -> None:
        scope["route"] = Route("/stream")
        await send({"type": "http.response.start", "status": 200})
        begun.set()
        await goes_on.wait()
        await send({"type": "http.response.body", "body": b""})

    async def send(message: Message) -> None:
        pass

    async def receive() -> Message:
        return {}

    serving = asyncio.create_task(CountedTraffic(stream, traffic)(scope_of("/stream"), receive, send))
    await begun.wait()
    assert (traffic.in_flight, traffic.seen().requests) == (1, {("/stream", "GET", "2xx"): 1})
    goes_on.set()
    await serving
    assert (traffic.in_flight, traffic.seen().requests) == (0, {("/stream", "GET", "2xx"): 1})


@pytest.mark.parametrize(("ends", "status"), [(RuntimeError("x"), "5xx"), (asyncio.CancelledError(), "none")])
async def test_a_request_without_an_answer_counts_too(ends: BaseException, status: str) -> None:
    traffic = Traffic()

    async def fails(scope: Message, receive: Receive, send: Send) -> None:
        raise ends

    async def never() -> Message:
        return {}

    async def nowhere(message: Message) -> None:
        pass

    with pytest.raises(type(ends)):
        await CountedTraffic(fails, traffic)(scope_of("/x"), never, nowhere)
    assert traffic.seen().requests == {("gate", "GET", status): 1}
    assert traffic.in_flight == 0


async def test_open_sockets_are_counted_by_what_they_are_for() -> None:
    traffic, seen = Traffic(), {}

    async def look(scope: Message, receive: Receive, send: Send) -> None:
        seen[scope["path"]] = {kind for kind, count in traffic.seen().sockets.items() if count}

    async def never() -> Message:
        return {}

    async def nowhere(message: Message) -> None:
        pass

    for path in (
        "/api/ws",
        "/api/ws/runs/1\n2",
        "/api/ws/monitor",
        "/api/plugins/x/page",
        "/_nicegui_ws/y",
        "/api/wsx",
    ):
        await CountedTraffic(look, traffic)({"type": "websocket", "path": path}, never, nowhere)
    assert list(seen.values()) == [{"tasks"}, {"runs"}, {"monitor"}, {"plugin_pages"}, {"pages"}, {"other"}]
    assert set(traffic.seen().sockets.values()) == {0}


def test_no_list_grows_with_what_is_asked_for() -> None:
    traffic = Traffic()
    for number in range(3 * MOST_ROUTES):
        traffic.answered(scope_of("/x", f"METHOD{number}", route=Route(f"/made/{number}")), 200, 0.1)
    seen = traffic.seen()
    assert len(seen.durations) == MOST_ROUTES + 1
    assert {method for _, method, _ in seen.requests} == {"other"}
    assert sum(seen.requests.values()) == 3 * MOST_ROUTES
