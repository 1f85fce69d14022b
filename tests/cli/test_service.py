"""`toru service` as a person types it, in a copy of the project: what is written, and what is refused."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.server import ROOT
from tests.support.unprivileged import AS_NOBODY, open_folder, open_python

UNITS = ("toru.service", "toru-runner-1.socket", "toru-runner-1.service")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the command needs of the project, in a folder with an odd name."""
    root = tmp_path_factory.mktemp("project") / "Toru 5%"
    shutil.copytree(ROOT / "app", root / "app", ignore=shutil.ignore_patterns("__pycache__"))
    return root


def toru(project: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app.cli", "service", *words],
        cwd=project,
        env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": str(project), **environment},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


def test_a_new_installation_is_shown_where_services_keep_things(project: Path) -> None:
    shown = toru(project, "print")
    assert shown.returncode == 0
    for name in UNITS:
        assert f"# {name}\n" in shown.stdout
    assert "StateDirectory=toru\n" in shown.stdout
    assert f"WorkingDirectory={project}".replace("%", "%%") in shown.stdout
    assert "TORU_DATA_DIR=/var/lib/toru" in shown.stderr
    assert not (project / ".env").exists()


def test_one_with_data_keeps_it_where_it_is(project: Path) -> None:
    (project / "data").mkdir()
    (project / "data" / "toru.db").touch()
    try:
        shown = toru(project, "print", "--strict", "--name", "client-b")
    finally:
        shutil.rmtree(project / "data")
    assert shown.stderr == ""
    assert f'ReadWritePaths=-"{project}/data"'.replace("%", "%%") in shown.stdout
    assert "StateDirectory" not in shown.stdout
    assert "Environment=TORU_RUNNER_SOCKET=/run/client-b-runner-1.sock" in shown.stdout


def test_what_only_the_shell_says_is_no_part_of_it(project: Path) -> None:
    shown = toru(project, "print", TORU_DATA_DIR="/srv/elsewhere")
    assert "warning: the service reads .env, not this shell's TORU_DATA_DIR." in shown.stderr
    assert "/srv/elsewhere" not in shown.stdout


@pytest.mark.parametrize("words", [("--name", "../evil"), ("--user", "x\nExecStartPre=/bin/evil")])
def test_a_name_that_is_none_is_refused_in_one_line(project: Path, words: tuple[str, str]) -> None:
    shown = toru(project, "print", *words)
    assert (shown.returncode, shown.stdout) == (1, "")
    assert len(shown.stderr.splitlines()) == 1


@pytest.mark.needs("root", "systemctl")
def test_it_is_installed_into_a_folder_and_removed_from_it(project: Path, tmp_path: Path) -> None:
    without = toru(project, "install", "--root", str(tmp_path))
    assert without.returncode == 78
    assert "ADMIN_PASSWORD is missing" in without.stderr
    assert not list(tmp_path.iterdir())
    (project / ".env").write_text("ADMIN_PASSWORD='Correct-Horse-7'\n")
    (project / ".env").chmod(0o600)
    try:
        done = toru(project, "install", "--root", str(tmp_path))
        assert (done.returncode, done.stderr) == (0, "")
        folder = tmp_path / "etc" / "systemd" / "system"
        assert sorted(path.name for path in folder.iterdir() if path.is_file()) == sorted(UNITS)
        older = folder / "toru-runner-0.service"
        older.write_text((folder / "toru-runner-1.service").read_text())
        assert toru(project, "install", "--root", str(tmp_path)).returncode == 0
        assert not older.exists()
        assert (project / ".env").read_text() == "ADMIN_PASSWORD='Correct-Horse-7'\n"
        assert toru(project, "remove", "--root", str(tmp_path)).returncode == 0
        assert not [path for path in folder.iterdir() if path.is_file()]
        again = toru(project, "remove", "--root", str(tmp_path))
        assert (again.returncode, again.stderr) == (1, "toru: No service toru is installed.\n")
    finally:
        (project / ".env").unlink()


@pytest.mark.needs("nobody")
@pytest.mark.parametrize("command", ["install", "remove"])
def test_without_root_nothing_is_done(command: str) -> None:
    python = [*AS_NOBODY, str(open_python())] if os.geteuid() == 0 else [sys.executable]
    folder = open_folder()
    try:
        done = subprocess.run(
            [*python, "-m", "app.cli", "service", command, "--root", str(folder)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )
        assert (done.returncode, done.stderr) == (1, "toru: This takes root: sudo ./toru service …\n")
        assert not list(folder.iterdir())
    finally:
        shutil.rmtree(folder)
