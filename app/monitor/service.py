"""The machine's figures for pages, REST and sockets: the newest snapshot, the last hour, the processes."""

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta

import orjson

from app.core.clock import Clock, iso
from app.core.errors import Unavailable
from app.core.tasks import TaskKeeper
from app.monitor.disks import DiskReader
from app.monitor.feed import Feed
from app.monitor.history import SECONDS, History
from app.monitor.machine import Machine
from app.monitor.processes import ProcessReader, ProcessScan
from app.monitor.sampler import INTERVAL, Sampler
from app.monitor.schemas import HistoryView, ProcessList, ProcessOrder, Snapshot
from app.monitor.worker import Worker, WorkerBusy

log = logging.getLogger(__name__)

FIRST_LIMIT = 5.0
"""Seconds that the first request after the start waits for the first sample."""

SCAN_LIMIT = 10.0
SCAN_AGE = 1.5
"""Seconds for which a scan of the processes serves everybody who asks."""
SCAN_BASELINE = 0.5
"""Seconds between the two scans that a first look needs."""


class MonitorService:
    """Owns the sampler, the history and the live feed. Everybody who is signed in may see all of it.

    Args:
        clock: for the sampler's ticks and the history's times.
        machine, disks, processes: what is read; others in tests of machines that lack something.
    """

    def __init__(
        self,
        clock: Clock | None = None,
        machine: Machine | None = None,
        disks: DiskReader | None = None,
        processes: ProcessReader | None = None,
    ) -> None:
        self._clock = clock or Clock()
        self._sampler = Sampler(self._clock, machine or Machine(), disks or DiskReader())
        self._processes = processes or ProcessReader()
        self._process_worker = Worker("monitor-processes")
        self._scanning = asyncio.Lock()
        self._scan: ProcessScan | None = None
        self._scanned_at = 0.0
        self._history = History()
        self._tasks = TaskKeeper("monitor")
        self._first = asyncio.Event()
        self._snapshot: Snapshot | None = None
        self._encoded = b""
        self._history_encoded = (0, b"")
        self._sampled_at = 0.0
        self._subscribers: dict[object, Callable[[Snapshot], None]] = {}
        self.feed = Feed()

    async def open(self) -> None:
        """Starts sampling; the first snapshot is there 0.2 s later."""
        self._tasks.spawn(self._sampler.run(self._publish), "sampler")

    async def close(self) -> None:
        """Stops sampling."""
        await self._tasks.close()
        self._sampler.close()
        self._process_worker.close()

    def snapshot(self) -> Snapshot | None:
        """The newest snapshot, at most a second old while the machine answers; None before the first."""
        return self._snapshot

    async def resources_json(self) -> bytes:
        """The newest snapshot as JSON text, encoded once per sample; right after the start it waits for the first.

        Raises:
            Unavailable: the machine has not answered within five seconds.
        """
        if not self._encoded:
            try:
                async with asyncio.timeout(FIRST_LIMIT):
                    await self._first.wait()
            except TimeoutError:
                raise Unavailable("The machine's figures are not available yet. Try again in a moment.") from None
        return self._encoded

    def history(self, seconds: int = SECONDS) -> HistoryView:
        """The last `seconds` (at most an hour) in at most 600 entries."""
        tick, interval, columns = self._history.read(seconds)
        age = self._clock.monotonic() - self._sampled_at + (self._history.last - tick) * INTERVAL
        start = self._clock.now() - timedelta(seconds=age if columns["cpu"] else 0)
        return HistoryView(start=iso(start), tick=tick, interval=interval, **columns)

    def history_json(self, seconds: int = SECONDS) -> bytes:
        """`history` as JSON text; whoever asks for the same between two samples gets the same."""
        if self._history_encoded[0] != seconds:
            self._history_encoded = (seconds, orjson.dumps(self.history(seconds)))
        return self._history_encoded[1]

    async def processes(self, order: ProcessOrder = ProcessOrder.CPU, limit: int = 50) -> ProcessList:
        """The `limit` heaviest processes, at most two seconds old; the first look takes half a second.

        Raises:
            Unavailable: the kernel does not answer.
        """
        async with self._scanning:
            try:
                scan = await self._fresh_scan()
                return await self._process_worker.call(lambda: scan.top(order, limit), SCAN_LIMIT)
            except (TimeoutError, WorkerBusy):
                raise Unavailable("The list of processes cannot be read right now.") from None

    def subscribe(self, callback: Callable[[Snapshot], None]) -> Callable[[], None]:
        """Calls `callback` in the event loop with each new snapshot; the answer ends that."""
        key = object()
        self._subscribers[key] = callback

        def unsubscribe() -> None:
            self._subscribers.pop(key, None)

        return unsubscribe

    async def _fresh_scan(self) -> ProcessScan:
        if self._scan is None or self._clock.monotonic() - self._scanned_at > SCAN_AGE:
            if not self._processes.has_baseline:
                await self._process_worker.call(self._processes.scan, SCAN_LIMIT)
                await asyncio.sleep(SCAN_BASELINE)
            self._scan = await self._process_worker.call(self._processes.scan, SCAN_LIMIT)
            self._scanned_at = self._clock.monotonic()
        return self._scan

    def _publish(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._sampled_at = self._clock.monotonic()
        self._encoded = orjson.dumps(snapshot)
        disk = snapshot.main_disk
        self._history.append(
            snapshot.tick,
            {
                "cpu": snapshot.cpu_percent,
                "memory": snapshot.memory_percent,
                "disk": disk.usage_percent if disk else None,
                "received": snapshot.network_received_rate,
                "transmitted": snapshot.network_transmitted_rate,
            },
        )
        self._history_encoded = (0, b"")
        self._first.set()
        self.feed.publish(self._encoded.decode())
        for callback in list(self._subscribers.values()):
            try:
                callback(snapshot)
            except Exception:
                log.exception("a follower of the machine's figures failed")
