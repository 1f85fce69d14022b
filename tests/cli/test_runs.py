"""`toru runs`: this machine's, over its socket, and another one's, with a token; both look the same from here."""

import asyncio
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.calling import Done, start, toru
from tests.conftest import StartServer
from tests.support.clients import http_client
from tests.support.server import Server, free_port
from tests.support.waiting import eventually

pytestmark = pytest.mark.allows_blocking  # a command may hold up its own loop

Runs = Callable[..., Done]


@pytest.fixture(scope="module")
def token(shared_server: Server) -> str:
    """One that may do everything."""
    return toru(shared_server.data_dir, "token", "create", "runs", "--scope", "admin").out.strip()


@pytest.fixture(params=["here", "elsewhere"])
def runs(request: pytest.FixtureRequest, server: Server, token: str, tmp_path: Path) -> Runs:
    """`toru runs …`, on this machine, or from one that has no Toru of its own."""

    def here(command: str, *arguments: str) -> Done:
        return toru(server.data_dir, "runs", command, *arguments)

    def elsewhere(command: str, *arguments: str) -> Done:
        return toru(tmp_path / "none", "runs", command, "--url", server.url, *arguments, TORU_TOKEN=token)

    return here if request.param == "here" else elsewhere


def test_a_run_is_started_followed_and_listed(runs: Runs, server: Server) -> None:
    server.script("told.sh", 'printf "%s|" "$@"; printf "\\303\\050\\0\\377" ; echo err >&2; exit 7')
    done = runs("start", "--follow", "told.sh", "--url", "x y")
    assert done.code == 7
    assert done.out.startswith("--url|x y|")
    assert "err\n" in done.out
    assert "\udcc3(\0\udcff" in done.out, "bytes come as they are"
    (run_id,) = re.findall(r"^toru: Started ([0-9a-f]{32})\.$", done.err, re.MULTILINE)
    listed = json.loads(runs("list", "--script", "told.sh", "--json").out)["runs"]
    assert [(run["id"], run["exit_code"], run["args"]) for run in listed][:1] == [(run_id, 7, ["--url", "x y"])]
    assert f"{run_id}  failed  7 " in runs("list", "--state", "failed", "--search", "told").out
    again = runs("follow", run_id, "--offset", "6")
    assert (again.code, again.out.startswith("x y|")) == (7, True)


def test_a_key_starts_only_once(runs: Runs, server: Server, request: pytest.FixtureRequest) -> None:
    server.script("once.sh", "exit 0")
    key = f"key-{request.node.name}"
    first = json.loads(runs("start", "--key", key, "--json", "once.sh").out)
    assert runs("start", "--key", key, "once.sh").out == f"{first['id']}\n"


def test_a_run_is_cancelled(runs: Runs, server: Server) -> None:
    server.script("endless.sh", "sleep 100")
    run_id = runs("start", "endless.sh").out.strip()
    assert runs("cancel", run_id)[:2] == (0, "It is being ended.\n")
    followed = runs("follow", run_id)
    assert (followed.code, followed.err) == (143, "toru: The run was cancelled.\n")
    assert runs("cancel", run_id).out == "It had ended already.\n"


@pytest.mark.parametrize(
    ("text", "options", "code", "told"),
    [
        ("kill -USR1 $$", [], 138, "ended by SIGUSR1 (10)"),
        ("sleep 100", ["--timeout", "1"], 124, "time limit"),
        ("#!/opt/no-such-interpreter\n", [], 126, "which this machine does not have"),
    ],
)
def test_how_it_ended_is_told(runs: Runs, server: Server, text: str, options: list[str], code: int, told: str) -> None:
    server.script("ending.sh", text)
    done = runs("start", "--follow", *options, "ending.sh")
    assert done.code == code
    assert told in done.err.splitlines()[-1]


def test_what_is_refused_is_one_line(runs: Runs, server: Server) -> None:
    for arguments, sentence in (
        (["start", "none.sh"], "There is no script 'none.sh' in the scripts folder."),
        (["follow", "0" * 32], "There is no such run."),
        (["cancel", "x"], "There is no such run."),
        (["list", "--before", "0" * 32], "before"),
    ):
        done = runs(*arguments)
        assert (done.code, done.out, done.err.count("\n")) == (1, "", 1), arguments
        assert sentence in done.err


def test_a_token_never_stands_on_the_command_line(server: Server, token: str, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"{token}\n")
    asked = ("runs", "list", "--url", server.url)
    assert toru(tmp_path, *asked, "--token-file", str(file)).code == 0
    for given, code, sentence in (
        ({}, 2, "A token is needed: set TORU_TOKEN"),
        ({"TORU_TOKEN": "root:x:0:0"}, 2, "This is no token of Toru"),
        ({"TORU_TOKEN": f"{token[:4]}{'0' * 30}{'1' * 6}"}, 2, "This is no token of Toru"),
    ):
        done = toru(tmp_path, *asked, **given)
        assert (done.code, done.out) == (code, "")
        assert sentence in done.err
    assert toru(tmp_path, "runs", "list", "--token-file", str(file)).code == 2, "a token is for another machine"


def test_a_token_that_ended_or_may_not_is_told(server: Server, tmp_path: Path) -> None:
    made = json.loads(toru(server.data_dir, "token", "create", "less", "--scope", "read", "--json").out)
    asked = ("--url", server.url, "x.sh")
    assert "may only run the quick actions" in toru(tmp_path, "runs", "start", *asked, TORU_TOKEN=made["token"]).err
    toru(server.data_dir, "token", "revoke", made["id"])
    for command in (["list"], ["follow", "0" * 32]):
        done = toru(tmp_path, "runs", *command, "--url", server.url, TORU_TOKEN=made["token"])
        assert (done.code, done.err) == (1, "toru: The token is not accepted: it is wrong, expired or revoked.\n")


