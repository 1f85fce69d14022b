"""`toru plugin`: the plugins of a running core from a terminal, and the conformance kit, as its own process."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path

import pytest

from app.plugins.licences import make_hmac_key
from tests.cli.calling import toru, toru_process
from tests.conftest import StartServer
from tests.plugins.conformance.support import INSTANCE, SAMPLES
from tests.plugins.conformance.test_license_rules import CHECKS_HMAC, SECRET, licensed
from tests.plugins.puppet import deploy, puppet_server
from tests.support.clients import http_client, session_cookies
from tests.support.processes import ProcessWatch
from tests.support.server import ROOT, Server

pytestmark = pytest.mark.allows_blocking  # a command may hold up its own loop


def environment(data_dir: Path, **more: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "TORU_DATA_DIR": str(data_dir), **more}


def run(
    *arguments: str, data_dir: Path = Path("/nowhere"), env: Mapping[str, str] | None = None
) -> tuple[int, str, str]:
    """Runs `toru plugin`; answers code, output and complaints."""
    call = toru_process if arguments[0] == "check" else toru  # which starts processes and waits for them
    return call(data_dir, "plugin", *arguments, **(env or {}))


@pytest.fixture(scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory, process_watch: ProcessWatch) -> AsyncIterator[Server]:
    """A server with one puppet that runs, one that nobody enabled, and a file that is no plugin."""
    folder = tmp_path_factory.mktemp("stage")
    async with puppet_server(folder, process_watch, ["puppet"]) as server:
        deploy(folder / "plugins", "idle")
        (folder / "plugins" / "odd.binary").write_text("not executable")
        async with asyncio.timeout(20):
            while not {"idle", "odd.binary"} <= {line.split()[0] for line in listed(server)}:
                await asyncio.sleep(0.05)
        yield server


def listed(server: Server) -> list[str]:
    code, output, complaints = run("list", data_dir=server.data_dir)
    assert (code, complaints) == (0, "")
    return output.splitlines()


def test_the_list_has_every_plugin_and_what_is_none(stage: Server) -> None:
    assert [re.split(r"  +", line)[:4] for line in listed(stage)] == [
        ["idle", "1", "disabled", "Idle"],
        ["puppet", "1", "ready", "Puppet"],
        ["odd.binary", "refused", "It may not be executed. Allow it with: chmod +x"],
    ]


def test_programs_get_json(stage: Server) -> None:
    told = json.loads(run("list", "--json", data_dir=stage.data_dir)[1])
    assert [plugin["id"] for plugin in told["plugins"]] == ["idle", "puppet"]
    assert told["problems"][0]["file"] == "odd.binary"


async def test_a_plugin_is_enabled_restarted_and_disabled(stage: Server) -> None:
    async with http_client(stage, await session_cookies(stage)) as admin:

        async def pid() -> int | None:
            found: int | None = (await admin.get("/api/plugins/idle")).json()["pid"]
            return found

        assert run("enable", "idle", data_dir=stage.data_dir)[:2] == (0, "Idle is starting.\n")
        first = await until(pid, lambda found: found is not None)
        assert run("restart", "idle", data_dir=stage.data_dir)[0] == 0
        await until(pid, lambda found: found not in (None, first))
        assert run("disable", "idle", data_dir=stage.data_dir)[:2] == (0, "Idle is disabled.\n")
        assert await pid() is None
        code, _, complaint = run("restart", "idle", data_dir=stage.data_dir)
        assert (code, complaint) == (1, "toru: A disabled plugin cannot be restarted. Enable it.\n")


async def until(ask: Callable[[], Awaitable[int | None]], wanted: Callable[[int | None], bool]) -> int | None:
    async with asyncio.timeout(20):
        while not wanted(found := await ask()):
            await asyncio.sleep(0.05)
    return found


@pytest.mark.parametrize("command", ["enable", "disable", "restart", "logs"])
def test_an_unknown_plugin_is_one_sentence(command: str, stage: Server) -> None:
    for name in ("nobody", "../../etc/passwd", ""):
        assert run(command, name, data_dir=stage.data_dir) == (1, "", "toru: There is no such plugin.\n")


@pytest.mark.parametrize("arguments", [("list",), ("enable", "x"), ("logs", "x")])
def test_without_a_core_it_says_so(arguments: tuple[str, ...], tmp_path: Path) -> None:
    assert run(*arguments, data_dir=tmp_path) == (69, "", f"toru: No Toru runs on {tmp_path}.\n")


# -- logs


async def prints(server: Server, text: str, level: str = "info") -> None:
    """Has the puppet's log say something, as if it had printed it."""
    line = {"timestamp": "2027-01-01T00:00:00Z", "level": level, "message": text}
    path = server.data_dir / "logs" / "plugins" / "puppet.log"
    with path.open("a") as file:
        file.write(json.dumps(line) + "\n")


