"""The WebSockets of contract §2 against a real server."""

import asyncio
import contextlib
import time
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.support.clients import JsonSocket, open_socket, sign_in
from tests.support.server import Server
from tests.support.waiting import eventually

Json = dict[str, Any]

# With exec: a ^C at the moment in which dash starts another program waits until that program has ended.
AT_ITS_TERMINAL = "echo ready; exec sleep 60"


async def run(socket: JsonSocket, script: str) -> str:
    """Starts a script; its task id."""
    await socket.send({"type": "run", "script": script})
    [started] = await socket.until("started")
    task_id: str = started["task_id"]
    return task_id


# -- /api/ws


async def test_run_tells_its_start_its_lines_and_its_end(server: Server, admin: httpx.AsyncClient) -> None:
    script = server.script("both.sh", "echo out; echo err >&2; printf 'no end'; exit 3")
    async with open_socket(admin, "/api/ws") as socket:
        task_id = await run(socket, script)
        messages = await socket.until("exit")
    assert all(message["task_id"] == task_id for message in messages)
    assert [message["data"] for message in messages if message["type"] == "stdout"] == ["out", "no end"]
    assert [message["data"] for message in messages if message["type"] == "stderr"] == ["err"]
    assert messages[-1]["code"] == 3


@pytest.mark.fault("X36")
async def test_whoever_was_cut_off_hears_exactly_what_it_missed(server: Server, admin: httpx.AsyncClient) -> None:
    script = server.script("ends.sh", "echo one; printf 'no end'; sleep 0.1; echo two >&2; printf 'nor this' >&2")
    async with open_socket(admin, "/api/ws") as socket:
        task_id = await run(socket, script)
        *lines, exit_ = await socket.until("exit")
        assert sorted(line["data"] for line in lines) == ["no end", "nor this", "one", "two"]
        for heard, last in enumerate(lines, 1):
            await socket.send({"type": "follow", "task_id": task_id, "offset": last["offset"]})
            assert await socket.until("exit") == [*lines[heard:], exit_], last


async def test_cancel_is_told_before_the_end(server: Server, admin: httpx.AsyncClient) -> None:
    async with open_socket(admin, "/api/ws") as socket:
        task_id = await run(socket, server.script("long.sh", "echo ready; sleep 60"))
        await socket.until("stdout")
        await socket.send({"type": "cancel", "task_id": task_id})
        cancelled, exit_ = await socket.until("exit")
        assert (cancelled["type"], exit_["code"]) == ("cancelled", -1)
        await socket.send({"type": "cancel", "task_id": task_id})
        [error] = await socket.until("error")
    assert (error["task_id"], error["data"]) == (task_id, "This task has ended.")


@pytest.mark.fault("X24")
async def test_cancelling_twice_from_elsewhere_tells_one_end(server: Server, admin: httpx.AsyncClient) -> None:
    script = server.script("stubborn.sh", "trap 'sleep 0.3; exit' TERM; echo ready; while :; do sleep 0.1; done")
    async with open_socket(admin, "/api/ws") as mine, open_socket(admin, "/api/ws") as other:
        await mine.send({"type": "run", "script": script})
        task_id = (await mine.until("stdout"))[0]["task_id"]
        for _ in range(2):
            await other.send({"type": "cancel", "task_id": task_id})
        told = await other.until("exit")
        await other.send({"type": "nonsense"})
        told += await other.until("error")
    assert [message["type"] for message in told] == ["cancelled", "exit", "error"]


@pytest.mark.fault("X24")
async def test_another_socket_may_cancel_and_hears_it_too(server: Server, admin: httpx.AsyncClient) -> None:
    async with open_socket(admin, "/api/ws") as mine, open_socket(admin, "/api/ws") as other:
        task_id = await run(mine, server.script("long.sh", "sleep 60"))
        await other.send({"type": "cancel", "task_id": task_id})
        for socket in (mine, other):
            cancelled, exit_ = await socket.until("exit")
            assert (cancelled["type"], exit_["task_id"], exit_["code"]) == ("cancelled", task_id, -1)