async def test_a_token_that_ends_while_it_follows_is_told(server: Server, tmp_path: Path) -> None:
    made = json.loads(toru(server.data_dir, "token", "create", "short", "--scope", "read", "--json").out)
    server.script("open.sh", "echo begun; sleep 100")
    run_id = toru(server.data_dir, "runs", "start", "open.sh").out.strip()
    with start(tmp_path, "runs", "follow", "--url", server.url, run_id, TORU_TOKEN=made["token"]) as following:
        assert following.stdout is not None
        assert await asyncio.to_thread(following.stdout.readline) == "begun\n"
        toru(server.data_dir, "token", "revoke", made["id"])
        _, told = await asyncio.to_thread(following.communicate, None, 60)
    assert (following.returncode, told) == (1, "toru: The token is not accepted: it is wrong, expired or revoked.\n")
    toru(server.data_dir, "runs", "cancel", run_id)


@pytest.mark.parametrize("body", ["<html>", "[]", "{}", '{"runs": [{"id": 1}]}', '{"runs": 1}'])
@pytest.mark.parametrize("command", [["list"], ["start", "x.sh"], ["cancel", "0" * 32]])
async def test_something_else_at_the_address_is_told(command: list[str], body: str, token: str, tmp_path: Path) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode())
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as other:
        url = f"http://127.0.0.1:{other.sockets[0].getsockname()[1]}"
        asked = (command[0], "--url", url, *command[1:])
        done = await asyncio.to_thread(toru, tmp_path, "runs", *asked, TORU_TOKEN=token)
    assert (done.code, done.err) == (1, f"toru: {url} does not answer like Toru. Is it the right address?\n")


async def test_https_where_there_is_none_is_told(server: Server, token: str, tmp_path: Path) -> None:
    for command in (["list"], ["follow", "0" * 32]):
        url = server.url.replace("http:", "https:")
        done = await asyncio.to_thread(toru, tmp_path, "runs", *command, "--url", url, TORU_TOKEN=token)
        assert (done.code, done.err) == (69, f"toru: {url} cannot be reached: it speaks http, without TLS.\n")


@pytest.mark.parametrize("command", [["list"], ["follow", "0" * 32], ["start", "x.sh"], ["start", "-f", "x.sh"]])
def test_nobody_there_is_one_line_at_once(command: list[str], token: str, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    done = toru(tmp_path, "runs", command[0], "--url", url, *command[1:], TORU_TOKEN=token)
    assert (done.code, done.out) == (69, "")
    assert done.err.startswith(f"toru: {url} cannot be reached: ")


@pytest.mark.parametrize(
    "url", ["toru.example.com", "ftp://x", "https://x/path", "https://u:p@x", "https://x?y", "http://x:y"]
)
def test_an_address_that_is_none_is_told(url: str, token: str, tmp_path: Path) -> None:
    done = toru(tmp_path, "runs", "list", "--url", url, TORU_TOKEN=token)
    assert (done.code, done.err.startswith("toru: --url must ")) == (2, True)


async def test_following_goes_on_at_the_byte_when_the_core_is_killed(start_server: StartServer, tmp_path: Path) -> None:
    server = await start_server()
    data_dir = server.data_dir
    made = toru(data_dir, "token", "create", "x", "--scope", "admin")
    gate = tmp_path / "gate"
    server.script("halves.sh", f"echo first; until [ -e {gate} ]; do sleep 0.05; done; echo second; exit 5")
    run_id = toru(data_dir, "runs", "start", "halves.sh").out.strip()
    here = start(data_dir, "runs", "follow", run_id)
    elsewhere = start(tmp_path, "runs", "follow", "--url", server.url, run_id, TORU_TOKEN=made.out.strip())
    with here, elsewhere:
        for one in (here, elsewhere):
            assert one.stdout is not None
            assert await asyncio.to_thread(one.stdout.readline) == "first\n"
        await server.kill()
        for one in (here, elsewhere):
            assert one.stderr is not None
            assert "this is tried again." in await asyncio.to_thread(one.stderr.readline)
        gate.touch()
        await server.restart()
        for one in (here, elsewhere):
            rest, complaint = await asyncio.to_thread(one.communicate, None, 60)
            assert (one.returncode, rest) == (5, "second\n")
            assert complaint.endswith("toru: It is back, and goes on at byte 6.\n")


async def test_who_follows_and_leaves_leaves_nothing_behind(server: Server) -> None:
    server.script("long.sh", "echo begun; sleep 100")
    run_id = toru(server.data_dir, "runs", "start", "long.sh").out.strip()
    sockets = Path(f"/proc/{server.pid}/fd")
    before = len(list(sockets.iterdir()))
    followers = [start(server.data_dir, "runs", "follow", run_id) for _ in range(3)]
    for one in followers:
        assert one.stdout is not None
        await asyncio.to_thread(one.stdout.readline)
    for one in followers:
        one.kill()
        one.communicate()
    await eventually(lambda: len(list(sockets.iterdir())) <= before)
    toru(server.data_dir, "runs", "cancel", run_id)
    async with http_client(server) as stranger:
        assert (await stranger.get("/api/health")).status_code == 200
