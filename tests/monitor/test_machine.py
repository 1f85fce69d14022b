"""The readings, against the real machine; and machines that lack something."""

import os
import socket
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace
from typing import NoReturn

import psutil
import pytest

from app.monitor.machine import Machine
from app.monitor.schemas import Snapshot
from tests.monitor.burner import burner, until_burnt
from tests.support.unprivileged import AS_NOBODY, open_python


@pytest.fixture
def machine() -> Machine:
    machine = Machine()
    machine.prime()
    return machine


def look(machine: Machine) -> Snapshot:
    return machine.read(tick=0, sampled_at="2026-11-22T00:00:00.000Z", disks=())


def test_a_busy_core_shows(machine: Machine) -> None:
    with burner() as process:
        until_burnt(process, 0.05)
        look(machine)
        until_burnt(process, 0.4)
        snapshot = look(machine)
    assert len(snapshot.cpu_cores) == psutil.cpu_count()
    assert [core.name for core in snapshot.cpu_cores][:1] == ["cpu0"]
    assert snapshot.cpu_percent is not None
    assert snapshot.cpu_percent >= 60 / len(snapshot.cpu_cores)
    assert all(0 <= core.usage <= 100 for core in snapshot.cpu_cores)


def test_memory_is_what_the_kernel_says(machine: Machine) -> None:
    kernel = {
        key: int(value.split()[0]) * 1024
        for key, _, value in (line.partition(":") for line in Path("/proc/meminfo").read_text().splitlines())
        if value.split()[1:] == ["kB"]
    }
    snapshot = look(machine)
    assert snapshot.memory_total == kernel["MemTotal"]
    assert snapshot.memory_used is not None
    assert snapshot.memory_used == pytest.approx(kernel["MemTotal"] - kernel["MemAvailable"], abs=200 * 2**20)
    assert snapshot.memory_percent == pytest.approx(100 * snapshot.memory_used / kernel["MemTotal"], abs=0.1)
    assert snapshot.swap_total == kernel["SwapTotal"]


def test_used_memory_is_what_programs_cannot_have(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not psutil's `used`, which leaves out what only looks free: the two figures of a card would not agree."""
    told = SimpleNamespace(total=1000, available=400, used=300, percent=60.0)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: told)
    snapshot = look(machine)
    assert (snapshot.memory_used, snapshot.memory_total, snapshot.memory_percent) == (600, 1000, 60.0)


def test_traffic_shows_as_totals_and_rates(machine: Machine) -> None:
    started = time.monotonic()
    before = look(machine)
    send_over_loopback(4 * 2**20)
    after = look(machine)
    loopback = {interface.name: interface for interface in after.network}["lo"]
    earlier = {interface.name: interface for interface in before.network}["lo"]
    assert loopback.received - earlier.received >= 4 * 2**20
    assert loopback.received_rate is not None
    assert loopback.received_rate >= 4 * 2**20 / (time.monotonic() - started)


def test_loopback_is_no_traffic_of_the_machine(machine: Machine) -> None:
    started = time.monotonic()
    look(machine)
    send_over_loopback(32 * 2**20)
    snapshot = look(machine)
    assert (snapshot.network_received_rate or 0) < 16 * 2**20 / (time.monotonic() - started)


