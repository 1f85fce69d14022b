"""Everything that Toru does, through Debian's nginx and Caddy as docs/proxies.md configures them."""

import asyncio
import contextlib
import json
import os
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import psutil
import pytest

from app.bodies import MAX_PLUGIN_BODY
from tests.plugins.puppet import deploy, until_healthy
from tests.proxies.examples import env_values
from tests.proxies.fronts import COMMANDS, Front, front
from tests.support.processes import ProcessWatch
from tests.support.server import ADMIN_PASSWORD, Server, free_port

pytestmark = [pytest.mark.full, pytest.mark.needs("debian-packages", "openssl"), pytest.mark.timeout(180)]

ROUTE = "/api/plugins/route/puppet"


@pytest.fixture(scope="module", params=sorted(COMMANDS))
async def through(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, process_watch: ProcessWatch
) -> AsyncIterator[Front]:
    """A proxy with a server behind it, configured by what the guide says."""
    program, _ = COMMANDS[request.param]
    await asyncio.to_thread(program.fetch)
    folder, port = tmp_path_factory.mktemp("proxied"), free_port()
    told = env_values(request.param, folder)
    assert told.pop("ADMIN_PASSWORD")
    told["TORU_PUBLIC_URL"] += f":{port}"
    server = Server(folder / "server", env=told)
    deploy(server.folder / "plugins", "puppet", enabled=True)
    await server.start()
    process_watch.keep_tree(server.pid)
    process_watch.keep_runner_of(server.data_dir)
    try:
        async with front(request.param, port, server) as running:
            for child in psutil.Process().children():
                if child.pid != server.pid and str(folder) in " ".join(child.cmdline()):
                    process_watch.keep_tree(child.pid)
            yield running
    finally:
        await server.close()


@pytest.fixture(scope="module")
async def cookies(through: Front) -> dict[str, str]:
    """A session, from a sign-in through the proxy."""
    async with through.client() as client:
        answer = await client.post("/api/auth/login", json={"username": "admin", "password": ADMIN_PASSWORD})
    assert answer.status_code == 200, answer.text
    assert answer.headers["set-cookie"].startswith("__Host-")
    return dict(answer.cookies)


@pytest.fixture
async def admin(through: Front, cookies: dict[str, str]) -> AsyncIterator[httpx.AsyncClient]:
    async with through.client(cookies) as client:
        yield client


async def test_a_session_works(admin: httpx.AsyncClient) -> None:
    assert (await admin.get("/api/auth/me")).json()["user"]["username"] == "admin"
    page = await admin.get("/")
    assert page.status_code == 200
    assert "Content-Security-Policy" in page.headers


async def test_the_first_sockets_message_starts_a_run(through: Front, cookies: dict[str, str]) -> None:
    through.server.script("hello.sh", "echo hello")
    async with through.socket("/api/ws", cookies) as socket:
        await socket.send({"type": "run", "script": "hello.sh"})
        told = await socket.until("exit")
    assert [message["type"] for message in told] == ["started", "stdout", "exit"]


async def started(admin: httpx.AsyncClient, script: str, *, tty: bool) -> str:
    answer = await admin.post("/api/runs", json={"script": script, "tty": tty})
    assert answer.status_code in (200, 201, 202), answer.text
    return str(answer.json()["id"])


async def test_a_terminals_bytes_go_both_ways(
    through: Front, admin: httpx.AsyncClient, cookies: dict[str, str]
) -> None:
    through.server.script("ask.sh", "read -r word; echo got-$word")
    run = await started(admin, "ask.sh", tty=True)
    async with through.socket(f"/api/ws/runs/{run}", cookies) as socket:
        await socket.send(b"it\n")
        seen = b""
        while b"got-it" not in seen:
            frame = await socket.receive(20)
            seen += frame if isinstance(frame, bytes) else b""


async def test_events_arrive_while_the_script_waits(through: Front, admin: httpx.AsyncClient, tmp_path: Path) -> None:
    go = tmp_path / "go"
    through.server.script("wait.sh", f"echo first; until [ -e {go} ]; do sleep 0.05; done; echo last")
    run = await started(admin, "wait.sh", tty=False)
    seen: list[str] = []
    async with asyncio.timeout(60), admin.stream("GET", f"/api/runs/{run}/stream") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        async for line in stream.aiter_lines():
            if line.startswith("data:"):
                seen.append(json.loads(line[5:]).get("data", ""))
            if seen == ["first"]:
                go.touch()  # only whoever has seen the first line lets the last one come
    assert seen[:2] == ["first", "last"]


async def test_a_body_as_large_as_plugins_take_goes_both_ways(through: Front, admin: httpx.AsyncClient) -> None:
    await until_healthy(admin, "puppet")
    body = os.urandom(MAX_PLUGIN_BODY // 2)
    answer = await admin.post(f"{ROUTE}/x", content=body, headers={"Content-Type": "application/octet-stream"})
    assert answer.status_code == 200, answer.text[:200]
    sent = await admin.post(f"{ROUTE}/x", content=bytes(MAX_PLUGIN_BODY))
    assert sent.status_code in (200, 502)  # its echo, in base64, may be larger than an answer may be


async def test_what_is_too_large_is_refused_by_toru_in_words(through: Front, cookies: dict[str, str]) -> None:
    told = "; ".join(f"{name}={value}" for name, value in cookies.items())
    head = f"POST {ROUTE}/x HTTP/1.1\r\nCookie: {told}\r\nOrigin: {through.url}"
    answer = await asyncio.to_thread(through.send_until_answered, head, 10_000_000)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"application/json" in answer


def outward_address() -> str:
    """An address of this machine that is not loopback, as a client elsewhere has; loopback where there is none."""
    for addresses in psutil.net_if_addrs().values():
        for address in addresses:
            if address.family.name == "AF_INET" and not address.address.startswith("127."):
                return address.address
    return "127.0.0.1"


async def test_thirty_tries_with_made_up_addresses_are_those_of_one_client(through: Front) -> None:
    ours = outward_address()
    codes = []
    async with through.client(address=ours) as stranger:
        for number in range(30):
            made_up = f"203.0.113.{number}"
            answer = await stranger.post(
                "/api/auth/login",
                json={"username": f"guess{number}", "password": "Wrong-Horse-7"},
                headers={"X-Forwarded-For": made_up, "CF-Connecting-IP": made_up, "X-Real-IP": made_up},
            )
            codes.append(answer.status_code)
    assert codes[:3] == [401, 401, 401]
    assert set(codes[3:]) == {429}
    path = through.server.data_dir / "toru.db"
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        rows = database.execute("SELECT DISTINCT address_bucket FROM sign_ins WHERE username LIKE 'guess%'").fetchall()
    assert rows == [(ours,)]
