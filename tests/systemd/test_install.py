"""Units are placed, enabled and removed: by the real systemctl in a folder, by a stand-in where it acts."""

import os
import pwd
import stat
from pathlib import Path

import pytest

from app.systemd.fitness import account, hand_over, require_name, require_runnable, require_user
from app.systemd.install import CannotInstall, Systemd, add_lines, services_of
from app.systemd.units import Deployment, units
from tests.systemd.test_units import deployment

ENABLED = ("toru.service", "toru-runner-1.socket")


def folder_of(system: Path) -> Path:
    return system / "etc" / "systemd" / "system"


@pytest.mark.needs("systemctl")
def test_installed_units_start_with_the_machine_until_they_are_removed(tmp_path: Path) -> None:
    systemd, texts = Systemd(tmp_path), units(deployment())
    systemd.install(texts, ENABLED)
    folder = folder_of(tmp_path)
    assert {name: (folder / name).read_text() for name in texts} == texts
    assert {stat.S_IMODE((folder / name).stat().st_mode) for name in texts} == {0o644}
    assert (folder / "multi-user.target.wants" / "toru.service").is_symlink()
    assert (folder / "sockets.target.wants" / "toru-runner-1.socket").is_symlink()
    found = systemd.found("toru")
    assert sorted(found) == sorted(texts)
    systemd.remove(found)
    assert not [path for path in folder.rglob("*") if not path.is_dir()]
    assert systemd.found("toru") == []


@pytest.mark.needs("systemctl")
def test_to_install_again_renews_the_units(tmp_path: Path) -> None:
    systemd = Systemd(tmp_path)
    systemd.install(units(deployment()), ENABLED)
    systemd.install(units(deployment(is_strict=True)), ENABLED)
    assert "NoNewPrivileges=yes" in (folder_of(tmp_path) / "toru.service").read_text()


@pytest.mark.parametrize("name", ["toru.service", "toru-runner-1.service"])
def test_a_unit_of_somebody_else_is_left_alone(tmp_path: Path, name: str) -> None:
    unit = folder_of(tmp_path) / name
    unit.parent.mkdir(parents=True)
    unit.write_text("[Service]\nExecStart=/usr/bin/theirs\n")
    systemd = Systemd(tmp_path)
    with pytest.raises(CannotInstall, match="not ours"):
        systemd.install(units(deployment()), ENABLED)
    with pytest.raises(CannotInstall, match="not ours"):
        systemd.found("toru")
    assert [path.name for path in unit.parent.iterdir()] == [name]
    assert "theirs" in unit.read_text()