def send_over_loopback(size: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as sender:
        receiver, _ = server.accept()
        with receiver:
            sent = 0
            while sent < size:
                sender.sendall(bytes(65536))
                received = 0
                while received < 65536:
                    received += len(receiver.recv(65536))
                sent += received


def test_an_interface_without_a_device_counts_only_where_there_is_no_other(tmp_path: Path) -> None:
    (tmp_path / "eth0" / "device").mkdir(parents=True)
    (tmp_path / "docker0").mkdir()
    names = frozenset({"lo", "eth0", "docker0"})
    assert Machine(interfaces=tmp_path)._countable(names) == {"eth0"}
    assert Machine(interfaces=tmp_path)._countable(names - {"eth0"}) == {"docker0"}


def test_processes_uptime_load_and_host_are_those_of_this_machine(machine: Machine) -> None:
    snapshot = look(machine)
    assert snapshot.process_count == pytest.approx(len(psutil.pids()), abs=20)
    assert snapshot.uptime_seconds == pytest.approx(time.clock_gettime(time.CLOCK_BOOTTIME), abs=5)
    assert snapshot.load_average == pytest.approx(os.getloadavg(), abs=1)
    assert snapshot.host_name == socket.gethostname()
    assert snapshot.kernel_version == os.uname().release
    assert snapshot.system_name
    assert snapshot.system_name in Path("/etc/os-release").read_text()


def test_reading_it_is_cheap(machine: Machine) -> None:
    look(machine)
    started = time.thread_time()
    for _ in range(20):
        look(machine)
    assert (time.thread_time() - started) / 20 < 0.01  # 1 % of a core at one a second; about 0.0004 here


@pytest.mark.fault("O18")
@pytest.mark.needs("mounts", "nobody")
def test_where_the_kernel_hides_processes_their_number_is_absent() -> None:
    """A real /proc with hidepid, read by a real other user."""
    shown = in_other_namespace(
        "mount -t proc -o hidepid=2 proc /proc",
        "from app.monitor.machine import Machine; m = Machine(); m.prime(); s = m.read(0, '', ());"
        "print(s.process_count, s.memory_total > 0, s.uptime_seconds > 0)",
    )
    assert shown == "None True True"


def in_other_namespace(prepare: str, code: str) -> str:
    """What `code` prints as user nobody, in a mount namespace in which root ran `prepare`."""
    command = f'{prepare} && exec {" ".join(AS_NOBODY)} "$0" -B -c "$1"'
    arguments = ["unshare", "--mount", "sh", "-c", command, str(open_python()), code]
    return subprocess.run(arguments, capture_output=True, text=True, timeout=30, check=True).stdout.strip()


def refuse(*_: object, **__: object) -> NoReturn:
    raise OSError("not on this machine")


@pytest.mark.fault("O18")
def test_a_machine_that_lacks_everything_shows_nothing_and_no_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("cpu_percent", "virtual_memory", "swap_memory", "net_io_counters"):
        monkeypatch.setattr(psutil, name, refuse)
    monkeypatch.setattr(os, "getloadavg", refuse)
    monkeypatch.setattr("platform.freedesktop_os_release", refuse)
    monkeypatch.setattr(os, "uname", lambda: os.uname_result(("", "(none)", "", "", "")))
    machine = Machine(proc=tmp_path / "no-proc")
    machine.prime()
    look(machine)
    snapshot = look(machine)

    assert snapshot.cpu_percent is None
    assert snapshot.cpu_cores == ()
    assert (snapshot.memory_total, snapshot.memory_percent, snapshot.swap_total) == (None, None, None)
    assert snapshot.network == ()
    assert snapshot.network_received_rate is None
    assert (snapshot.load_average, snapshot.process_count, snapshot.uptime_seconds) == (None, None, None)
    assert (snapshot.host_name, snapshot.system_name) == (None, None)
    assert (snapshot.kernel_version, snapshot.os_version) == (None, None)
    said = [record for record in caplog.records if "does not show its memory" in record.message]
    assert len(said) == 1  # once, not once a second


def test_a_counter_that_begins_anew_has_no_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    counters = iter([1000, 400, 600])

    def net_io_counters(**_: object) -> dict[str, object]:
        total = next(counters)
        return {"eth0": SimpleNamespace(bytes_recv=total, bytes_sent=total)}

    monkeypatch.setattr(psutil, "net_io_counters", net_io_counters)
    machine = Machine()
    machine.prime()
    assert look(machine).network[0].received_rate is None
    rate = look(machine).network[0].received_rate
    assert rate is not None
    assert rate > 0
