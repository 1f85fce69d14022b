"""What a process and everything below it use. Reads block, some 50 µs a process; one thread owns an instance."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

SHORTEST = 0.5
"""Seconds between two looks below which a share of the processor says nothing."""

MOST = 1000
"""Processes of one family that are looked at."""


@dataclass(frozen=True, slots=True)
class Usage:
    """One family of processes.

    Attributes:
        cpu_percent: of one core since the look before; at the first look, since the family's head was started.
        memory: resident bytes; what members share counts for each.
    """

    cpu_percent: float
    memory: int


class FamilyReader:
    """Measures families by the process id of their head, each against the look before.

    Args:
        proc: where the process file system is mounted.
    """

    def __init__(self, proc: Path = Path("/proc")) -> None:
        self._proc = proc
        self._before: dict[psutil.Process, tuple[float, float]] = {}  # head: (when, processor seconds)
        self._known: dict[psutil.Process, Usage] = {}

    def read(self, heads: Iterable[int]) -> dict[int, Usage]:
        """The usage of those families whose head lives."""
        found: dict[psutil.Process, Usage] = {}
        before: dict[psutil.Process, tuple[float, float]] = {}
        for pid in heads:
            try:
                head = psutil.Process(pid)
                found[head], before[head] = self._measure(head)
            except psutil.Error:
                continue
        self._known, self._before = found, before
        return {head.pid: usage for head, usage in found.items()}

    def _measure(self, head: psutil.Process) -> tuple[Usage, tuple[float, float]]:
        # A member that ended has left its seconds to its parent, which counts them with its own.
        spent, memory = 0.0, 0
        for pid in self._members(head.pid):
            try:
                process = head if pid == head.pid else psutil.Process(pid)
                with process.oneshot():
                    spent += sum(process.cpu_times()[:4])
                    memory += process.memory_info().rss
            except psutil.Error:
                if pid == head.pid:
                    raise
        now = time.monotonic()
        started = now - max(0.0, time.time() - head.create_time())
        since, spent_before = self._before.get(head, (started, 0.0))
        if now - since < SHORTEST and head in self._known:
            return Usage(self._known[head].cpu_percent, memory), (since, spent_before)
        percent = 100 * max(0.0, spent - spent_before) / max(now - since, SHORTEST)
        return Usage(round(percent, 1), memory), (now, spent)

    def _members(self, head: int) -> Iterator[int]:
        """The process and its descendants, as far as the kernel lists children."""
        waiting, count = [head], 0
        while waiting and count < MOST:
            pid = waiting.pop()
            count += 1
            yield pid
            for children in self._proc.glob(f"{pid}/task/*/children"):
                try:
                    waiting += [int(child) for child in children.read_text().split()]
                except OSError:  # a thread that just ended
                    continue
