"""`toru user`: beside a running core, and without one."""

import json
from pathlib import Path

import pytest

from tests.cli.calling import Done, toru
from tests.conftest import StartServer
from tests.support.clients import http_client, sign_in
from tests.support.server import Server

pytestmark = pytest.mark.allows_blocking  # a command may hold up its own loop

PASSWORD, OTHER = "Long-Enough-9", "Other-Enough-8"


def user(data_dir: Path, *arguments: str, password: str = PASSWORD) -> Done:
    return toru(data_dir, "user", *arguments, text=f"{password}\n")


def listed(data_dir: Path) -> dict[str, bool]:
    done = user(data_dir, "list", "--json")
    assert (done.code, done.err) == (0, "")
    return {one["username"]: one["is_active"] for one in json.loads(done.out)}


async def test_a_user_is_added_kept_out_let_in_helped_and_removed_while_the_core_runs(server: Server) -> None:
    def call(*arguments: str, password: str = PASSWORD) -> str:
        done = user(server.data_dir, *arguments, password=password)
        assert (done.code, done.err) == (0, "")
        return done.out

    assert call("add", "dora", "--display-name", "Dora D", "--password-stdin") == "Added dora, who can sign in now.\n"
    async with await sign_in(server, "dora", PASSWORD) as dora:
        assert call("reset-password", "dora", "--password-stdin", password=OTHER).startswith("dora signs in with the")
        assert (await dora.get("/api/auth/me")).json()["authenticated"] is False
    async with await sign_in(server, "dora", OTHER) as dora:
        assert call("disable", "DORA") == "dora cannot sign in any more.\n"
        assert (await dora.get("/api/auth/me")).json()["authenticated"] is False
    assert listed(server.data_dir)["dora"] is False
    assert ["dora", "client", "disabled", "Dora", "D"] in [line.split() for line in call("list").splitlines()]
    assert call("enable", "dora") == "dora can sign in again.\n"
    async with await sign_in(server, "dora", OTHER) as dora:
        assert json.loads(call("delete", "dora", "--yes", "--json"))["username"] == "dora"
        assert (await dora.get("/api/auth/me")).json()["authenticated"] is False
    assert "dora" not in listed(server.data_dir)


def test_without_a_terminal_the_password_comes_by_standard_input(server: Server) -> None:
    for command in ("add", "reset-password"):
        done = user(server.data_dir, command, "greta")
        assert (done.code, done.out) == (2, "")
        assert done.err == "toru: There is no terminal to type a password at: give it with --password-stdin.\n"


async def test_without_a_core_the_same_is_done_in_the_database(start_server: StartServer, tmp_path: Path) -> None:
    folder = tmp_path / "own"
    data_dir = folder / "data"
    done = user(data_dir, "add", "emil", "--password-stdin")
    assert (done.code, done.out, done.err) == (0, "Added emil, who can sign in now.\n", "")
    assert user(data_dir, "add", "fritz", "--password-stdin").code == 0
    server = await start_server(folder=folder)
    async with await sign_in(server, "emil", PASSWORD) as emil:
        cookies = dict(emil.cookies)
    await server.stop()
    assert user(data_dir, "reset-password", "emil", "--password-stdin", password=OTHER).code == 0
    assert user(data_dir, "disable", "fritz").code == 0
    made = toru(data_dir, "token", "create", "ci", "--scope", "read", "--user", "emil")
    await server.restart()
    async with http_client(server, cookies) as emil:
        assert (await emil.get("/api/auth/me")).json()["authenticated"] is False, "the old password's session"
    async with await sign_in(server, "emil", OTHER):
        pass
    async with http_client(server) as automation:
        answer = await automation.get("/api/runs", headers={"Authorization": f"Bearer {made.out.strip()}"})
        assert answer.status_code == 200
    assert listed(data_dir) == {"admin": True, "emil": True, "fritz": False}
    assert toru(data_dir, "audit", "verify").code == 0


@pytest.mark.parametrize("running", [True, False])
def test_what_the_rules_refuse_is_one_sentence(running: bool, server: Server, tmp_path: Path) -> None:
    data_dir = server.data_dir if running else tmp_path / "data"
    weak = user(data_dir, "add", "finn", "--password-stdin", password="weak")
    assert weak.code == 1
    assert weak.err.startswith("toru: A password needs 8 characters or more")
    taken = user(data_dir, "add", "ADMIN", "--password-stdin")
    assert (taken.code, taken.err) == (1, "toru: The administrator has this name.\n")
    ours = user(data_dir, "add", "SYSTEM", "--password-stdin")
    assert ours.code == 1
    assert ours.err.startswith("toru: Commands on the machine act by this name")
    for command in (["disable", "nobody-here"], ["reset-password", "nobody-here", "--password-stdin"]):
        assert user(data_dir, *command)[::2] == (1, "toru: There is no user 'nobody-here'.\n")
    refused = user(data_dir, "reset-password", "admin", "--password-stdin")
    assert refused.code == 1
    assert "change ADMIN_USERNAME, ADMIN_PASSWORD there" in refused.err


def test_whoever_does_not_say_yes_removes_nobody(server: Server) -> None:
    assert user(server.data_dir, "add", "gerd", "--password-stdin").code == 0
    assert toru(server.data_dir, "user", "delete", "gerd", text="n\n").code == 130
    assert "gerd" in listed(server.data_dir)
    assert toru(server.data_dir, "user", "delete", "gerd", text="y\n").out == "Removed gerd.\n"


def test_a_data_folder_that_cannot_be_used_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "toru.db").write_bytes(b"this is not a database" * 100)
    done = user(tmp_path / "data", "add", "gina", "--password-stdin")
    assert done.code == 69
    assert done.err.startswith("toru: ")
    assert (tmp_path / "data" / "toru.db").read_bytes().startswith(b"this is not")
