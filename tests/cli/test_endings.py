"""How commands end that do not end by themselves: a line that says what to do, and a code."""

import asyncio
import inspect
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from app.cli import core, start
from app.core.config import AnotherUsersFile
from tests.cli.calling import environment, toru
from tests.cli.calling import start as start_process
from tests.support.server import ROOT, Server
from tests.support.unprivileged import AS_NOBODY, open_folder, open_python

pytestmark = pytest.mark.allows_blocking  # a command may hold up its own loop


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["usr"], "No such command 'usr'"),
        (["user", "ad"], "No such command 'ad'"),
        (["user", "add"], "Missing argument 'USERNAME'. See: ./toru user add --help"),
        (["user", "list", "--jsn"], "No such option"),
        (["runs", "list", "--limit", "many"], "Invalid value for '-n'"),
        (["runs", "start", "--follow", "--json", "x.sh"], "Leave one out. See: ./toru runs start --help"),
    ],
)
def test_what_is_not_understood_is_one_line(arguments: list[str], told: str, tmp_path: Path) -> None:
    done = toru(tmp_path, *arguments)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("toru: ")
    assert told in done.err
    assert done.err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [["status"], ["user", "list"], ["token", "list"], ["runs", "list"], ["audit", "verify"], ["plugin", "list"]],
    ids=" ".join,
)
def test_the_wrong_folder_is_told_and_nothing_is_made_in_it(arguments: list[str], tmp_path: Path) -> None:
    done = toru(tmp_path / "wrong", *arguments)
    assert (done.code, done.out) == (69, "")
    assert str(tmp_path / "wrong") in done.err
    assert done.err.count("\n") == 1
    assert not (tmp_path / "wrong").exists()


def test_a_file_that_is_not_there_is_told_apart_from_a_core_that_is_not(tmp_path: Path) -> None:
    done = toru(tmp_path, "restore", str(tmp_path / "none"))
    assert (done.code, done.err) == (74, f"toru: {tmp_path / 'none'} cannot be used: No such file or directory.\n")


@pytest.mark.parametrize("value", ["", "http"])
def test_a_wrong_configuration_is_told(value: str, tmp_path: Path) -> None:
    done = toru(tmp_path, "status", STEERING_PORT=value or "0")
    assert (done.code, done.err.startswith("toru: STEERING_PORT")) == (78, True)


def test_the_configuration_of_another_user_ends_as_its_folder_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def belongs_to_another(_: object) -> None:
        raise AnotherUsersFile(".env belongs to the user ada.")

    monkeypatch.setattr("app.core.config.load_config", belongs_to_another)
    done = toru(tmp_path, "status")
    assert (done.code, done.err) == (77, "toru: .env belongs to the user ada.\n")


