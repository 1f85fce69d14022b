"""What is told in figures of what this product looks after: the machine, the runs, the plugins."""

from collections.abc import Iterable, Sequence

from app.metrics.exposition import Family, Sample
from app.monitor.schemas import Snapshot
from app.plugins.schemas import PluginView
from app.runs.figures import RunsSeen

BARE: dict[str, str] = {}


def machine_families(now: Snapshot) -> Iterable[Family]:
    """The machine, at most a second ago."""
    percent = None if now.cpu_percent is None else now.cpu_percent / 100
    yield one("toru_machine_cpu_ratio", "Share of all processors in use, 0 to 1.", percent)
    for minutes, load in zip((1, 5, 15), now.load_average or (), strict=False):
        over = "minute" if minutes == 1 else f"{minutes} minutes"
        yield one(f"toru_machine_load{minutes}", f"Waiting and running processes, average of the last {over}.", load)
    yield one("toru_machine_memory_used_bytes", "Memory that programs cannot have.", now.memory_used)
    yield one("toru_machine_memory_bytes", "All memory.", now.memory_total)
    yield one("toru_machine_swap_used_bytes", "Swap in use.", now.swap_used)
    yield one("toru_machine_swap_bytes", "All swap.", now.swap_total)
    yield one("toru_machine_uptime_seconds", "Since the machine was started.", now.uptime_seconds)
    yield one("toru_machine_processes", "Processes.", now.process_count)
    disks = [({"mount": disk.mount_point, "filesystem": disk.filesystem}, disk) for disk in now.disks]
    yield _many("disk_bytes", "Size of a disk.", [(labels, disk.total_space) for labels, disk in disks])
    yield _many("disk_used_bytes", "Of a disk, in use.", [(labels, disk.used_space) for labels, disk in disks])
    yield _many(
        "disk_free_bytes", "Of a disk, for everybody.", [(labels, disk.available_space) for labels, disk in disks]
    )
    lines = [({"interface": line.name}, line) for line in now.network]
    for name, help_, samples in (
        ("received", "Bytes that came in.", [(labels, line.received) for labels, line in lines]),
        ("transmitted", "Bytes that went out.", [(labels, line.transmitted) for labels, line in lines]),
    ):
        yield Family(f"toru_machine_network_{name}_bytes_total", "counter", help_, samples)


def run_families(seen: RunsSeen) -> Iterable[Family]:
    """All runs together."""
    yield one("toru_runs_running", "Runs that go on.", seen.running)
    yield one("toru_runs_queued", "Runs that wait for a place.", seen.queued)
    yield Family("toru_runs_started_total", "counter", "Runs that began.", [(BARE, seen.started)])
    ended = [({"outcome": state.value}, count) for state, count in seen.ended.items()]
    yield Family("toru_runs_ended_total", "counter", "Runs that ended, by how.", ended)
    help_ = "How long runs took that ended."
    yield Family("toru_run_duration_seconds", "histogram", help_, [(BARE, seen.durations)])
    help_ = "Bytes that scripts printed."
    yield Family("toru_runs_output_bytes_total", "counter", help_, [(BARE, seen.output)])


def plugin_families(plugins: Sequence[PluginView]) -> Iterable[Family]:
    """Each plugin, by its id."""
    known = [({"plugin": plugin.id}, plugin) for plugin in plugins]

    def gauge(name: str, help_: str, samples: Iterable[Sample]) -> Family:
        return Family(f"toru_plugin_{name}", "gauge", help_, list(samples))

    yield gauge("enabled", "1 when it is to run.", ((labels, int(plugin.enabled)) for labels, plugin in known))
    serves = ((labels, int(plugin.state.takes_requests)) for labels, plugin in known)
    yield gauge("up", "1 while it takes requests.", serves)
    yield gauge("memory_bytes", "Resident memory of its processes.", ((labels, p.memory) for labels, p in known))
    cpu = ((labels, None if p.cpu_percent is None else p.cpu_percent / 100) for labels, p in known)
    yield gauge("cpu_ratio", "Processor time of its processes, of one core.", cpu)
    yield gauge("uptime_seconds", "Since its process was started.", ((labels, p.uptime_seconds) for labels, p in known))
    p95 = ((labels, None if p.p95_ms is None else p.p95_ms / 1000) for labels, p in known)
    yield gauge("request_p95_seconds", "95 of 100 of its newest requests took at most as long.", p95)
    requests = [(labels, plugin.requests) for labels, plugin in known]
    yield Family("toru_plugin_requests_total", "counter", "Requests since the core was started.", requests)
    restarts = [(labels, plugin.restarts) for labels, plugin in known]
    yield Family("toru_plugin_restarts_total", "counter", "Starts after a crash, since the core was started.", restarts)


def one(name: str, help_: str, value: float | None) -> Family:
    """A gauge without labels."""
    return Family(name, "gauge", help_, [(BARE, value)])


def _many(name: str, help_: str, samples: Sequence[Sample]) -> Family:
    return Family(f"toru_machine_{name}", "gauge", help_, samples)
