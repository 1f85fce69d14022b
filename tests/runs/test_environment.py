"""What scripts see of the environment."""

import os

import httpx
import pytest

from app.runs.environment import ScriptEnvironment
from tests.support.server import Server

OUTER = {
    "PATH": "/bin",
    "HOME": "/home/t",
    "LC_TIME": "de_DE.UTF-8",
    "TZ": "UTC",
    "ADMIN_PASSWORD": "canary",
    "TORU_LICENSE_SECRET": "canary",
    "NOTIFY_SOCKET": "canary",
    "PROXY": "http://proxy",
    "OTHER": "unseen",
}


@pytest.mark.fault("X11")
def test_passes_what_is_allowed_and_nothing_else() -> None:
    environment = ScriptEnvironment(source=OUTER).of_run("abc", tty=False)
    assert environment["PATH"] == "/bin"
    assert environment["HOME"] == "/home/t"
    assert environment["LC_TIME"] == "de_DE.UTF-8"
    assert environment["TORU_RUN_ID"] == "abc"
    assert set(environment) <= {"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_TIME", "TZ", "TORU_RUN_ID"}


def test_a_terminal_has_a_name() -> None:
    environment = ScriptEnvironment(source=OUTER)
    assert environment.of_run("abc", tty=True)["TERM"] == "xterm-256color"
    assert "TERM" not in environment.of_run("abc", tty=False)


@pytest.mark.fault("X11")
def test_the_operator_adds_names_but_never_ours(caplog: pytest.LogCaptureFixture) -> None:
    names = ("PROXY", "MISSING", "ADMIN_PASSWORD", "TORU_LICENSE_SECRET", "NOTIFY_SOCKET", "TORU_RUN_ID")
    environment = ScriptEnvironment(names, OUTER).of_run("abc", tty=False)
    assert environment["PROXY"] == "http://proxy"
    assert "MISSING" not in environment
    assert "canary" not in environment.values()
    assert environment["TORU_RUN_ID"] == "abc"
    assert "ADMIN_PASSWORD" in caplog.text


def test_what_a_service_manager_leaves_unset_is_filled_in() -> None:
    environment = ScriptEnvironment(source={}).of_run("abc", tty=False)
    assert "/usr/bin" in environment["PATH"]
    assert environment["LANG"] == "C.UTF-8"
    assert environment["HOME"].startswith("/")


async def test_scripts_get_the_umask_that_toru_was_started_with(server: Server, admin: httpx.AsyncClient) -> None:
    ours = os.umask(0o022)
    os.umask(ours)
    script = server.script("umask.sh", "umask; exec 2>/dev/null")
    started = (await admin.post("/api/runs", json={"script": script})).json()
    stream = await admin.get(f"/api/runs/{started['id']}/stream")
    assert f'"data": "{ours:04o}"' in stream.text.replace('":"', '": "'), stream.text
