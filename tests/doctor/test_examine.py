"""The doctor's checks, each on a deployment that has what it looks for."""

import os
import socket
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.core.config import load_config
from app.doctor import deployment, folders, machine, running
from app.doctor.examine import CHECKS, examine
from app.doctor.findings import Finding, Level
from app.doctor.scene import Scene
from app.version import VERSION
from tests.support.server import ROOT

Check = Callable[[Scene], Iterator[Finding]]
STATUS = {
    "version": VERSION,
    "pid": 1,
    "host": "127.0.0.1",
    "port": 1,
    "problem": None,
    "last_problem": None,
    "scripts_dir": "/nowhere",
}


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Scene]:
    """A deployment below a folder of its own; what it has else comes as values of the environment."""
    for name in ("data", "scripts", "plugins", "logs"):
        (tmp_path / name).mkdir(mode=0o700)

    def make(status: dict[str, Any] | None = None, silence: str | None = None, **env: str) -> Scene:
        for name in list(os.environ):
            if name.startswith(("TORU_", "STEERING_", "ADMIN_", "PRODUCTION", "TRUST_", "SECURE_")):
                monkeypatch.delenv(name)
        values = {f"TORU_{name.upper()}_DIR": str(tmp_path / name) for name in ("data", "scripts", "plugins")}
        values["TORU_LOG_DIR"] = str(tmp_path / "logs")
        return Scene(load_config(values | env, env_file=None), status, silence, root=tmp_path)

    return make


def worst(check: Check, scene: Scene) -> Finding:
    """The most serious thing that it finds; what is to be mended says how, here or in its sentence."""
    found = list(check(scene))
    assert found
    return max(found, key=lambda finding: [Level.OK, Level.WARN, Level.FAIL].index(finding.level))


def test_a_sound_deployment_has_nothing_to_mend(scene: Callable[..., Scene]) -> None:
    sound = scene(ADMIN_PASSWORD="Correct-Horse-7", STEERING_PORT="34567")
    for check in (
        *(deployment.check_password, deployment.check_address, deployment.check_proxy, deployment.check_access),
        *(folders.check_data, folders.check_logs, folders.check_scripts, folders.check_plugins),
        *(machine.check_python, machine.check_programs, machine.check_temporary_folder, running.check_database),
    ):
        assert worst(check, sound).level is Level.OK, check


def test_the_lock_of_this_installation_is_understood_whatever_python_runs(scene: Callable[..., Scene]) -> None:
    """A library may be in it once for each version of Python, and not at all for this system."""
    (there,) = machine.check_packages(replace(scene(), root=ROOT))
    assert there.level is Level.OK, there


@pytest.mark.parametrize(
    ("check", "env", "level", "says"),
    [
        (deployment.check_password, {}, Level.WARN, "each start invents another one"),
        (deployment.check_password, {"ADMIN_PASSWORD": "weak"}, Level.WARN, "is weak"),
        (deployment.check_password, {"ADMIN_PASSWORD": "weak", "PRODUCTION": "1"}, Level.FAIL, "is weak"),
        (deployment.check_password, {"PRODUCTION": "1"}, Level.FAIL, "would not start"),
        (deployment.check_address, {"TORU_PUBLIC_URL": "https://x.example"}, Level.WARN, "without it"),
        (deployment.check_address, {"TORU_PUBLIC_URL": "http://x.example", "PRODUCTION": "1"}, Level.FAIL, "nobody"),
        (deployment.check_address, {"STEERING_HOST": "0.0.0.0"}, Level.WARN, "without TLS"),
        (deployment.check_proxy, {"TORU_PUBLIC_URL": "https://x.example"}, Level.WARN, "all clients are one"),
        (deployment.check_proxy, {"TRUST_PROXY": "true"}, Level.WARN, "no proxy in sight"),
        (deployment.check_proxy, {"TORU_TRUSTED_PROXIES": "0.0.0.0/0"}, Level.FAIL, "any address"),
        (
            deployment.check_access,
            {"TORU_ACCESS_TEAM": "http://127.0.0.1:1", "TORU_ACCESS_AUDIENCE": "a1"},
            Level.WARN,
            "without TLS",
        ),
    ],
)
def test_what_does_not_fit_together_is_told(
    check: Check, env: dict[str, str], level: Level, says: str, scene: Callable[..., Scene]
) -> None:
    found = worst(check, scene(**env))
    assert (found.level, says in found.says) == (level, True), found
    assert found.mend


