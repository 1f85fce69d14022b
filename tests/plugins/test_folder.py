"""Which files may be run: nothing that somebody else could change, nothing half copied, and nothing that blocks."""

import errno
import fcntl
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from app.plugins.folder import QUIET_SECONDS, Found, PluginFolder
from tests.support.unprivileged import NOBODY


class Seconds:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def folder(tmp_path: Path, seconds: Seconds) -> PluginFolder:
    (tmp_path / "plugins").mkdir(mode=0o755)
    return PluginFolder(tmp_path / "plugins", seconds)


def put(folder: PluginFolder, name: str = "a.binary", mode: int = 0o755) -> Path:
    path = folder.path / name
    path.write_text("#!/bin/sh\n")
    path.chmod(mode)
    return path


def refusal(found: Found, name: str = "a.binary") -> str:
    assert name not in found.files
    return found.refused[name]


def test_binaries_are_found_and_nothing_else(folder: PluginFolder) -> None:
    for name in ("a.binary", "b.binary", "c.bin", ".binary", "notes.txt"):
        put(folder, name)
    (folder.path / "a").mkdir()
    found = folder.look()
    assert list(found.files) == ["a.binary", "b.binary"]
    assert (found.refused, found.busy) == ({}, set())


def test_a_folder_that_is_not_there_holds_nothing(tmp_path: Path, seconds: Seconds) -> None:
    assert PluginFolder(tmp_path / "nowhere", seconds).look() == Found()


def test_another_version_has_another_mark(folder: PluginFolder) -> None:
    path = put(folder)
    first = folder.look().files["a.binary"].mark
    assert folder.look().files["a.binary"].mark == first
    path.write_text("#!/bin/sh\necho\n")
    assert folder.look().files["a.binary"].mark != first


@pytest.mark.fault("G36")
def test_what_everybody_may_change_is_refused(folder: PluginFolder) -> None:
    path = put(folder, mode=0o757)
    assert refusal(folder.look()) == "It may be changed by everybody. Forbid that with: chmod o-w"
    path.chmod(0o755)
    assert "a.binary" in folder.look().files
    folder.path.chmod(0o777)
    assert "The plugins folder may be changed by everybody" in refusal(folder.look())


@pytest.mark.fault("G36")
@pytest.mark.needs("root")
def test_what_a_foreign_group_may_change_is_refused(folder: PluginFolder) -> None:
    path = put(folder, mode=0o775)
    warned = folder.look().files["a.binary"]
    assert warned.warning == "Its group may change it. Forbid that with: chmod g-w"
    os.chown(path, -1, NOBODY)
    assert "may be changed by the group" in refusal(folder.look())
    path.chmod(0o755)
    assert folder.look().files["a.binary"].warning is None


@pytest.mark.fault("G36")
@pytest.mark.needs("root")
def test_what_belongs_to_another_user_is_refused(folder: PluginFolder) -> None:
    path = put(folder)
    os.chown(path, NOBODY, -1)
    assert "belongs to another user" in refusal(folder.look())
    os.chown(path, 0, -1)
    os.chown(folder.path, NOBODY, -1)
    assert "The plugins folder belongs to another user" in refusal(folder.look())


@pytest.mark.fault("G36")
def test_what_may_not_be_executed_is_refused(folder: PluginFolder) -> None:
    put(folder, mode=0o644)
    assert refusal(folder.look()) == "It may not be executed. Allow it with: chmod +x"


@pytest.mark.fault("G36")
def test_links_stay_in_the_folder(folder: PluginFolder, tmp_path: Path) -> None:
    outside = tmp_path / "outside.binary"
    outside.write_text("#!/bin/sh\n")
    outside.chmod(0o755)
    put(folder, "real.binary")
    (folder.path / "inside.binary").symlink_to("real.binary")
    (folder.path / "outside.binary").symlink_to(outside)
    (folder.path / "broken.binary").symlink_to("nothing")
    (folder.path / "loop.binary").symlink_to("loop.binary")
    found = folder.look()
    assert set(found.files) == {"real.binary", "inside.binary"}
    assert refusal(found, "outside.binary") == "It is a link to a file outside of the plugins folder."
    assert refusal(found, "broken.binary") == "It is a link to nothing."
    assert refusal(found, "loop.binary") == "It is a link that leads nowhere."


