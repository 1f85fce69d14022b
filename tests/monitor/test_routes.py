"""The monitor's doors on a real server: REST, the live socket, who gets in, and who is thrown out."""

import asyncio
import socket
import time

import httpx
import psutil
import pytest
import websockets

from app.core.clock import parse_iso
from tests.conftest import StartServer
from tests.support.clients import http_client, open_socket, session_cookies, sign_in
from tests.support.server import Server


@pytest.mark.parametrize("path", ["/api/resources", "/api/resources/history", "/api/resources/processes"])
async def test_nobody_gets_in_without_a_session(anonymous: httpx.AsyncClient, path: str) -> None:
    answer = await anonymous.get(path)
    assert answer.status_code == 401
    assert answer.json() == {"error": "Not signed in."}


async def test_the_socket_refuses_before_the_upgrade(anonymous: httpx.AsyncClient, admin: httpx.AsyncClient) -> None:
    with pytest.raises(websockets.InvalidStatus, match="401"):
        async with open_socket(anonymous, "/api/ws/monitor"):
            pass
    with pytest.raises(websockets.InvalidStatus, match="403"):
        async with open_socket(admin, "/api/ws/monitor", origin="https://elsewhere.example"):
            pass


async def test_a_client_sees_the_machine_too(client: httpx.AsyncClient) -> None:
    resources = (await client.get("/api/resources")).json()
    assert resources["host_name"] == socket.gethostname()
    assert resources["memory_total"] == psutil.virtual_memory().total
    processes = (await client.get("/api/resources/processes", params={"limit": 3})).json()
    assert len(processes["items"]) == 3
    assert not any("cmdline" in process for process in processes["items"])  # arguments may hold secrets


@pytest.mark.parametrize(
    "query",
    ["history?seconds=0", "history?seconds=3601", "history?seconds=x", "processes?sort=name", "processes?limit=0"],
)
async def test_what_makes_no_sense_is_a_sentence(admin: httpx.AsyncClient, query: str) -> None:
    answer = await admin.get(f"/api/resources/{query}")
    assert answer.status_code == 422
    assert answer.json()["error"].endswith(".")


async def test_processes_come_largest_first(admin: httpx.AsyncClient) -> None:
    answer = await admin.get("/api/resources/processes", params={"sort": "memory", "limit": 5})
    memory = [process["memory"] or 0 for process in answer.json()["items"]]
    assert memory == sorted(memory, reverse=True)


async def test_one_connection_gets_its_answers_without_delay(admin: httpx.AsyncClient) -> None:
    """Head and body of an answer are two writes: where the socket waits for acknowledgements, each costs 40 ms."""
    await admin.get("/api/resources")
    started = time.monotonic()
    for _ in range(50):
        await admin.get("/api/resources")
    assert (time.monotonic() - started) / 50 < 0.03


async def test_the_description_of_the_api_has_the_answers(admin: httpx.AsyncClient) -> None:
    described = (await admin.get("/api/openapi.json")).json()
    answer = described["paths"]["/api/resources"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    snapshot = described["components"]["schemas"][answer["$ref"].rpartition("/")[2]]["properties"]
    assert {"cpu_percent", "cpu_cores", "disks", "network", "process_count", "host_name"} <= snapshot.keys()
    assert (await admin.get("/api/resources")).json().keys() == snapshot.keys()


async def test_the_socket_tells_each_second_what_rest_tells(admin: httpx.AsyncClient) -> None:
    async with open_socket(admin, "/api/ws/monitor") as viewer:
        first = await viewer.receive()  # at once, not after a second
        second = await viewer.receive()
        assert second["tick"] == first["tick"] + 1
        assert second.keys() == (await admin.get("/api/resources")).json().keys()


async def test_history_goes_on_where_the_socket_is(admin: httpx.AsyncClient) -> None:
    async with open_socket(admin, "/api/ws/monitor") as viewer:
        sample = await viewer.receive()
    history = (await admin.get("/api/resources/history", params={"seconds": 3600})).json()
    assert history["interval"] == 6
    assert len(history["cpu"]) <= 600
    newest = history["tick"] + (len(history["cpu"]) - 1) * history["interval"]
    assert newest <= sample["tick"] + 1 < newest + 2 * history["interval"]
    began = parse_iso(history["start"]).timestamp()
    at = began + sample["tick"] - history["tick"]
    assert at == pytest.approx(parse_iso(sample["sampled_at"]).timestamp(), abs=1)


async def test_what_a_viewer_says_is_ignored(admin: httpx.AsyncClient) -> None:
    async with open_socket(admin, "/api/ws/monitor") as viewer:
        await viewer.connection.send("not json")
        await viewer.send(b"\x00" * 1000)
        assert "tick" in await viewer.receive()


async def test_signing_out_closes_the_socket_at_once(server: Server) -> None:
    async with await sign_in(server) as own, open_socket(own, "/api/ws/monitor") as viewer:
        await viewer.receive()
        await own.post("/api/auth/logout")
        await asyncio.wait_for(viewer.connection.wait_closed(), 1)
        assert viewer.connection.close_code == 4401


async def test_frozen_viewers_cost_nothing_and_hold_nobody_up(start_server: StartServer) -> None:
    """Phones freeze their tabs all the time: the socket stays open and nobody reads it."""
    server = await start_server()
    process = psutil.Process(server.pid)
    async with http_client(server, await session_cookies(server)) as admin:
        frozen = [await _frozen_viewer(server, admin) for _ in range(20)]
        async with open_socket(admin, "/api/ws/monitor") as viewer:
            await viewer.receive()
            before = process.memory_info().rss
            ticks = [(await viewer.receive())["tick"] for _ in range(5)]
            grown = process.memory_info().rss - before
        for one in frozen:
            one.close()
    assert ticks == list(range(ticks[0], ticks[0] + 5))
    assert grown < 2 * 2**20


async def _frozen_viewer(server: Server, client: httpx.AsyncClient) -> socket.socket:
    """A raw socket that completes the handshake with a tiny receive buffer and then never reads."""
    frozen = socket.socket()
    frozen.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    frozen.connect(("127.0.0.1", server.port))
    cookies = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    frozen.sendall(
        f"GET /api/ws/monitor HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nCookie: {cookies}\r\n"
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
    )
    assert b"101" in frozen.recv(64)
    return frozen
