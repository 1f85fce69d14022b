"""The monitor as pages and routes use it, on the real machine."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import orjson
import pytest
import pytest_asyncio

from app.core.clock import Clock, parse_iso
from app.monitor.machine import Machine
from app.monitor.processes import ProcessScan
from app.monitor.schemas import ProcessOrder, Snapshot
from app.monitor.service import MonitorService
from tests.monitor.burner import burner
from tests.support.server import ROOT

CONTRACT = {
    "cpu_percent": float,
    "cpu_cores": list,
    "memory_percent": float,
    "memory_used": int,
    "memory_total": int,
    "swap_used": int,
    "swap_total": int,
    "uptime_seconds": int,
    "disks": list,
    "network": list,
    "process_count": int,
    "system_name": str,
    "kernel_version": str,
    "os_version": str,
    "host_name": str,
}


@pytest_asyncio.fixture
async def monitor() -> AsyncIterator[MonitorService]:
    service = MonitorService()
    await service.open()
    yield service
    await service.close()


async def next_snapshot(service: MonitorService) -> Snapshot:
    arrived: asyncio.Queue[Snapshot] = asyncio.Queue()
    unsubscribe = service.subscribe(arrived.put_nowait)
    async with asyncio.timeout(5):
        snapshot = await arrived.get()
    unsubscribe()
    return snapshot


async def test_the_first_request_waits_for_the_first_sample(monitor: MonitorService) -> None:
    assert monitor.snapshot() is None
    resources = orjson.loads(await monitor.resources_json())
    assert resources["tick"] == 0


async def test_the_first_sample_is_measured_and_not_the_meaningless_zero() -> None:
    """In a process of its own: a thread of ours could inherit the baseline of an earlier one."""
    code = (
        "import asyncio; from app.monitor.service import MonitorService as Monitor\n"
        "async def look():\n"
        "    monitor = Monitor(); await monitor.open(); await monitor.resources_json(); await monitor.close()\n"
        "    return monitor.snapshot().cpu_percent\n"
        "print(asyncio.run(look()))"
    )
    with burner():
        shown = await asyncio.to_thread(subprocess.check_output, [sys.executable, "-c", code], cwd=ROOT)
    assert float(shown) > 0


async def test_resources_have_the_fields_of_the_contract(monitor: MonitorService) -> None:
    resources = orjson.loads(await monitor.resources_json())
    for field, kind in CONTRACT.items():
        assert isinstance(resources[field], kind) or resources[field] is None, field
    assert {"name", "usage"} <= resources["cpu_cores"][0].keys()
    assert {"name", "received", "transmitted"} <= resources["network"][0].keys()
    disk_fields = {"name", "mount_point", "total_space", "available_space", "used_space", "usage_percent"}
    assert all(disk_fields <= disk.keys() for disk in resources["disks"])


async def test_the_answer_is_encoded_once_a_sample_and_is_the_live_text(monitor: MonitorService) -> None:
    first = await monitor.resources_json()
    assert await monitor.resources_json() is first
    _, text = await monitor.feed.after(0)
    assert text == first.decode()


async def test_a_sample_comes_each_second(monitor: MonitorService) -> None:
    one = await next_snapshot(monitor)
    two = await next_snapshot(monitor)
    apart = parse_iso(two.sampled_at) - parse_iso(one.sampled_at)
    assert two.tick == one.tick + 1
    assert timedelta(seconds=0.5) < apart < timedelta(seconds=1.5)


@pytest.mark.allows_errors("a follower of the machine's figures failed")
async def test_a_follower_that_fails_stops_nobody(monitor: MonitorService, caplog: pytest.LogCaptureFixture) -> None:
    def fail(snapshot: Snapshot) -> None:
        raise RuntimeError("a page's fault")

    monitor.subscribe(fail)
    await next_snapshot(monitor)
    await next_snapshot(monitor)
    assert "follower" in caplog.text


async def test_history_begins_with_the_first_sample_and_knows_its_time(monitor: MonitorService) -> None:
    await next_snapshot(monitor)
    second = await next_snapshot(monitor)
    history = monitor.history(60)
    assert (history.interval, history.tick) == (1, 0)
    assert len(history.cpu) >= 2
    start = parse_iso(second.sampled_at) - timedelta(seconds=len(history.cpu) - 1)
    assert parse_iso(history.start) == pytest.approx(start, abs=timedelta(seconds=0.2))


async def test_history_lies_right_although_the_clock_was_set_back() -> None:
    class MovedClock(Clock):
        back = timedelta()

        def now(self) -> datetime:
            return super().now() - self.back

    clock = MovedClock()
    service = MonitorService(clock)
    await service.open()
    await next_snapshot(service)
    clock.back = timedelta(hours=2)
    history = service.history(60)
    await service.close()
    assert abs(parse_iso(history.start) - clock.now()) < timedelta(seconds=2)


async def test_processes_are_scanned_only_for_those_who_look(monkeypatch: pytest.MonkeyPatch) -> None:
    scans: list[int] = []
    service = MonitorService()
    scan = service._processes.scan

    def counted() -> ProcessScan:
        scans.append(1)
        return scan()

    monkeypatch.setattr(service._processes, "scan", counted)
    await service.open()
    await next_snapshot(service)
    assert scans == []

    answers = await asyncio.gather(*(service.processes(ProcessOrder.MEMORY, 5) for _ in range(4)))
    await service.close()
    assert len(scans) == 2  # a baseline and one scan, shared by all four
    assert all(len(answer.items) == 5 for answer in answers)


async def test_a_machine_that_lacks_swap_and_network_answers_without_error() -> None:
    class Bare(Machine):
        def _network(self) -> tuple[()]:
            return ()

    service = MonitorService(machine=Bare())
    await service.open()
    resources = orjson.loads(await service.resources_json())
    await service.close()
    assert resources["network"] == []
    assert resources["network_received_rate"] is None
