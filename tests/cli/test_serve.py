"""`toru serve`: what it says and how it ends when it cannot serve."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import StartServer
from tests.support.clients import http_client
from tests.support.server import ADMIN_PASSWORD, ROOT, Server, free_port, secrets_pipe

CONFIG, UNAVAILABLE = 78, 69


def serve(
    data_dir: Path, *arguments: str, password: str | None = ADMIN_PASSWORD, **env: str
) -> subprocess.CompletedProcess[str]:
    """Runs `toru serve` where it is expected to end by itself."""
    ours, theirs = secrets_pipe(password)
    os.close(ours)
    try:
        return subprocess.run(
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


@pytest.mark.parametrize("password", [None, "", "feeble", "NoDigitsHere-", "no-upper-7777"])
def test_production_refuses_a_missing_or_weak_password(password: str | None, tmp_path: Path) -> None:
    done = serve(tmp_path / "data", password=password, PRODUCTION="true")
    assert done.returncode == CONFIG
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("toru: ADMIN_PASSWORD is ")
    assert not password or password not in done.stderr
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
        ([], {"TORU_SECRETS_FD": "99"}, "TORU_SECRETS_FD"),
    ],
)
def test_a_wrong_value_is_one_line(arguments: list[str], env: dict[str, str], told: str, tmp_path: Path) -> None:
    done = serve(tmp_path / "data", *arguments, **env)
    assert done.returncode == CONFIG
    assert [line.startswith("toru: ") and told in line for line in done.stderr.splitlines()] == [True]


async def test_a_second_core_on_a_data_folder_says_so(server: Server) -> None:
    done = serve(server.data_dir, "--port", str(free_port()))
    assert done.returncode == UNAVAILABLE
    assert f"Toru already runs on {server.data_dir} (process {server.pid})." in done.stderr


async def test_a_taken_port_says_so(server: Server, tmp_path: Path) -> None:
    done = serve(tmp_path / "data", "--port", str(server.port))
    assert done.returncode == UNAVAILABLE
    assert f"127.0.0.1:{server.port} cannot be served" in done.stderr
    assert "Traceback" not in done.stderr


async def test_without_a_password_it_invents_one_at_each_start(start_server: StartServer, tmp_path: Path) -> None:
    server = await start_server(password=None)
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
