"""The machine as the kernel shows it: processors, memory, network, host. Reads block; one thread owns an instance."""

import logging
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import psutil

from app.monitor.schemas import CoreUsage, DiskUsage, Host, InterfaceTraffic, Snapshot

T = TypeVar("T")

log = logging.getLogger(__name__)


class Machine:
    """Reads one snapshot after another, keeping what rates and percentages are measured against.

    Args:
        proc: where the process file system is mounted.
        interfaces: the kernel's folder of network interfaces.
    """

    def __init__(self, proc: Path = Path("/proc"), interfaces: Path = Path("/sys/class/net")) -> None:
        self._proc = proc
        self._interfaces = interfaces
        self._missing: set[str] = set()
        self._traffic: dict[str, tuple[int, int]] = {}
        self._traffic_at = 0.0
        self._names: frozenset[str] = frozenset()
        self._counted: frozenset[str] = frozenset()
        self._release: dict[str, str] = {}
        self._cpu_model: str | None = None

    def prime(self) -> bool:
        """Takes the baseline that the first snapshot is measured against, and reads what never changes."""
        self._attempt("processors", lambda: psutil.cpu_percent(percpu=True))
        self._network()
        self._release = self._attempt("os-release", platform.freedesktop_os_release) or {}
        self._cpu_model = self._attempt("processor name", self._read_cpu_model)
        return True

    def read(self, tick: int, sampled_at: str, disks: tuple[DiskUsage, ...]) -> Snapshot:
        """The machine since the call before (about 0.4 ms); `disks` come from elsewhere, because they may hang."""
        cores = self._attempt("processors", lambda: psutil.cpu_percent(percpu=True)) or []
        memory = self._attempt("memory", psutil.virtual_memory)
        swap = self._attempt("swap", psutil.swap_memory)
        network = self._network()
        host = self._host()
        return Snapshot(
            cpu_percent=round(sum(cores) / len(cores), 1) if cores else None,
            cpu_cores=tuple(CoreUsage(f"cpu{number}", usage) for number, usage in enumerate(cores)),
            memory_percent=memory.percent if memory else None,
            memory_used=memory.total - memory.available if memory else None,
            memory_total=memory.total if memory else None,
            swap_used=swap.used if swap else None,
            swap_total=swap.total if swap else None,
            uptime_seconds=self._attempt("uptime", self._uptime),
            disks=disks,
            network=network,
            process_count=self._attempt("processes", self._count_processes),
            system_name=host.system_name,
            kernel_version=host.kernel_version,
            os_version=host.os_version,
            host_name=host.host_name,
            architecture=host.architecture,
            cpu_model=host.cpu_model,
            load_average=self._attempt("load", os.getloadavg),
            network_received_rate=self._total(network, lambda interface: interface.received_rate),
            network_transmitted_rate=self._total(network, lambda interface: interface.transmitted_rate),
            tick=tick,
            sampled_at=sampled_at,
        )

    def _attempt(self, what: str, read: Callable[[], T]) -> T | None:
        """`read()`, or None where this machine does not have it; said once in the log, not once a second."""
        try:
            return read()
        except Exception as error:  # noqa: BLE001 - psutil raises whatever an unusual kernel makes its parsers raise
            if what not in self._missing:
                self._missing.add(what)
                log.warning("this machine does not show its %s: %s", what, error)
            return None

    def _network(self) -> tuple[InterfaceTraffic, ...]:
        counters = self._attempt("network", lambda: psutil.net_io_counters(pernic=True, nowrap=False)) or {}
        now = time.monotonic()
        elapsed = now - self._traffic_at
        before = self._traffic
        self._traffic = {name: (counter.bytes_recv, counter.bytes_sent) for name, counter in counters.items()}
        self._traffic_at = now
        if self._names != self._traffic.keys():
            self._names = frozenset(self._traffic)
            self._counted = self._countable(self._names)
        return tuple(
            InterfaceTraffic(
                name,
                received,
                transmitted,
                _rate(received, before[name][0], elapsed) if name in before else None,
                _rate(transmitted, before[name][1], elapsed) if name in before else None,
            )
            for name, (received, transmitted) in sorted(self._traffic.items())
        )

    def _countable(self, names: frozenset[str]) -> frozenset[str]:
        """The interfaces whose sum is the machine's traffic; bridges and tunnels would count bytes twice."""
        real = frozenset(name for name in names if (self._interfaces / name / "device").exists())
        return real or names - {"lo"}

    def _total(
        self, network: tuple[InterfaceTraffic, ...], rate: Callable[[InterfaceTraffic], float | None]
    ) -> float | None:
        rates = [
            value for interface in network if interface.name in self._counted and (value := rate(interface)) is not None
        ]
        return round(sum(rates), 1) if rates else None

    def _count_processes(self) -> int | None:
        names = os.listdir(self._proc)
        if "1" not in names:  # hidepid: what we see are only our own
            return None
        return sum(name.isdecimal() for name in names)

    def _uptime(self) -> int:
        return int(float((self._proc / "uptime").read_text().split()[0]))

    def _host(self) -> Host:
        system = os.uname()
        return Host(
            system_name=self._release.get("NAME") or system.sysname or None,
            kernel_version=system.release or None,
            os_version=self._release.get("VERSION_ID") or None,
            host_name=system.nodename if system.nodename not in ("", "(none)") else None,
            architecture=system.machine or None,
            cpu_model=self._cpu_model,
        )

    def _read_cpu_model(self) -> str | None:
        with (self._proc / "cpuinfo").open() as lines:
            for line in lines:
                key, _, value = line.partition(":")
                if key.strip() in ("model name", "Model", "cpu model"):
                    return value.strip() or None
        return None


def _rate(now: int, before: int, elapsed: float) -> float | None:
    """Bytes a second; None where the counter began anew or no time has passed."""
    if now < before or elapsed <= 0:
        return None
    return round((now - before) / elapsed, 1)
