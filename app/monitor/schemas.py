"""What leaves the monitor: frozen figures of the machine, named as the wire contract names them.

None (or an empty list) means that this machine lacks the figure or does not show it to us. Only `swap_total` has a
zero that is a fact of its own: no swap is set up.
"""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class CoreUsage:
    """One processor core; usage in percent."""

    name: str
    usage: float


@dataclass(frozen=True, slots=True)
class DiskUsage:
    """One mounted disk; sizes in bytes, `usage_percent` of what ordinary users can have (as `df` says it)."""

    name: str
    mount_point: str
    filesystem: str
    total_space: int
    available_space: int
    used_space: int
    usage_percent: float


@dataclass(frozen=True, slots=True)
class InterfaceTraffic:
    """One network interface: bytes since it came up, and bytes a second since the sample before."""

    name: str
    received: int
    transmitted: int
    received_rate: float | None
    transmitted_rate: float | None


@dataclass(frozen=True, slots=True)
class Host:
    """What the machine calls itself; changes at most with a reboot or an upgrade."""

    system_name: str | None
    kernel_version: str | None
    os_version: str | None
    host_name: str | None
    architecture: str | None
    cpu_model: str | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The machine at one moment; it is also the answer of GET /api/resources.

    Attributes:
        cpu_percent: 0..100 over all cores since the sample before.
        memory_used: bytes that programs cannot have, so that `memory_used / memory_total` is `memory_percent`.
        network_received_rate: bytes a second over the machine's real interfaces, each byte counted once.
        load_average: waiting and running processes over 1, 5 and 15 minutes.
        process_count: None where the kernel hides other users' processes from us.
        tick: number of the sample; it grows by one a second and starts anew with the core.
        sampled_at: ISO 8601 UTC.
    """

    cpu_percent: float | None
    cpu_cores: tuple[CoreUsage, ...]
    memory_percent: float | None
    memory_used: int | None
    memory_total: int | None
    swap_used: int | None
    swap_total: int | None
    uptime_seconds: int | None
    disks: tuple[DiskUsage, ...]
    network: tuple[InterfaceTraffic, ...]
    process_count: int | None
    system_name: str | None
    kernel_version: str | None
    os_version: str | None
    host_name: str | None
    architecture: str | None
    cpu_model: str | None
    load_average: tuple[float, float, float] | None
    network_received_rate: float | None
    network_transmitted_rate: float | None
    tick: int
    sampled_at: str

    @property
    def main_disk(self) -> DiskUsage | None:
        """The disk that people mean by "the disk": the one at `/`, else the largest."""
        for disk in self.disks:
            if disk.mount_point == "/":
                return disk
        return max(self.disks, key=lambda disk: disk.total_space, default=None)


@dataclass(frozen=True, slots=True)
class HistoryView:
    """A stretch of the past as columns of means, one entry per `interval` seconds; None where nothing was measured.

    Attributes:
        start: ISO 8601 UTC moment at which the first entry begins.
        tick: number of the sample at which the first entry begins, a multiple of `interval`.
        interval: seconds that one entry stands for.
        cpu, memory, disk: percent; disk is the main disk.
        received, transmitted: bytes a second over the machine's real interfaces.
    """

    start: str
    tick: int
    interval: int
    cpu: list[float | None]
    memory: list[float | None]
    disk: list[float | None]
    received: list[float | None]
    transmitted: list[float | None]


class ProcessOrder(StrEnum):
    """What the list of processes is sorted by, largest first."""

    CPU = "cpu"
    MEMORY = "memory"


@dataclass(frozen=True, slots=True)
class ProcessView:
    """One process.

    Attributes:
        cpu_percent: of one core, over the last seconds; several threads can pass 100.
        memory: resident bytes, None for a thread of the kernel, which has none of its own.
        username: owner, None where it cannot be read.
    """

    pid: int
    name: str
    username: str | None
    cpu_percent: float
    memory: int | None
    memory_percent: float | None


@dataclass(frozen=True, slots=True)
class ProcessList:
    """The heaviest processes.

    Attributes:
        total: how many processes could be read.
        complete: False where the kernel hides other users' processes from us.
    """

    items: list[ProcessView]
    total: int
    complete: bool
