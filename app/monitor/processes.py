"""The processes of the machine by what they use. Read only while somebody looks: a scan costs 50 µs a process."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import psutil

from app.monitor.schemas import ProcessList, ProcessOrder, ProcessView

STALE = 10.0
"""Seconds after which an earlier scan says nothing about now."""


@dataclass(frozen=True, slots=True)
class _Use:
    process: psutil.Process
    name: str
    cpu_percent: float
    memory: int


WEIGHTS: Final[Mapping[ProcessOrder, Callable[[_Use], tuple[float, float]]]] = MappingProxyType(
    {
        ProcessOrder.CPU: lambda use: (use.cpu_percent, use.memory),
        ProcessOrder.MEMORY: lambda use: (use.memory, use.cpu_percent),
    }
)


@dataclass(frozen=True, slots=True)
class ProcessScan:
    """One scan of all processes; lists are made of it without scanning again."""

    uses: tuple[_Use, ...]
    memory_total: int
    complete: bool

    def top(self, order: ProcessOrder, limit: int) -> ProcessList:
        """The `limit` heaviest; reads the owners' names, so it belongs to the same thread as the scan."""
        heaviest = sorted(self.uses, key=WEIGHTS[order], reverse=True)[:limit]
        return ProcessList([self._view(use) for use in heaviest], total=len(self.uses), complete=self.complete)

    def _view(self, use: _Use) -> ProcessView:
        try:
            username = use.process.username()
        except psutil.Error:  # ended meanwhile, or not ours to see
            username = None
        share = round(100 * use.memory / self.memory_total, 1) if use.memory else None
        return ProcessView(use.process.pid, use.name, username, use.cpu_percent, use.memory or None, share)


class ProcessReader:
    """Scans the processes and measures them against the scan before. Blocks; one thread owns it."""

    def __init__(self) -> None:
        self._spent: dict[psutil.Process, float] = {}
        self._at = 0.0

    @property
    def has_baseline(self) -> bool:
        """Whether the scan before is recent enough to measure against."""
        return bool(self._spent) and time.monotonic() - self._at < STALE

    def scan(self) -> ProcessScan:
        """All processes that can be read; processor time is measured against the scan before."""
        before, elapsed = self._spent, time.monotonic() - self._at
        spent: dict[psutil.Process, float] = {}
        uses = []
        complete = psutil.pid_exists(1)
        for process in psutil.process_iter():
            try:
                with process.oneshot():
                    times = process.cpu_times()
                    use = _Use(process, process.name(), 0.0, process.memory_info().rss)
            except psutil.AccessDenied:
                complete = False
                continue
            except psutil.Error:  # ended while we looked, or a zombie
                continue
            spent[process] = times.user + times.system
            percent = 100 * max(0.0, spent[process] - before.get(process, 0.0)) / elapsed
            uses.append(_Use(process, use.name, round(percent, 1), use.memory))
        self._spent, self._at = spent, time.monotonic()
        return ProcessScan(tuple(uses), psutil.virtual_memory().total, complete)
