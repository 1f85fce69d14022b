"""The processes by what they use, against real ones."""

import subprocess
import sys
import time

import psutil
import pytest

from app.monitor.processes import ProcessReader
from app.monitor.schemas import ProcessOrder
from tests.monitor.burner import burner, until_burnt
from tests.monitor.test_machine import in_other_namespace


def test_a_busy_process_leads_by_processor() -> None:
    reader = ProcessReader()
    with burner() as busy:
        reader.scan()
        started = time.monotonic()
        spent = until_burnt(busy, 0.4)
        elapsed = time.monotonic() - started
        heaviest = reader.scan().top(ProcessOrder.CPU, limit=500)
    shares = [process.cpu_percent for process in heaviest.items]
    assert shares == sorted(shares, reverse=True)
    found = {process.pid: process for process in heaviest.items}
    assert found[busy.pid].cpu_percent == pytest.approx(100 * spent / elapsed, abs=25)
    assert found[busy.pid].username == psutil.Process().username()
    assert found[busy.pid].name.startswith("python")


def test_a_large_process_leads_by_memory() -> None:
    hold = "held = bytearray(300 * 2**20); print(1, flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as hog:
        hog.stdout.readline()  # type: ignore[union-attr]
        top = ProcessReader().scan().top(ProcessOrder.MEMORY, limit=10)
        hog.communicate(b"\n")
    found = {process.pid: process for process in top.items}
    assert (found[hog.pid].memory or 0) >= 300 * 2**20
    sizes = [process.memory or 0 for process in top.items]  # a kernel's thread has none
    assert sizes == sorted(sizes, reverse=True)
    assert len(top.items) == 10
    assert top.total >= 10


def test_a_process_born_since_the_scan_before_is_measured_too() -> None:
    reader = ProcessReader()
    reader.scan()
    with burner() as busy:
        until_burnt(busy, 0.1)
        scan = reader.scan()
    found = {process.pid: process for process in scan.top(ProcessOrder.CPU, 500).items}
    assert found[busy.pid].cpu_percent > 0


def test_a_baseline_is_good_for_seconds_only(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = ProcessReader()
    known = [reader.has_baseline]
    reader.scan()
    known.append(reader.has_baseline)
    later = time.monotonic() + 60
    monkeypatch.setattr(time, "monotonic", lambda: later)
    known.append(reader.has_baseline)
    assert known == [False, True, False]


@pytest.mark.fault("O18")
def test_a_process_that_ends_while_we_look_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    with subprocess.Popen(["sleep", "60"]) as sleeper:
        ended = psutil.Process(sleeper.pid)
        sleeper.kill()
    monkeypatch.setattr(psutil, "process_iter", lambda: iter([ended, psutil.Process()]))
    assert [use.process.pid for use in ProcessReader().scan().uses] == [psutil.Process().pid]


@pytest.mark.fault("O18")
@pytest.mark.needs("mounts", "nobody")
@pytest.mark.parametrize("hidepid", [1, 2])
def test_where_the_kernel_hides_processes_the_list_says_so(hidepid: int) -> None:
    shown = in_other_namespace(
        f"mount -t proc -o hidepid={hidepid} proc /proc",
        "import os; from app.monitor.processes import ProcessReader; scan = ProcessReader().scan()\n"
        "shown = {use.process.pid for use in scan.uses}; print(os.getpid() in shown, 1 in shown, scan.complete)",
    )
    assert shown == "True False False"