@pytest.mark.fault("G36")
@pytest.mark.timeout(10)
def test_folders_pipes_and_sockets_are_no_files_and_block_nothing(folder: PluginFolder) -> None:
    (folder.path / "folder.binary").mkdir()
    os.mkfifo(folder.path / "pipe.binary", 0o755)
    (folder.path / "link.binary").symlink_to("pipe.binary")
    found = folder.look()
    assert found.files == {}
    assert {refusal(found, name) for name in ("folder.binary", "pipe.binary", "link.binary")} == {"It is not a file."}


@pytest.mark.fault("G34")
def test_a_file_that_somebody_still_writes_is_not_run(folder: PluginFolder) -> None:
    path = put(folder)
    with path.open("ab"):
        found = folder.look()
        assert (found.files, found.busy) == ({}, {"a.binary"})
    assert "a.binary" in folder.look().files


def test_where_nobody_can_tell_a_file_must_lie_still_for_two_seconds(
    folder: PluginFolder, seconds: Seconds, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = fcntl.fcntl

    def without_leases(fd: int, command: int, argument: Any = 0) -> Any:
        if command == fcntl.F_SETLEASE:
            raise OSError(errno.EINVAL, "no leases here")
        return real(fd, command, argument)

    monkeypatch.setattr(fcntl, "fcntl", without_leases)
    path = put(folder)
    assert folder.look().busy == {"a.binary"}
    seconds.now += QUIET_SECONDS - 0.1
    path.write_text("#!/bin/sh\necho more\n")
    assert folder.look().busy == {"a.binary"}
    seconds.now += QUIET_SECONDS - 0.1
    assert folder.look().busy == {"a.binary"}
    seconds.now += 0.2
    assert "a.binary" in folder.look().files


def test_whoever_opens_a_file_that_is_looked_at_does_not_end_us(tmp_path: Path) -> None:
    """The kernel signals the holder of a lease; by the usual signal a process would die."""
    code = (
        "import fcntl, os, sys, threading\n"
        "from pathlib import Path\n"
        "from app.plugins.folder import PluginFolder\n"
        "real = fcntl.fcntl\n"
        "def slow(fd, command, argument=0):\n"
        "    done = real(fd, command, argument)\n"
        "    if command == fcntl.F_SETLEASE and argument == fcntl.F_RDLCK:\n"
        '        os.system(\'python3 -c "open(\\\\"%s\\\\", \\\\"r+b\\\\").write(b\\\\"#\\\\")" &\' % sys.argv[2])\n'
        "        import time; time.sleep(0.5)\n"
        "    return done\n"
        "fcntl.fcntl = slow\n"
        "print(sorted(PluginFolder(Path(sys.argv[1]), lambda: 1.0).look().files))\n"
    )
    path = tmp_path / "a.binary"
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path), str(path)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "['a.binary']\n"), done.stderr
    assert done.returncode != -signal.SIGIO


def test_a_file_that_cannot_be_read_can_be_run(folder: PluginFolder, seconds: Seconds) -> None:
    put(folder, mode=0o711)
    folder.look()
    seconds.now += QUIET_SECONDS
    assert "a.binary" in folder.look().files


def test_a_copy_under_way_is_busy_until_it_is_whole(folder: PluginFolder, tmp_path: Path) -> None:
    source = Path(shutil.which("true") or "/bin/true").read_bytes()
    target = folder.path / "a.binary"
    with target.open("wb", buffering=0) as file:
        target.chmod(0o755)
        for start in range(0, len(source), 4096):
            file.write(source[start : start + 4096])
            assert folder.look().busy == {"a.binary"}
    assert "a.binary" in folder.look().files