async def test_the_log_is_shown_oldest_first_and_filtered(stage: Server) -> None:
    for number in range(5):
        await prints(stage, f"line {number} \x1b[31m", "warn" if number % 2 else "info")
    shown = run("logs", "puppet", "-n", "3", "--search", "line", data_dir=stage.data_dir)[1]
    assert shown.splitlines() == [
        r"2027-01-01T00:00:00Z info  line 2 \x1b[31m",
        r"2027-01-01T00:00:00Z warn  line 3 \x1b[31m",
        r"2027-01-01T00:00:00Z info  line 4 \x1b[31m",
    ]
    shown = run("logs", "puppet", "--search", "LINE", "--level", "warn", "--json", data_dir=stage.data_dir)[1]
    assert [json.loads(line)["message"][:6] for line in shown.splitlines()] == ["line 1", "line 3"]
    code, _, complaint = run("logs", "puppet", "--level", "loud", data_dir=stage.data_dir)
    assert (code, complaint) == (1, "toru: A level is one of trace, debug, info, warn, error.\n")


async def test_the_log_is_followed_through_a_rotation(stage: Server) -> None:
    await prints(stage, "followed: before")
    command = [sys.executable, "-m", "app.cli", "plugin", "logs", "puppet", "-f", "--search", "followed"]
    follower = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, env=environment(stage.data_dir, PYTHONUNBUFFERED="1"), stdout=subprocess.PIPE
    )
    try:
        assert follower.stdout is not None
        async with asyncio.timeout(30):
            assert (await follower.stdout.readline()).endswith(b"followed: before\n")
            await prints(stage, "followed: first")
            await prints(stage, "of no interest")
            assert (await follower.stdout.readline()).endswith(b"followed: first\n")
            path = stage.data_dir / "logs" / "plugins" / "puppet.log"
            await prints(stage, "followed: last of the old file")
            path.rename(path.with_name("puppet.log.1"))
            await prints(stage, "followed: first of the new file")
            assert (await follower.stdout.readline()).endswith(b"last of the old file\n")
            assert (await follower.stdout.readline()).endswith(b"first of the new file\n")
            follower.send_signal(signal.SIGINT)
            assert await follower.wait() == 0
    finally:
        if follower.returncode is None:
            follower.kill()
            await follower.wait()


# -- the conformance kit


def test_a_good_plugin_is_told_so(tmp_path: Path) -> None:
    code, output, complaints = run("check", str(SAMPLES / "plain-one.binary"), data_dir=tmp_path)
    assert (code, complaints) == (0, "")
    assert output.splitlines()[-1] == "No rule is broken."
    assert "ok    http-answer       A request is answered" in output


def test_a_path_counts_from_where_toru_was_called(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("#!/bin/sh\nexit 3\n")
    (tmp_path / "mine").chmod(0o755)
    code, output, _ = run("check", "mine", env={"TORU_CALLED_FROM": str(tmp_path)})
    assert code == 1
    assert "note  file" in output
    assert "FAIL  metadata" in output
    assert "With --metadata it ended with exit code 3." in output
    assert output.splitlines()[-1] == "1 of 2 rules are broken."


def test_single_rules_as_json(tmp_path: Path) -> None:
    file = SAMPLES / "plain-two.binary"
    code, output, _ = run("check", str(file), "--rule", "ping", "--rule", "sigterm", "--json", data_dir=tmp_path)
    told = [json.loads(line) for line in output.splitlines()]
    assert code == 0
    assert [one["rule"] for one in told] == [
        "file", "metadata", "metadata-again", "start", "http-answer", "ping", "sigterm",
    ]  # fmt: skip
    assert {one["result"] for one in told} == {"ok"}


def test_a_licence_key_comes_from_the_environment(tmp_path: Path) -> None:
    file = licensed(tmp_path, CHECKS_HMAC)
    code, output, _ = run("check", str(file), "--rule", "http-answer")
    assert code == 0
    assert "skip  start" in output
    env = {"TORU_LICENSE_KEY": make_hmac_key(SECRET, INSTANCE, None), "TORU_INSTANCE_ID": INSTANCE}
    code, output, _ = run("check", str(file), "--rule", "http-answer", env=env)
    assert code == 0
    assert "ok    license-foreign" in output
    assert "ok    http-answer" in output


def test_what_is_no_file_or_no_rule_is_one_sentence(tmp_path: Path) -> None:
    assert run("check", str(tmp_path / "no")) == (1, "", f"toru: There is no file {tmp_path / 'no'}.\n")
    code, output, complaint = run("check", str(SAMPLES / "plain-one.binary"), "--rule", "http-anwser")
    assert (code, output) == (2, "")
    assert "http-anwser" in complaint


async def test_the_check_leaves_nothing_when_it_is_interrupted(start_server: StartServer, tmp_path: Path) -> None:
    """What every test ends with looks for survivors."""
    text = (SAMPLES / "plain-one.binary").read_text()
    file = tmp_path / "slow.binary"
    file.write_text(text.replace('if message["type"] == "http"', "if False"))
    file.chmod(0o755)
    checking = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "app.cli", "plugin", "check", str(file),
        cwd=ROOT, env=environment(tmp_path, PYTHONUNBUFFERED="1"), stdout=subprocess.PIPE,
    )  # fmt: skip
    assert checking.stdout is not None
    async with asyncio.timeout(30):
        while b" start " not in await checking.stdout.readline():
            pass
        checking.send_signal(signal.SIGINT)
        assert await checking.wait() == 130
