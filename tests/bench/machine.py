"""What the kernel says about the product's processes: memory and processor time."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Memory:
    """MB (10^6 bytes): shared pages in proportion, in full, and not at all."""

    pss: float
    rss: float
    private: float


def processes_of(core: int, runners: Sequence[psutil.Process]) -> list[int]:
    """The core, what it started, and its runners, but none of the scripts that run."""
    scripts = {child.pid for runner in runners for child in runner.children(recursive=True)}
    family = [core, *(child.pid for child in psutil.Process(core).children(recursive=True))]
    return sorted({*family, *(runner.pid for runner in runners)} - scripts)


def memory(pids: Sequence[int]) -> Memory:
    """What these processes use together; for other users' processes this takes root."""
    fields = dict.fromkeys(("Pss", "Rss", "Private_Clean", "Private_Dirty"), 0)
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            name, _, value = line.partition(":")
            if name in fields:
                fields[name] += int(value.split()[0])
    private = fields["Private_Clean"] + fields["Private_Dirty"]
    return Memory(*(kibibytes * 1024 / 1e6 for kibibytes in (fields["Pss"], fields["Rss"], private)))


def processor_seconds(pids: Sequence[int]) -> float:
    """Processor time that these processes, with all their threads, have used so far."""
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / TICKS
