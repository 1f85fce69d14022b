"""The one sampler: a snapshot of the machine each second, for everybody."""

import asyncio
import logging
from collections.abc import Callable
from typing import TypeVar

from app.core.clock import Clock
from app.monitor.disks import DiskReader
from app.monitor.machine import Machine
from app.monitor.schemas import DiskUsage, Snapshot
from app.monitor.worker import Worker, WorkerBusy

T = TypeVar("T")

log = logging.getLogger(__name__)

INTERVAL = 1.0
"""Seconds from sample to sample; the length of a tick."""

FIRST_AFTER = 0.2
"""Seconds from the baseline to the first sample: enough for a processor's share, and no wait for the first page."""

DISKS_LIMIT = 0.5
"""Seconds that a sample waits for the disks before it goes on with what they said last."""

DISKS_STALE = 15
"""Samples after which disks that do not answer are absent."""

MACHINE_LIMIT = 10.0


class Sampler:
    """Reads the machine in two threads of its own: one for what always answers, one for the disks, which may hang."""

    def __init__(self, clock: Clock, machine: Machine, disks: DiskReader) -> None:
        self._clock = clock
        self._machine = machine
        self._disks = disks
        self._machine_worker = Worker("monitor-machine")
        self._disk_worker = Worker("monitor-disks")
        self._known: tuple[DiskUsage, ...] = ()
        self._known_at = 0
        self._failing = False

    async def run(self, publish: Callable[[Snapshot], None]) -> None:
        """Samples until cancelled. `publish` is called in the event loop; ticks that could not be kept are left out."""
        while not await self._ask(self._machine.prime):  # noqa: ASYNC110 - no machine tells when it answers again
            await asyncio.sleep(INTERVAL)
        start = self._clock.monotonic() + FIRST_AFTER
        tick = 0
        while True:
            await asyncio.sleep(max(0.0, start + tick * INTERVAL - self._clock.monotonic()))
            snapshot = await self._sample(tick)
            if snapshot is not None:
                publish(snapshot)
            tick = max(tick, int((self._clock.monotonic() - start) / INTERVAL)) + 1

    def close(self) -> None:
        """Lets both threads end; one that hangs is left behind."""
        self._machine_worker.close()
        self._disk_worker.close()

    async def _sample(self, tick: int) -> Snapshot | None:
        disks = await self._read_disks(tick)
        sampled_at = self._clock.now_iso()
        return await self._ask(lambda: self._machine.read(tick, sampled_at, disks))

    async def _ask(self, read: Callable[[], T]) -> T | None:
        """What the machine answers, None when it does not."""
        try:
            answer = await self._machine_worker.call(read, MACHINE_LIMIT)
        except (TimeoutError, WorkerBusy):
            if not self._failing:
                log.warning("the machine does not answer; its figures stand still", extra={"event": "machine_silent"})
            self._failing = True
            return None
        self._failing = False
        return answer

    async def _read_disks(self, tick: int) -> tuple[DiskUsage, ...]:
        try:
            self._known = await self._disk_worker.call(self._disks.read, DISKS_LIMIT)
            self._known_at = tick
        except (TimeoutError, WorkerBusy, OSError) as error:
            if self._known and tick - self._known_at > DISKS_STALE:
                log.warning("the disks do not answer: %r", error)
                self._known = ()
        return self._known