def test_who_may_read_and_change_secrets(scene: Callable[..., Scene], tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("ADMIN_PASSWORD=x")
    for mode, level in ((0o600, Level.OK), (0o644, Level.WARN), (0o666, Level.FAIL)):
        (tmp_path / ".env").chmod(mode)
        assert worst(deployment.check_env_file, scene()).level is level
    (tmp_path / "data" / "second-factor.key").write_bytes(b"k")
    (tmp_path / "data" / "second-factor.key").chmod(0o640)
    assert "second-factor.key" in worst(folders.check_data, scene()).mend
    (tmp_path / "data" / "second-factor.key").chmod(0o600)
    (tmp_path / "data").chmod(0o777)
    assert worst(folders.check_data, scene()).level is Level.FAIL


def test_folders_that_are_not_there(scene: Callable[..., Scene], tmp_path: Path) -> None:
    later = scene(TORU_DATA_DIR=str(tmp_path / "later"))
    assert worst(folders.check_data, later).level is Level.OK
    (tmp_path / "file").touch()
    never = scene(TORU_DATA_DIR=str(tmp_path / "file" / "below"), TORU_LOG_DIR="/proc/none")
    assert worst(folders.check_data, never).level is Level.FAIL
    assert worst(folders.check_scripts, scene(TORU_SCRIPTS_DIR=str(tmp_path / "none"))).level is Level.FAIL


def test_scripts_and_plugins_that_cannot_run(scene: Callable[..., Scene], tmp_path: Path) -> None:
    scripts = tmp_path / "scripts"
    (scripts / "good.sh").write_text("#!/bin/sh\n")
    (scripts / "windows.sh").write_bytes(b"#!/bin/sh\r\necho\r\n")
    (scripts / "windows.sh").chmod(0o755)
    (scripts / "lost.sh").write_text("#!/opt/none\n")
    (scripts / "lost.sh").chmod(0o755)
    (scripts / "open.sh").write_text("#!/bin/sh\n")
    (scripts / "open.sh").chmod(0o777)
    told = "\n".join(f"{one.level} {one.says}" for one in folders.check_scripts(scene()))
    assert "good.sh" not in told
    for name, reason in (("windows.sh", "CRLF"), ("lost.sh", "/opt/none"), ("open.sh", "Every user")):
        assert any(name in line and reason in line for line in told.splitlines())
    (tmp_path / "plugins" / "odd.binary").write_text("x")
    assert "odd.binary is not run. It may not be executed." in worst(folders.check_plugins, scene()).says


def test_a_plugins_folder_that_cannot_be_used(
    scene: Callable[..., Scene], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "plugins").chmod(0o777)
    assert "Everybody may put plugins" in worst(folders.check_plugins, scene()).says
    (tmp_path / "file").touch()
    assert "is no folder" in worst(folders.check_plugins, scene(TORU_PLUGINS_DIR=str(tmp_path / "file"))).says
    monkeypatch.setattr("os.access", lambda *_: False)  # for root, modes mean nothing
    assert "cannot be read by you" in worst(folders.check_plugins, scene()).says


def test_a_database_that_cannot_be_used(scene: Callable[..., Scene], tmp_path: Path, database_template: Path) -> None:
    path = tmp_path / "data" / "toru.db"
    path.write_bytes(database_template.read_bytes())
    assert worst(running.check_database, scene()).level is Level.OK
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    assert "newer version" in worst(running.check_database, scene()).says
    path.write_bytes(database_template.read_bytes()[:9000])
    assert worst(running.check_database, scene()).level is Level.FAIL
    before = sorted(tmp_path.rglob("*"))
    list(running.check_database(scene()))
    assert sorted(tmp_path.rglob("*")) == before
    told = Scene(scene().config, STATUS, database_problem="It is damaged: page 7.", root=tmp_path)
    assert "page 7" in worst(running.check_database, told).says


def test_a_database_of_another_user_is_not_called_damaged(
    scene: Callable[..., Scene], tmp_path: Path, database_template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data" / "toru.db").write_bytes(database_template.read_bytes())
    monkeypatch.setattr("os.access", lambda *_: False)  # for root, modes mean nothing
    found = worst(running.check_database, scene())
    assert (found.level, "chown" in found.mend, "backup" in found.mend) == (Level.FAIL, True, False)


def test_a_key_that_is_damaged(scene: Callable[..., Scene], tmp_path: Path) -> None:
    key = tmp_path / "data" / "second-factor.key"
    key.write_bytes(b"k" * 32)
    key.chmod(0o600)
    assert worst(folders.check_data, scene()).level is Level.OK
    key.write_bytes(b"k" * 31)
    assert f"{key} is damaged" in worst(folders.check_data, scene()).says


def test_a_runner_that_could_not_be_started(
    scene: Callable[..., Scene], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert worst(running.check_runner, scene()).level is Level.OK
    nowhere = scene(TORU_RUNNER_SOCKET=str(tmp_path / "none.sock"))
    assert "none.sock" in worst(running.check_runner, nowhere).says
    monkeypatch.setattr(running, "RUNNER", tmp_path / "none.py")
    assert "is missing" in worst(running.check_runner, scene()).says


def test_a_core_that_is_not_as_it_should_be(scene: Callable[..., Scene]) -> None:
    assert worst(running.check_core, scene()).level is Level.WARN
    assert worst(running.check_core, scene(silence="It hangs.")).says == "It hangs."
    assert "0.0.1 runs" in worst(running.check_core, scene({**STATUS, "version": "0.0.1"})).says
    without_runner = worst(running.check_core, scene({**STATUS, "problem": "No runner."}))
    assert (without_runner.says, without_runner.level) == ("No runner.", Level.FAIL)
    assert worst(running.check_core, scene(STATUS)).level is Level.OK


def test_a_port_that_somebody_else_has(scene: Callable[..., Scene]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert worst(running.check_port, scene(STEERING_PORT=str(port))).level is Level.FAIL
    assert worst(running.check_port, scene(STEERING_PORT=str(port))).level is Level.OK
    elsewhere = worst(running.check_port, scene(STEERING_HOST="192.0.2.1", STEERING_PORT=str(port)))
    assert (elsewhere.level, "STEERING_HOST" in elsewhere.mend) == (Level.FAIL, True)
    assert "does not answer" in worst(running.check_port, scene({**STATUS, "port": port})).says


def test_packages_that_are_not_those_of_the_lock(scene: Callable[..., Scene], tmp_path: Path) -> None:
    assert worst(machine.check_packages, scene()).level is Level.FAIL
    (tmp_path / "requirements.lock").write_text("click==0.0.1 \\\n    --hash=x\nnone-such==1\n")
    assert "click is " in worst(machine.check_packages, scene()).says


def test_programs_that_are_missing(scene: Callable[..., Scene], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    missing = [one.says for one in machine.check_programs(scene())]
    assert missing[0] == "setpriv is missing, so plugins cannot run."


def test_a_check_that_fails_itself_is_a_line_and_the_others_go_on(
    scene: Callable[..., Scene], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Scene) -> Iterator[Finding]:
        raise OSError(5, "Input/output error")

    broken.__name__ = "check_open_files"
    monkeypatch.setattr("app.doctor.examine.CHECKS", (broken, *CHECKS[:2]))
    found = list(examine(scene()))
    assert (found[0].check, found[0].level) == ("open files", Level.WARN)
    assert "Input/output error" in found[0].says
    assert len(found) >= 3


def test_every_finding_is_a_line(scene: Callable[..., Scene]) -> None:
    for finding in examine(scene()):
        assert "\n" not in finding.says + finding.mend
        assert finding.says
        assert finding.level is Level.OK or finding.mend or "Mend it" in finding.says or "chmod" in finding.says
