"""`toru user add`: beside a running core, and without one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import StartServer
from tests.support.clients import http_client
from tests.support.server import ROOT, Server

PASSWORD = "Long-Enough-9"


def toru(data_dir: Path, *arguments: str, password: str = PASSWORD) -> subprocess.CompletedProcess[str]:
    """Runs a command of `toru` on a data folder, with the password on its standard input."""
    return subprocess.run(
        [sys.executable, "-m", "app.cli", *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "TORU_DATA_DIR": str(data_dir), "ADMIN_USERNAME": "admin"},
        input=f"{password}\n",
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


async def can_sign_in(server: Server, username: str) -> bool:
    async with http_client(server) as client:
        answer = await client.post("/api/auth/login", json={"username": username, "password": PASSWORD})
        return answer.status_code == 200


async def test_a_user_added_beside_a_running_core_can_sign_in_at_once(server: Server) -> None:
    done = toru(server.data_dir, "user", "add", "dora", "--display-name", "Dora D", "--password-stdin")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Added dora" in done.stdout
    assert await can_sign_in(server, "dora")


async def test_a_user_added_before_the_first_start_can_sign_in_after_it(
    start_server: StartServer, tmp_path: Path
) -> None:
    done = toru(tmp_path / "own" / "data", "user", "add", "emil", "--password-stdin")
    assert (done.returncode, done.stderr) == (0, "")
    server = await start_server(folder=tmp_path / "own")
    assert await can_sign_in(server, "emil")


@pytest.mark.parametrize("running", [True, False])
def test_what_the_rules_refuse_is_one_sentence(running: bool, server: Server, tmp_path: Path) -> None:
    data_dir = server.data_dir if running else tmp_path / "data"
    weak = toru(data_dir, "user", "add", "finn", "--password-stdin", password="weak")
    assert weak.returncode == 1
    assert weak.stderr.startswith("toru: A password needs 8 characters or more")
    taken = toru(data_dir, "user", "add", "ADMIN", "--password-stdin")
    assert (taken.returncode, taken.stderr) == (1, "toru: The administrator has this name.\n")


def test_a_data_folder_that_cannot_be_used_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "toru.db").write_bytes(b"this is not a database" * 100)
    done = toru(tmp_path / "data", "user", "add", "gina", "--password-stdin")
    assert done.returncode == 69
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("toru: ")
    assert (tmp_path / "data" / "toru.db").read_bytes().startswith(b"this is not")
