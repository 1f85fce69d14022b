"""`toru serve`: what it says and how it ends when it cannot serve."""

import asyncio
import errno
import json
import os
import re
import resource
import signal
import socket as socket_module
import sqlite3
import subprocess
import sys
import time
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from unittest.mock import patch

import psutil
import pytest
from websockets.exceptions import ConnectionClosed

from tests.cli.calling import Done, toru
from tests.conftest import StartServer
from tests.support.clients import http_client, open_socket, session_cookies, sign_in
from tests.support.server import ADMIN_PASSWORD, ROOT, Server, free_port, secrets_pipe
from tests.support.waiting import eventually

CONFIG, UNAVAILABLE = 78, 69


def refused(data_dir: Path, *arguments: str, password: str | None = ADMIN_PASSWORD, **env: str) -> Done:
    """Runs `toru serve` where it ends before it has begun, so that this process may do it.

    It keeps the libraries and the allocator that it has; a core would choose its own first.
    """
    ours, theirs = secrets_pipe(password)
    os.close(ours)
    try:
        with (
            patch("app.light_imports.leave_out_docstrings"),
            patch("app.light_imports.leave_out_pydantic_v1"),
            patch("app.core.memory.tame_allocator"),
        ):
            return toru(data_dir, "serve", *arguments, **{"TORU_SECRETS_FD": str(theirs), **env})
    finally:
        if "TORU_SECRETS_FD" in env:
            os.close(theirs)


def serve(data_dir: Path, *arguments: str, **env: str) -> Done:
    """The same as a process of its own."""
    ours, theirs = secrets_pipe(ADMIN_PASSWORD)
    os.close(ours)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "app.cli", "serve", *arguments],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "TORU_DATA_DIR": str(data_dir), "TORU_SECRETS_FD": str(theirs), **env},
            stdin=subprocess.DEVNULL,
            pass_fds=(theirs,),
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    finally:
        os.close(theirs)
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.mark.fault("A39")
@pytest.mark.parametrize("password", [None, "", "feeble", "NoDigitsHere-", "no-upper-7777"])
def test_production_refuses_a_missing_or_weak_password(password: str | None, tmp_path: Path) -> None:
    done = refused(tmp_path / "data", password=password, PRODUCTION="true")
    assert done.code == CONFIG
    assert len(done.err.splitlines()) == 1
    assert done.err.startswith("toru: ADMIN_PASSWORD is ")
    assert not password or password not in done.err
    assert not (tmp_path / "data").exists(), "nothing is touched"


@pytest.mark.parametrize(
    ("arguments", "env", "told"),
    [
        (["--port", "http"], {}, "STEERING_PORT"),
        (["--port", "0"], {}, "STEERING_PORT"),
        ([], {"STEERING_PORT": "70000"}, "STEERING_PORT"),
        ([], {"TRUST_PROXY": "everyone"}, "TRUST_PROXY"),
        ([], {"PRODUCTION": "perhaps"}, "PRODUCTION"),
        ([], {"TORU_PUBLIC_URL": "toru.example.com"}, "TORU_PUBLIC_URL"),
        ([], {"TORU_SECRETS_FD": "99999999"}, "TORU_SECRETS_FD"),
    ],
)
def test_a_wrong_value_is_one_line(arguments: list[str], env: dict[str, str], told: str, tmp_path: Path) -> None:
    done = refused(tmp_path / "data", *arguments, **env)
    assert done.code == CONFIG
    assert [line.startswith("toru: ") and told in line for line in done.err.splitlines()] == [True]


async def test_a_second_core_on_a_data_folder_says_so(server: Server) -> None:
    done = serve(server.data_dir, "--port", str(free_port()))
    assert done.code == UNAVAILABLE
    assert f"Toru already runs on {server.data_dir} (process {server.pid})." in done.err


async def test_a_taken_port_says_so(server: Server, tmp_path: Path) -> None:
    done = serve(tmp_path / "data", "--port", str(server.port))
    assert done.code == UNAVAILABLE
    assert f"127.0.0.1:{server.port} cannot be served" in done.err
    assert "Traceback" not in done.err


@pytest.mark.fault("A39")
async def test_without_a_password_it_invents_one_at_each_start(start_server: StartServer, tmp_path: Path) -> None:
    server = await start_server(password=None, fresh=True)
    assert f"http://127.0.0.1:{server.port}" in server.output
    first = invented(server)
    async with http_client(server) as client:
        answer = await client.post("/api/auth/login", json={"username": "admin", "password": first})
        assert answer.status_code == 200
    await server.stop()
    await server.restart()
    assert invented(server) != first


def invented(server: Server) -> str:
    return str(re.findall(r"with password +(\S+)", server.output)[-1])


