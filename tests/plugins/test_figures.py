"""The figures of plugins: requests and p95 within bounds, processor and memory of a process and what it started."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from app.core.clock import Clock
from app.plugins.figures import SAMPLES, PluginFigures, Requests

BUSY = "import time\nend = time.monotonic() + 60\nwhile time.monotonic() < end: pass"
PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {BUSY!r}])"


@pytest.fixture
def figures() -> PluginFigures:
    return PluginFigures(Clock())


@pytest.fixture
def busy() -> Iterator[int]:
    """A process that does nothing but wait for a child that keeps a processor busy."""
    process = subprocess.Popen([sys.executable, "-c", PARENT], process_group=0)
    yield process.pid
    os.killpg(process.pid, 9)
    process.wait()


def test_requests_are_counted_and_p95_is_of_the_newest() -> None:
    requests = Requests()
    assert (requests.count, requests.p95_ms) == (0, None)
    requests.add(0.25)
    assert requests.p95_ms == 250
    for number in range(1, 101):
        requests.add(number / 1000)
    assert requests.count == 101
    for _ in range(SAMPLES - 20):
        requests.add(0.001)
    assert requests.p95_ms == 1
    for _ in range(100_000):
        requests.add(0.002)
    assert (requests.count, requests.p95_ms) == (101 + SAMPLES - 20 + 100_000, 2)


def test_p95_of_a_hundred_is_the_95th() -> None:
    requests = Requests()
    for number in range(100, 0, -1):
        requests.add(number / 1000)
    assert requests.p95_ms == 95


def test_plugins_are_counted_apart(figures: PluginFigures) -> None:
    figures.requests("a").add(1)
    assert (figures.requests("a").count, figures.requests("b").count) == (1, 0)


async def test_what_a_plugin_started_counts_as_its_own(figures: PluginFigures, busy: int) -> None:
    await figures.measure({"busy": busy, "us": os.getpid()})
    await asyncio.sleep(1.2)
    await figures.measure({"busy": busy, "us": os.getpid()})
    ours, theirs = figures.usage("us"), figures.usage("busy")
    assert ours is not None
    assert theirs is not None
    assert 15 < theirs.cpu_percent < 110
    assert theirs.memory > 10_000_000  # two interpreters
    assert ours.cpu_percent >= theirs.cpu_percent / 2  # it is our child


async def test_a_second_look_within_a_second_is_the_first_one(figures: PluginFigures, busy: int) -> None:
    await figures.measure({"busy": busy})
    first = figures.usage("busy")
    await figures.measure({"busy": busy})
    assert figures.usage("busy") is first


async def test_processes_that_ended_have_no_figures(figures: PluginFigures) -> None:
    process = subprocess.Popen(["true"])
    process.wait()
    await figures.measure({"gone": process.pid, "us": os.getpid()})
    assert figures.usage("gone") is None
    assert figures.usage("us") is not None
