"""The mounted disks and how full they are. A read can hang on a dying disk, so these have a thread of their own."""

import logging
import os
from pathlib import Path

import psutil

from app.monitor.schemas import DiskUsage

log = logging.getLogger(__name__)

IMAGES = frozenset({"squashfs", "erofs", "iso9660"})
"""Read-only images (snap packages, CDs): always full, never of interest."""


class DiskReader:
    """Lists the machine's disks; the list is made anew only when the table of mounts has changed.

    Args:
        mounts: the kernel's table of mounts.
    """

    def __init__(self, mounts: Path = Path("/proc/self/mounts")) -> None:
        self._mounts = mounts
        self._table: bytes | None = None
        self._disks: list[tuple[str, str, str]] = []

    def read(self) -> tuple[DiskUsage, ...]:
        """Every disk once, by mount point; one that vanished or refuses is left out."""
        table = self._mounts.read_bytes()
        if table != self._table:  # also when something was unmounted: its folder would show the disk below
            self._disks = self._list()
            self._table = table
        return tuple(usage for disk in self._disks if (usage := self._usage(*disk)) is not None)

    def _list(self) -> list[tuple[str, str, str]]:
        visible = {
            part.mountpoint: part for part in psutil.disk_partitions(all=False)
        }  # the last mount hides the others
        if "/" not in visible:  # a container's root is no device, but it is what fills up
            visible.update(
                {part.mountpoint: part for part in psutil.disk_partitions(all=True) if part.mountpoint == "/"}
            )
        by_device: dict[str, tuple[str, str, str]] = {}
        for part in sorted(visible.values(), key=lambda part: (len(part.mountpoint), part.mountpoint)):
            if part.fstype not in IMAGES and os.path.isdir(part.mountpoint):
                by_device.setdefault(part.device, (part.device, part.mountpoint, part.fstype))
        return sorted(by_device.values(), key=lambda disk: disk[1])

    def _usage(self, device: str, mount_point: str, filesystem: str) -> DiskUsage | None:
        try:
            usage = psutil.disk_usage(mount_point)
        except OSError as error:
            log.debug("disk %s at %s cannot be read: %s", device, mount_point, error)
            return None
        if usage.total == 0:
            return None
        return DiskUsage(device, mount_point, filesystem, usage.total, usage.free, usage.used, usage.percent)