def test_help_is_quick() -> None:
    """It imports neither the server nor its libraries."""
    heavy = "'nicegui', 'pydantic', 'sqlalchemy'"
    look = f"import sys, app.cli.__main__; print([name for name in ({heavy}) if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", look], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def only_line(done: Done) -> str:
    """What it says besides warnings; never a traceback."""
    (line,) = [line for line in done.err.splitlines() if not line.startswith("toru: warning: ")]
    return line


@pytest.mark.parametrize("what", ["a file", "below a file", "everybody's"])
def test_a_data_folder_that_cannot_be_used_is_one_line(what: str, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    if what == "everybody's":
        folder.mkdir()
        folder.chmod(0o1777)
    else:
        folder.touch()
    done = refused(folder / "below" if what == "below a file" else folder, "--port", str(free_port()))
    assert done.code == UNAVAILABLE
    assert only_line(done).startswith("toru: ")
    assert str(folder) in only_line(done)


@pytest.mark.parametrize("variable", ["TORU_LOG_DIR", "TORU_DATA_DIR"])
def test_a_folder_that_cannot_be_made_is_one_line(variable: str, tmp_path: Path) -> None:
    done = serve(tmp_path / "data", "--port", str(free_port()), **{variable: "/proc/nothing/here"})
    assert done.code == UNAVAILABLE
    assert only_line(done).startswith("toru: /proc/nothing")


@pytest.mark.fault("S07")
@pytest.mark.parametrize("content", [b"", b"not a database" * 1000])
def test_a_database_that_is_none_is_one_line_and_stays(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "data" / "toru.db"
    file.parent.mkdir(mode=0o700)
    file.write_bytes(content)
    done = serve(file.parent, "--port", str(free_port()))
    assert done.code == UNAVAILABLE
    assert "cannot be used as Toru's database" in only_line(done)
    assert file.read_bytes() == content


def test_a_database_that_somebody_else_holds_is_one_line(tmp_path: Path, database_template: Path) -> None:
    file = tmp_path / "data" / "toru.db"
    file.parent.mkdir(mode=0o700)
    file.write_bytes(database_template.read_bytes())
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode=EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        done = serve(file.parent, "--port", str(free_port()))
    assert done.code == UNAVAILABLE
    assert "database is locked" in only_line(done)


@pytest.mark.parametrize("host", ["no.such.host.invalid", "192.0.2.1", "x" * 70 + ".example", "a..b"])
def test_an_address_that_is_not_ours_is_one_line(host: str, tmp_path: Path) -> None:
    done = refused(tmp_path / "data", "--host", host, "--port", str(free_port()))
    assert done.code == UNAVAILABLE
    assert only_line(done).startswith(f"toru: {host}:")


@pytest.mark.fault("A39")
def test_a_weak_password_outside_production_is_a_warning(tmp_path: Path) -> None:
    done = refused(tmp_path / "data", "--host", "192.0.2.1", password="weak")
    assert "toru: warning: ADMIN_PASSWORD is weak. A password needs 8 characters or more" in done.err
    assert done.code == UNAVAILABLE


@pytest.mark.fault("O14")
@pytest.mark.needs("root")
def test_root_is_warned(tmp_path: Path) -> None:
    assert "toru: warning: this runs as root" in refused(tmp_path / "data", "--host", "192.0.2.1").err


async def test_a_second_start_leaves_the_first_ones_log_alone(server: Server) -> None:
    before = server.log.path.stat()
    serve(server.data_dir, "--port", str(server.port), TORU_LOG_DIR=str(server.data_dir / "logs"))
    after = server.log.path.stat()
    assert (after.st_ino, after.st_size) == (before.st_ino, before.st_size)


@pytest.mark.fault("X12")
async def test_no_process_of_ours_shows_the_password(start_server: StartServer) -> None:
    server = await start_server(password="Canary-Pass-12", fresh=True)
    server.script("show.sh", "env; cat /proc/$PPID/environ /proc/$PPID/cmdline | tr '\\0' '\\n'; echo shown; sleep 30")
    async with await sign_in(server, "admin", "Canary-Pass-12") as client:
        started = await client.post("/api/runs", json={"script": "show.sh"})
        run_id = started.json()["id"]
        processes = [psutil.Process(server.pid), *server.runners()]
        processes += [child for process in processes for child in process.children(recursive=True)]
        assert len(set(processes)) >= 3
        for process in set(processes):
            for name in ("environ", "cmdline"):
                with suppress(FileNotFoundError, ProcessLookupError):  # env and cat have ended since
                    assert b"Canary" not in Path(f"/proc/{process.pid}/{name}").read_bytes()
        async with asyncio.timeout(15):
            while "shown" not in (output := (await client.get(f"/api/runs/{run_id}/output")).text):
                await asyncio.sleep(0.02)
        await client.post(f"/api/runs/{run_id}/cancel")
    assert "TORU_RUN_ID=" in output
    assert "Canary" not in output
    for file in server.folder.rglob("*"):
        if file.is_file():
            assert b"Canary" not in file.read_bytes(), file


@pytest.mark.fault("X12")
async def test_the_core_cannot_be_dumped(server: Server) -> None:
    # What forbids core dumps and ptrace gives the files in /proc to root, whoever runs the process.
    assert Path(f"/proc/{server.pid}/environ").stat().st_uid == 0
    status = Path(f"/proc/{server.pid}/status").read_text()
    assert "Seccomp" in status


@pytest.mark.fault("O02", "O03")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_in_order(number: signal.Signals, start_server: StartServer) -> None:
    server = await start_server(fresh=True)
    async with http_client(server, await session_cookies(server)) as client, open_socket(client, "/api/ws") as socket:
        server.process.send_signal(number)
        with pytest.raises(ConnectionClosed):
            await socket.receive()
        assert socket.connection.close_code == 1012
    assert await server.wait_end(10) == 0
    assert not (server.data_dir / "control.sock").exists()
    assert not (server.data_dir / "toru.db-wal").exists()
    told = [json.loads(line)["event"] for line in server.log.path.read_text().splitlines() if '"event"' in line]
    assert told[-2:] == ["stopping", "audit_head"]


@pytest.mark.fault("O03")
async def test_other_signals_do_not_end_it(server: Server) -> None:
    for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGPIPE):
        server.process.send_signal(number)
        async with http_client(server) as client:
            assert (await client.get("/api/health")).status_code == 200, number
    # A script must not inherit that we ignore a signal: it would be deaf for its terminal's end.
    ignored = int(re.findall(r"SigIgn:\s*([0-9a-f]+)", Path(f"/proc/{server.pid}/status").read_text())[0], 16)
    assert not ignored & (1 << (signal.SIGHUP - 1))


def refuses(port: int) -> bool:
    """Whether nobody listens there."""
    with socket_module.socket() as peer:
        return peer.connect_ex(("127.0.0.1", port)) == errno.ECONNREFUSED


@pytest.mark.fault("O03")
async def test_a_second_signal_does_not_wait_for_requests(start_server: StartServer) -> None:
    server = await start_server(fresh=True)
    server.script("slow.sh", "sleep 60")
    async with http_client(server, await session_cookies(server)) as client:
        run_id = (await client.post("/api/runs", json={"script": "slow.sh"})).json()["id"]
        async with client.stream("GET", f"/api/runs/{run_id}/stream") as stream:
            assert stream.status_code == 200
            began = time.monotonic()
            server.process.send_signal(signal.SIGTERM)
            await eventually(lambda: refuses(server.port))
            server.process.send_signal(signal.SIGTERM)
            assert await server.wait_end(10) == 0
            assert time.monotonic() - began < 2  # without it: two more


@pytest.mark.fault("O02")
async def test_a_stream_that_never_ends_holds_up_no_restart(start_server: StartServer) -> None:
    server = await start_server(fresh=True)
    server.script("slow.sh", "sleep 60")
    async with http_client(server, await session_cookies(server)) as client:
        run_id = (await client.post("/api/runs", json={"script": "slow.sh"})).json()["id"]
        async with client.stream("GET", f"/api/runs/{run_id}/stream"):
            began = time.monotonic()
            assert await server.stop() == 0
            assert time.monotonic() - began < 5


@pytest.mark.fault("O06")
async def test_where_connections_are_too_many_new_ones_are_told_and_the_others_go_on(
    start_server: StartServer,
) -> None:
    server = await start_server(fresh=True)
    await server.stop()
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (128, before[1]))
    try:
        server.launch()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    await server.wait_ready()
    server.script("hello.sh", "echo hello")
    async with http_client(server, await session_cookies(server)) as client, open_socket(client, "/api/ws") as socket:
        with ExitStack() as idle:
            for _ in range(150):
                await connect_without_a_word(idle, server.port)
            await until_health_says(503, server)
            await socket.send({"type": "run", "script": "hello.sh"})
            assert [message["type"] for message in await socket.until("exit")] == ["started", "stdout", "exit"]
        await until_health_says(200, server)


async def connect_without_a_word(held: ExitStack, port: int) -> None:
    connection = held.enter_context(socket_module.socket())
    connection.setblocking(False)
    await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", port))


async def until_health_says(status: int, server: Server) -> None:
    async with asyncio.timeout(15):
        while True:
            async with http_client(server) as client:
                if (await client.get("/api/health")).status_code == status:
                    return
            await asyncio.sleep(0.05)