def test_a_reader_that_leaves_ends_it_quietly(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as left:
        ended = subprocess.run(
            [sys.executable, "-m", "app.cli", "config", "show"],
            cwd=ROOT,
            env=environment(tmp_path),
            stdout=left,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert (ended.returncode, ended.stderr) == (141, b"")


@pytest.mark.parametrize("arguments", [["--help"], ["config", "show"]])
def test_a_full_disk_under_what_is_printed_is_told(arguments: list[str], tmp_path: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "app.cli", *arguments],
            cwd=ROOT,
            env=environment(tmp_path),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 74
    assert done.stderr == "toru: What this prints cannot be written: No space left on device.\n"


@pytest.mark.parametrize("arguments", ["--help", "config show", "user add ada --password-stdin"])
def test_streams_that_the_caller_closed_are_no_mistake_of_ours(arguments: str, tmp_path: Path) -> None:
    command = f'exec "{sys.executable}" -m app.cli {arguments} <&- >&-'
    done = subprocess.run(
        ["sh", "-c", command], cwd=ROOT, env=environment(tmp_path), capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr
    assert "mistake" not in done.stderr
    assert done.returncode == (1 if "add" in arguments else 0), "an empty password is refused"


def test_ctrl_c_before_anything_began_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    async def work() -> None: ...

    monkeypatch.setattr("asyncio.run", interrupted)
    begun = work()
    with pytest.raises(KeyboardInterrupt):
        core.finish(begun)
    assert inspect.getcoroutinestate(begun) == inspect.CORO_CLOSED


def test_ctrl_c_ends_it_quietly(server: Server) -> None:
    server.script("long.sh", "echo begun; sleep 60")
    run_id = toru(server.data_dir, "runs", "start", "long.sh").out.strip()
    with start_process(server.data_dir, "runs", "follow", run_id) as following:
        assert following.stdout is not None
        assert following.stdout.readline() == "begun\n"
        following.send_signal(signal.SIGINT)
        _, complaint = following.communicate(timeout=30)
    assert following.returncode == 130
    assert complaint == f"toru: The run goes on. Follow it again with: ./toru runs follow {run_id}\n"
    assert toru(server.data_dir, "runs", "cancel", run_id).out == "It is being ended.\n"
    assert toru(server.data_dir, "runs", "follow", run_id).code == 143


def test_a_core_that_hangs_is_told_soon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(core, "PING_SECONDS", 0.1)
    monkeypatch.setattr("app.core.secret_pipe.forbid_dumps", lambda: None)
    monkeypatch.setenv("TORU_DATA_DIR", str(tmp_path))
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "control.sock"))
        silent.listen()
        for arguments in (["user", "list"], ["plugin", "list"], ["token", "list"]):
            assert start.run(arguments) == 69
            assert f"The core on {tmp_path} did not answer." in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["control.sock"], "nobody touches what it may be writing"


async def test_a_core_of_another_version_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from app.control import ControlServer

    async def version(_: object) -> str:
        return "0.0.1"

    server = ControlServer(tmp_path, {"version": version})
    await server.open()
    try:
        done = await asyncio.to_thread(toru, tmp_path, "token", "list")
        followed = await asyncio.to_thread(toru, tmp_path, "runs", "follow", "0" * 32)
    finally:
        await server.close()
    for told in (done, followed):
        assert told.code == 1
        assert "does not know this command; is it another version? Restart it after an upgrade." in told.err


@pytest.mark.needs("root", "nobody")
def test_an_env_file_of_another_user_says_who_may() -> None:
    folder = open_folder()
    try:
        (folder / ".env").touch(0o600)
        code = "import sys; from pathlib import Path; from app.core.config import *; read_env_file(Path(sys.argv[1]))"
        done = subprocess.run(
            [*AS_NOBODY, str(open_python()), "-c", code, str(folder / ".env")],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        told = f"{folder / '.env'} belongs to the user root. Run this as that user: sudo -u root ./toru …"
        assert f"AnotherUsersFile: {told}" in done.stderr
    finally:
        shutil.rmtree(folder)


@pytest.mark.needs("root", "nobody")
@pytest.mark.parametrize("running", [True, False])
def test_another_users_folder_is_told(running: bool, database_template: Path) -> None:
    folder = open_folder()
    try:
        shutil.copy(database_template, folder / "toru.db")
        with socket.socket(socket.AF_UNIX) as ours:
            if running:
                ours.bind(str(folder / "control.sock"))
                (folder / "control.sock").chmod(0o600)
                ours.listen()
            done = subprocess.run(
                [*AS_NOBODY, str(open_python()), "-m", "app.cli", "user", "list"],
                cwd=ROOT,
                env=environment(folder),
                capture_output=True,
                text=True,
                check=False,
            )
        assert (done.returncode, done.stdout) == (77, "")
        assert done.stderr.startswith(f"toru: {folder} belongs to ")
        assert done.stderr.count("\n") == 1
    finally:
        shutil.rmtree(folder)


@pytest.mark.needs("root")
def test_root_writes_nothing_into_anothers_folder(database_template: Path, tmp_path: Path) -> None:
    """What root made there, its owner could not use."""
    shutil.copy(database_template, tmp_path / "toru.db")
    os.chown(tmp_path, 65534, 65534)
    done = toru(tmp_path, "user", "list")
    assert done.code == 77
    assert "sudo -u nobody ./toru" in done.err
    restored = toru(tmp_path, "restore", str(tmp_path / "toru.db"))
    assert (restored.code, "sudo -u nobody ./toru" in restored.err) == (77, True), restored.err
    assert [path.name for path in tmp_path.iterdir()] == ["toru.db"]


def test_a_mistake_of_ours_is_one_line_unless_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def break_down(*_: object, **__: object) -> None:
        raise KeyError("a mistake")

    monkeypatch.setattr(start.toru, "main", break_down)
    assert start.run(["status"]) == 70
    assert capsys.readouterr().err.startswith("toru: This is a mistake of ours (KeyError: 'a mistake').")
    monkeypatch.setenv("TORU_TRACEBACK", "1")
    assert start.run(["status"]) == 70
    assert "Traceback" in capsys.readouterr().err