def test_one_of_several_is_told_from_the_others(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    folder.mkdir(parents=True)
    for name in ("toru", "toru-runner", "toru-b"):
        for unit, text in units(deployment(name=name)).items():
            (folder / unit).write_text(text)
    assert Systemd(tmp_path).found("toru") == ["toru.service", "toru-runner-1.socket", "toru-runner-1.service"]


def test_the_units_of_a_folder_are_found_whatever_their_name(tmp_path: Path) -> None:
    theirs = tmp_path / 'Toru "5 %s" $HOME'
    for name, root in (("toru", tmp_path / "a"), ("client-b", theirs), ("client-c", theirs)):
        for unit, text in units(deployment(root=root, name=name)).items():
            (tmp_path / unit).write_text(text)
    (tmp_path / "other.service").write_text(f"[Service]\nWorkingDirectory={tmp_path / 'a'}\n")
    (tmp_path / "broken.service").symlink_to("nothing")
    assert services_of(tmp_path / "a", tmp_path) == ["toru.service"]
    assert services_of(theirs, tmp_path) == ["client-b.service", "client-c.service"]
    assert services_of(tmp_path / "b", tmp_path) == services_of(tmp_path / "\n", tmp_path) == []
    assert services_of(tmp_path / "a", tmp_path / "nothing") == []


@pytest.fixture
def live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine that runs systemd, by the look of it; what systemctl was told is in the file."""
    called, program = tmp_path / "called", tmp_path / "bin" / "systemctl"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$@" >> {called}\n[ "$1" != is-active ] || exit 3\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setattr("app.systemd.install.BOOTED", tmp_path)
    monkeypatch.setattr("app.systemd.install.FOLDER", tmp_path / "units")
    return called


def test_where_systemd_runs_it_reads_them_anew_and_a_removed_runner_goes_on(live: Path) -> None:
    systemd = Systemd(Path("/"))
    systemd.install(units(deployment()), ENABLED)
    assert live.read_text().splitlines() == ["daemon-reload", f"enable {' '.join(ENABLED)}"]
    live.unlink()
    systemd.remove(systemd.found("toru"))
    assert live.read_text().splitlines() == [f"disable --now {' '.join(ENABLED)}", "daemon-reload"]
    assert not systemd.is_active("toru")


def test_what_systemctl_says_is_passed_on(live: Path, tmp_path: Path) -> None:
    (tmp_path / "bin" / "systemctl").write_text("#!/bin/sh\necho It is Monday. >&2\nexit 1\n")
    with pytest.raises(CannotInstall, match="It is Monday"):
        Systemd(Path("/")).do("start", "toru.service")


def test_a_machine_without_systemd_is_told_of_print(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("app.systemd.install.BOOTED", tmp_path / "nothing")
    with pytest.raises(CannotInstall, match="toru service print"):
        Systemd(Path("/"))


@pytest.mark.parametrize(
    ("before", "after"), [(None, "A=b\n"), ("", "A=b\n"), ("X=y\n", "X=y\nA=b\n"), ("X=y", "X=y\nA=b\n")]
)
def test_lines_are_added_to_env_and_nothing_is_lost(tmp_path: Path, before: str | None, after: str) -> None:
    file = tmp_path / ".env"
    if before is not None:
        file.write_text(before)
        file.chmod(0o600)
    add_lines(file, ["A=b"])
    assert file.read_text() == after
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "name", ["", "../toru", "a b", "*", "-toru", ".toru", "toru@1", "t" * 65, "toru\n", "toru-runner-1", "a-runner-2x"]
)
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(CannotInstall):
        require_name(name)


@pytest.mark.parametrize("name", ["", "a b", "%u", "x\nExecStartPre=/bin/evil", "-x", "a:b", "/root"])
def test_a_user_that_no_unit_can_name_is_refused(name: str) -> None:
    with pytest.raises(CannotInstall):
        require_user(name)
    require_user("ada.b-c@example.com")


def test_a_user_that_is_not_there_is_told_with_the_way_to_make_it() -> None:
    with pytest.raises(CannotInstall, match="useradd --system"):
        account("nobody-of-that-name")


@pytest.mark.needs("root")
def test_a_user_who_cannot_run_toru_is_told_before_anything_is_written(tmp_path: Path) -> None:
    (tmp_path / "toru").write_text("#!/bin/sh\nexit 0\n")
    (tmp_path / "toru").chmod(0o700)
    require_runnable(tmp_path, pwd.getpwnam("root"))
    with pytest.raises(CannotInstall, match="cannot run"):
        require_runnable(tmp_path, pwd.getpwnam("daemon"))


@pytest.mark.needs("root")
def test_what_the_user_needs_is_given_to_it_but_no_data_of_others(tmp_path: Path) -> None:
    daemon = pwd.getpwnam("daemon")
    made = _below(tmp_path, "daemon")
    env_file = tmp_path / ".env"
    env_file.write_text("A=b\n")
    told = hand_over(made, env_file, daemon)
    assert len(told) == 1
    given = (env_file, made.data_dir, made.log_dir, made.plugins_dir / ".metadata")
    assert {path.stat().st_uid for path in given} == {daemon.pw_uid}
    assert hand_over(made, env_file, daemon) == []
    os.chown(made.data_dir, 12345, 12345)
    with pytest.raises(CannotInstall, match="chown -R daemon:"):
        hand_over(made, env_file, daemon)
    assert hand_over(_below(tmp_path, "root"), env_file, pwd.getpwnam("root")) == []


def _below(folder: Path, user: str) -> Deployment:
    return deployment(
        data_dir=folder / "data", log_dir=folder / "logs", plugins_dir=folder / "plugins", user=user, root=folder
    )
