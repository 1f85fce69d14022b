"""`toru token`: made once shown, good for what it says, ended at once; and the audit knows who did it."""

import json
import sqlite3
from contextlib import closing

import pytest

from tests.cli.calling import toru
from tests.support.clients import http_client, session_cookies
from tests.support.server import Server

pytestmark = pytest.mark.allows_blocking  # a command may hold up its own loop


async def test_a_token_is_made_used_listed_and_revoked(server: Server) -> None:
    made = toru(server.data_dir, "token", "create", "backup host", "--scope", "read", "--days", "30")
    token = made.out.strip()
    assert made.code == 0
    assert token.startswith("tsc_")
    assert "It acts for admin until 20" in made.err
    assert token not in made.err
    async with http_client(server) as automation:
        headers = {"Authorization": f"Bearer {token}"}
        assert (await automation.get("/api/runs", headers=headers)).status_code == 200
        (row,) = [
            one
            for one in json.loads(toru(server.data_dir, "token", "list", "--json").out)
            if one["name"] == "backup host"
        ]
        assert (row["username"], row["scopes"]) == ("admin", ["read"])
        assert token not in json.dumps(row)
        (line,) = [one for one in toru(server.data_dir, "token", "list").out.splitlines() if row["id"] in one]
        assert line.split()[:6] == [row["id"], "admin", "backup", "host", "read", "expires"]
        assert toru(server.data_dir, "token", "revoke", row["id"]).out == "The token has ended.\n"
        assert (await automation.get("/api/runs", headers=headers)).status_code == 401


async def test_a_token_of_somebody_else_is_recorded_as_such(server: Server) -> None:
    await session_cookies(server, "carla")
    made = toru(server.data_dir, "token", "create", "hers", "--scope", "read", "--user", "CARLA", "--json")
    assert json.loads(made.out)["username"] == "carla"
    with closing(sqlite3.connect(f"file:{server.data_dir / 'toru.db'}?mode=ro", uri=True)) as database:
        (row,) = database.execute("SELECT actor, detail FROM audit WHERE what = 'token.created' AND target = 'hers'")
    assert row[0] == "system"
    assert json.loads(row[1])["of"] == "carla"
    assert toru(server.data_dir, "token", "revoke", json.loads(made.out)["id"]).code == 0


async def test_a_token_gives_no_more_than_its_user_has(server: Server) -> None:
    await session_cookies(server, "carla")
    for arguments, sentence in (
        (["--scope", "admin", "--user", "carla"], "Only an administrator may do this."),
        (["--scope", "everything"], "Scopes are read, admin, and run:<id of a quick action>."),
        (["--scope", "read", "--user", "nobody-here"], "There is no user nobody-here."),
    ):
        done = toru(server.data_dir, "token", "create", "x", *arguments)
        assert (done.code, done.out, done.err) == (1, "", f"toru: {sentence}\n")
    assert toru(server.data_dir, "token", "revoke", "0" * 32).err == "toru: There is no such token.\n"
