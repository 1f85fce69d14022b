"""Whether there is room where we write: a disk that gets full, or read-only, is told once and on every page."""

import asyncio
import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from app.core.tasks import TaskKeeper

log = logging.getLogger(__name__)

LOOK_SECONDS = 2.0
LEAST_BYTES = 1 << 20
"""With less than that a disk counts as full: a transaction or a part of an output no longer fits."""

FULL = "is full"
READ_ONLY = "can only be read"
STILL = "Reading, cancelling and signing out work."

Disk = tuple[Path, ...]
"""Those of the folders that lie on one disk."""


class Room:
    """Looks at the disks of some folders.

    Args:
        folders: what each is for, in words, and what does not work without room there.
        every: seconds between two looks.
    """

    def __init__(self, folders: Mapping[Path, tuple[str, str]], every: float = LOOK_SECONDS) -> None:
        self._folders = folders
        self._every = every
        self._found: dict[Disk, str] = {}
        self._watchers: dict[object, Callable[[], None]] = {}
        self._tasks = TaskKeeper("room")

    async def open(self) -> None:
        """Begins."""
        self._tasks.spawn(self._watch(), "looks")

    async def close(self) -> None:
        """Ends."""
        await self._tasks.close()

    @property
    def problems(self) -> list[str]:
        """Sentences for people, one a disk without room; none when all is well."""
        return [self._sentence(disk, state) for disk, state in self._found.items()]

    def subscribe(self, watcher: Callable[[], None]) -> Callable[[], None]:
        """Has `watcher()` called after each change; returns what ends that."""
        key = object()
        self._watchers[key] = watcher
        return lambda: self._watchers.pop(key, None) and None

    async def _watch(self) -> None:
        while True:
            found = await asyncio.to_thread(_without_room, list(self._folders))
            before, self._found = self._found, found
            if found != before:
                self._tell(before)
            await asyncio.sleep(self._every)

    def _tell(self, before: Mapping[Disk, str]) -> None:
        for disk, state in self._found.items():
            if before.get(disk) != state:
                log.warning("%s", self._sentence(disk, state), extra={"event": "no_room", "folder": str(disk[0])})
        for disk in before.keys() - self._found.keys():
            log.info("the disk of %s has room", self._names(disk), extra={"event": "room", "folder": str(disk[0])})
        for watcher in list(self._watchers.values()):
            watcher()

    def _sentence(self, disk: Disk, state: str) -> str:
        consequences = ", ".join(self._folders[folder][1] for folder in disk)
        return f"The disk of {self._names(disk)} ({disk[0]}) {state}: {consequences}. {STILL}"

    def _names(self, disk: Disk) -> str:
        *names, last = (self._folders[folder][0] for folder in disk)
        return f"{', '.join(names)} and {last}" if names else last


def _without_room(folders: list[Path]) -> dict[Disk, str]:
    """The disks that are full or read-only; a folder that is not there yet lies on none. Blocks."""
    found: dict[int, tuple[list[Path], str]] = {}
    for folder in folders:
        try:
            device, disk = folder.stat().st_dev, os.statvfs(folder)
        except OSError:
            continue
        # What is kept for root counts for root.
        free = (disk.f_bfree if os.geteuid() == 0 else disk.f_bavail) * disk.f_frsize
        if disk.f_flag & os.ST_RDONLY:
            found.setdefault(device, ([], READ_ONLY))[0].append(folder)
        elif free < LEAST_BYTES or (disk.f_files and not disk.f_favail):
            found.setdefault(device, ([], FULL))[0].append(folder)
    return {tuple(on_it): state for on_it, state in found.values()}
