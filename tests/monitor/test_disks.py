"""The disks: each once, as `df` says it, and gone when it is unmounted."""

import os
import subprocess
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from app.monitor.disks import DiskReader


def test_the_root_disk_is_as_df_says() -> None:
    told = subprocess.run(
        ["df", "-B1", "--output=size,used,avail", "/"], capture_output=True, text=True, check=True
    ).stdout.split()[-3:]
    size, used, available = map(int, told)
    root = next(disk for disk in DiskReader().read() if disk.mount_point == "/")
    assert root.total_space == size
    assert root.used_space == pytest.approx(used, abs=256 * 2**20)
    assert root.available_space == pytest.approx(available, abs=256 * 2**20)
    assert root.usage_percent == pytest.approx(100 * used / (used + available), abs=0.2)


class Mounts:
    """A machine's mounts as psutil would list them, on real folders."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.table = folder / "mounts"
        self.parts: list[SimpleNamespace] = []
        monkeypatch.setattr(psutil, "disk_partitions", lambda **_: self.parts)

    def mount(self, device: str, name: str, fstype: str = "ext4") -> str:
        point = self.folder / name
        point.mkdir(exist_ok=True)
        self.parts.append(SimpleNamespace(device=device, mountpoint=str(point), fstype=fstype))
        self._write()
        return str(point)

    def unmount(self, point: str) -> None:
        self.parts = [part for part in self.parts if part.mountpoint != point]
        self._write()

    def _write(self) -> None:
        self.table.write_text("\n".join(f"{p.device} {p.mountpoint} {p.fstype}" for p in self.parts))

    def shown(self, reader: DiskReader) -> list[str]:
        return [disk.mount_point for disk in reader.read()]


@pytest.fixture
def mounts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mounts:
    return Mounts(tmp_path, monkeypatch)


@pytest.mark.fault("O18")
def test_an_unmounted_disk_is_gone_although_its_folder_is_still_there(mounts: Mounts) -> None:
    reader = DiskReader(mounts.table)
    data, backup = mounts.mount("/dev/sda1", "data"), mounts.mount("/dev/sdb1", "backup")
    assert mounts.shown(reader) == [backup, data]
    mounts.unmount(backup)
    assert os.path.isdir(backup)
    assert mounts.shown(reader) == [data]


def test_a_disk_that_is_mounted_twice_shows_once_where_its_path_is_shortest(mounts: Mounts) -> None:
    mounts.mount("/dev/sda1", "srv-www-shared")
    data = mounts.mount("/dev/sda1", "data")
    assert mounts.shown(DiskReader(mounts.table)) == [data]


def test_images_and_single_files_are_no_disks(mounts: Mounts) -> None:
    data = mounts.mount("/dev/sda1", "data")
    mounts.mount("/dev/loop1", "snap-core", "squashfs")
    hosts = mounts.folder / "hosts"
    hosts.write_text("")
    mounts.parts.append(SimpleNamespace(device="/dev/sdc1", mountpoint=str(hosts), fstype="ext4"))
    assert mounts.shown(DiskReader(mounts.table)) == [data]


@pytest.mark.fault("O18")
def test_a_disk_that_refuses_is_left_out(mounts: Mounts, monkeypatch: pytest.MonkeyPatch) -> None:
    data, broken = mounts.mount("/dev/sda1", "data"), mounts.mount("/dev/sdb1", "broken")
    measure = psutil.disk_usage

    def disk_usage(path: str) -> object:
        if path == broken:
            raise OSError(5, "Input/output error")
        return measure(path)

    monkeypatch.setattr(psutil, "disk_usage", disk_usage)
    assert mounts.shown(DiskReader(mounts.table)) == [data]


def test_the_table_of_mounts_is_parsed_only_when_it_changed(mounts: Mounts, monkeypatch: pytest.MonkeyPatch) -> None:
    reader, parsed = DiskReader(mounts.table), []

    def disk_partitions(**_: object) -> list[SimpleNamespace]:
        parsed.append(len(mounts.parts))
        return mounts.parts

    monkeypatch.setattr(psutil, "disk_partitions", disk_partitions)
    root, data = mounts.mount("/dev/sda1", "/"), mounts.mount("/dev/sdb1", "data")
    assert [mounts.shown(reader) for _ in range(3)] == [[root, data]] * 3
    assert parsed == [2]
    backup = mounts.mount("/dev/sdc1", "backup")
    assert mounts.shown(reader) == [root, backup, data]
    assert parsed == [2, 3]