NONSENSE = (
    "",
    "nonsense",
    "[]",
    "null",
    "[" * 100_000,
    "{}",
    '{"type":"unknown"}',
    '{"type":"run"}',
    '{"type":"run","script":7}',
    '{"type":"run","script":"../x.sh"}',
    '{"type":"run","script":"missing.sh"}',
    '{"type":"run","script":"\\ud800.sh"}',
    '{"type":"cancel"}',
    '{"type":"cancel","task_id":"nope"}',
    '{"type":"follow","task_id":"nope"}',
    '{"type":"follow","task_id":"nope","offset":-1}',
    b"binary",
)


@pytest.mark.parametrize("frame", NONSENSE)
async def test_nonsense_is_answered_and_the_socket_stays_open(
    server: Server, admin: httpx.AsyncClient, frame: str | bytes
) -> None:
    async with open_socket(admin, "/api/ws") as socket:
        await socket.connection.send(frame)
        [error] = await socket.until("error")
        assert error["data"]
        await run(socket, server.script("hello.sh", "echo hi"))
        await socket.until("exit")


async def test_what_cannot_be_started_says_so_and_has_no_end(server: Server, admin: httpx.AsyncClient) -> None:
    script = server.script("broken.sh", "#!/no/such/interpreter\n")
    async with open_socket(admin, "/api/ws") as socket:
        task_id = await run(socket, script)
        [error] = await socket.until("error")
        assert error["task_id"] == task_id
        assert "/no/such/interpreter" in error["data"]
        with pytest.raises(TimeoutError):
            await socket.receive(0.3)


async def test_follow_resumes_where_another_socket_left(server: Server, admin: httpx.AsyncClient) -> None:
    script = server.script("lines.sh", "for i in 1 2 3 4 5 6; do echo $i; echo e$i >&2; sleep 0.05; done")
    async with open_socket(admin, "/api/ws") as socket:
        task_id = await run(socket, script)
        seen = [await socket.receive() for _ in range(4)]
    async with open_socket(admin, "/api/ws") as socket:  # closing the first one ended nothing
        await socket.send({"type": "follow", "task_id": task_id, "offset": seen[-1]["offset"]})
        seen += await socket.until("exit")
    lines = [(message["type"], message["data"]) for message in seen if "data" in message]
    assert sorted(lines) == sorted(
        [("stdout", str(i)) for i in range(1, 7)] + [("stderr", f"e{i}") for i in range(1, 7)]
    )
    assert (seen[-1]["type"], seen[-1]["code"]) == ("exit", 0)


async def test_following_again_begins_again(server: Server, admin: httpx.AsyncClient) -> None:
    async with open_socket(admin, "/api/ws") as socket:
        task_id = await run(socket, server.script("brief.sh", "echo one; echo two"))
        await socket.until("exit")
        for _ in range(2):
            await socket.send({"type": "follow", "task_id": task_id})
            assert [message.get("data") for message in await socket.until("exit")] == ["one", "two", None]


async def test_long_lines_come_in_pieces_and_odd_bytes_are_replaced(server: Server, admin: httpx.AsyncClient) -> None:
    script = server.script("odd.sh", "head -c 70000 /dev/zero | tr '\\0' x; echo; printf 'a\\377b\\r\\n\\001\\n'")
    async with open_socket(admin, "/api/ws") as socket:
        await run(socket, script)
        data = [message["data"] for message in await socket.until("exit") if message["type"] == "stdout"]
    assert [len(line) for line in data[:2]] == [65536, 70000 - 65536]
    assert data[2:] == ["a\ufffdb", "\x01"]


@pytest.mark.fault("X45")
async def test_clients_run_quick_actions_only_and_cancel_their_own_only(
    server: Server, admin: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    prepared, other = server.script("prepared.sh", "sleep 60"), server.script("not-prepared.sh", "sleep 60")
    await admin.post("/api/quick-actions", json={"name": "Prepared", "script_path": prepared})
    async with open_socket(client, "/api/ws") as theirs, open_socket(admin, "/api/ws") as mine:
        await theirs.send({"type": "run", "script": other})
        assert "quick actions" in (await theirs.until("error"))[0]["data"]
        own, foreign = await run(theirs, prepared), await run(mine, other)
        await theirs.send({"type": "cancel", "task_id": foreign})
        assert "somebody else's" in (await theirs.until("error"))[0]["data"]
        for task_id in (own, foreign):
            await mine.send({"type": "cancel", "task_id": task_id})
        await theirs.until("exit")


async def test_many_lines_arrive_in_order_whoever_else_listens(server: Server, admin: httpx.AsyncClient) -> None:
    script = server.script("many.sh", "seq 1 100000")
    async with open_socket(admin, "/api/ws") as first, open_socket(admin, "/api/ws") as second:
        task_id = await run(first, script)
        await second.send({"type": "follow", "task_id": task_id})
        for socket in (first, second):
            messages = await socket.until("exit", 30)
            assert [message["data"] for message in messages[:-1]] == [str(number) for number in range(1, 100_001)]
            assert messages[-2]["offset"] == 588_895


@pytest.mark.parametrize("path", ["/api/ws", "/api/ws/runs/" + "0" * 32])
async def test_nobody_gets_in_without_a_session_or_from_another_site(
    server: Server, admin: httpx.AsyncClient, anonymous: httpx.AsyncClient, path: str
) -> None:
    for client, origin, status in ((anonymous, "same", 401), (admin, "https://evil.example", 403)):
        with pytest.raises(InvalidStatus) as refused:
            async with open_socket(client, path, origin):
                pass
        assert refused.value.response.status_code == status


async def test_a_revoked_session_is_told_and_closed_also_when_it_does_not_read(
    server: Server, admin: httpx.AsyncClient
) -> None:
    flood = server.script("flood.sh", "yes | head -c 100000000")
    async with (
        await sign_in(server) as guest,
        open_socket(guest, "/api/ws") as idle,
        open_socket(guest, "/api/ws") as frozen,
    ):
        await frozen.send({"type": "run", "script": flood})
        frozen.connection.transport.pause_reading()
        client_port = frozen.connection.local_address[1]
        await eventually(lambda: unsent(client_port) > 100_000)
        begin = time.monotonic()
        await guest.post("/api/auth/logout")
        assert await idle.receive() == {"type": "error", "data": "Session expired"}
        with pytest.raises(ConnectionClosed):
            await idle.receive()
        assert idle.connection.close_code == 4401
        assert time.monotonic() - begin < 5  # a bound of loaded machines; tests/bench measures the second
        await eventually(lambda: client_port not in peers(server))
        frozen.connection.transport.resume_reading()
        async with asyncio.timeout(30):
            await drain(frozen)
        assert frozen.connection.close_code in (1006, 4401)


def unsent(client_port: int) -> int:
    """Bytes that the kernel holds until whoever has this port reads."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(int(row[4].split(":")[0], 16) for row in rows if row[2].endswith(f":{client_port:04X}"))


def peers(server: Server) -> set[int]:
    """The ports of those whom the server has a connection with."""
    connections = psutil.Process(server.pid).net_connections("tcp")
    return {one.raddr.port for one in connections if one.status != psutil.CONN_LISTEN}


async def drain(socket: JsonSocket) -> None:
    """Reads until the connection is closed."""
    with contextlib.suppress(ConnectionClosed):
        while True:
            await socket.connection.recv()


# -- /api/ws/runs/{id}


async def start(client: httpx.AsyncClient, script: str, **body: Any) -> str:
    """Starts a script over REST; the run's id."""
    answer = await client.post("/api/runs", json={"script": script, **body})
    assert answer.status_code == 201, answer.text
    run_id: str = answer.json()["id"]
    return run_id


async def collect(socket: JsonSocket, *, ack: bool = False) -> tuple[bytes, list[Json]]:
    """Bytes and messages up to the exit."""
    found = bytearray()
    messages: list[Json] = []
    while not messages or "exit" not in messages[-1]:
        frame = await socket.receive(20)
        if isinstance(frame, bytes):
            found += frame
            if ack:
                with contextlib.suppress(ConnectionClosed):  # it closes after the end, whatever is still to be read
                    await socket.send({"ack": len(frame)})
        else:
            messages.append(frame)
    return bytes(found), messages


async def count_until_silent(socket: JsonSocket) -> int:
    """Bytes until nothing comes for half a second."""
    seen = 0
    with contextlib.suppress(TimeoutError):
        while True:
            seen += len(await socket.receive(0.5))
    return seen


@pytest.mark.fault("X36")
async def test_bytes_come_as_they_were_written_from_any_offset(server: Server, admin: httpx.AsyncClient) -> None:
    run_id = await start(admin, server.script("raw.sh", "printf '\\033[1m\\377\\000raw\\r\\n'; exit 6"))
    whole = b"\x1b[1m\xff\x00raw\r\n"
    for offset in (0, 4, 11, 99):
        async with open_socket(admin, f"/api/ws/runs/{run_id}?offset={offset}") as socket:
            data, [message] = await collect(socket)
        assert data == whole[offset:]
        assert (message["exit"]["state"], message["exit"]["code"]) == ("failed", 6)


@pytest.mark.parametrize(
    ("path", "code"),
    [("{}?offset=-1", 4400), ("{}?offset=x", 4400), ("{}?mode=some", 4400), ("0" * 32, 4404), ("nothing", 4404)],
)
async def test_what_cannot_be_followed_says_why(server: Server, admin: httpx.AsyncClient, path: str, code: int) -> None:
    run_id = await start(admin, server.script("hello.sh", "echo hi"))
    async with open_socket(admin, "/api/ws/runs/" + path.format(run_id)) as socket:
        assert (await socket.receive())["error"]
        with pytest.raises(ConnectionClosed):
            await socket.receive()
        assert socket.connection.close_code == code


async def test_a_terminal_over_its_socket(server: Server, admin: httpx.AsyncClient) -> None:
    script = server.script("ask.sh", "stty size; read answer; stty size; echo got $answer")
    run_id = await start(admin, script, tty=True)
    async with open_socket(admin, f"/api/ws/runs/{run_id}?mode=live") as socket:
        assert b"24 80" in await socket.receive()
        await socket.send({"size": [120, 50]})
        await socket.send(b"it\r")
        data, messages = await collect(socket, ack=True)
    assert b"50 120" in data
    assert b"got it" in data
    assert messages[-1]["exit"]["code"] == 0


@pytest.mark.parametrize(
    "frame", ["x", "[]", "{}", '{"ack":-1}', '{"ack":true}', '{"ack":"x"}', '{"size":[1]}', '{"size":[0,9999]}']
)
async def test_nonsense_at_a_terminal_is_answered(server: Server, admin: httpx.AsyncClient, frame: str) -> None:
    run_id = await start(admin, server.script("wait.sh", AT_ITS_TERMINAL), tty=True)
    async with open_socket(admin, f"/api/ws/runs/{run_id}") as socket:
        assert await socket.receive() == b"ready\r\n"  # it has its terminal: ^C reaches it
        await socket.connection.send(frame)
        assert (await socket.receive())["error"]
        await socket.send(b"\x03")
        _, messages = await collect(socket)
    assert messages[-1]["exit"]["state"] == "killed"


async def test_a_client_watches_but_does_not_type(
    server: Server, admin: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    run_id = await start(admin, server.script("wait.sh", AT_ITS_TERMINAL), tty=True)
    async with open_socket(client, f"/api/ws/runs/{run_id}") as socket:
        assert await socket.receive() == b"ready\r\n"
        await socket.send(b"\x03")
        assert "somebody else's" in (await socket.receive())["error"]
    await admin.post(f"/api/runs/{run_id}/cancel")


async def test_a_terminal_far_behind_goes_on_near_the_end(server: Server, admin: httpx.AsyncClient) -> None:
    run_id = await start(admin, server.script("flood.sh", "seq 1 3000000"))
    async with open_socket(admin, f"/api/ws/runs/{run_id}") as socket:
        everything, _ = await collect(socket)
    assert len(everything) == 22_888_896
    async with open_socket(admin, f"/api/ws/runs/{run_id}?mode=live") as socket:
        first = await socket.receive()
        data, messages = await collect(socket, ack=True)
    assert first["skipped"] == first["offset"]
    assert data == everything[first["offset"] :]
    assert everything[first["offset"] - 1 : first["offset"]] == b"\n"
    assert len(data) <= 1 << 20
    assert len(messages) == 1


async def test_a_terminal_gets_no_more_than_its_window_until_it_says_so(
    server: Server, admin: httpx.AsyncClient
) -> None:
    run_id = await start(admin, server.script("much.sh", "head -c 1000000 /dev/zero"))
    async with open_socket(admin, f"/api/ws/runs/{run_id}?mode=live") as socket:
        seen = await count_until_silent(socket)
        assert 256 << 10 <= seen < (256 + 64) << 10
        await socket.send({"ack": seen})
        data, _ = await collect(socket, ack=True)
    assert seen + len(data) == 1_000_000
