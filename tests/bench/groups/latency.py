"""How soon output is there: a line at 1,000 lines a second, and the first byte after a request."""

from itertools import chain
from statistics import median

from tests.bench.bench import Bench
from tests.bench.clients import first_byte_delays, first_line_delays, line_delays
from tests.bench.figures import Bound, Figure, percentile
from tests.bench.targets import Target
from tests.bench.workloads import gated, ticker

TICKER = "ticker.sh"
HELLO = "hello.sh"
RATE = 1_000
SECONDS = 3
REPEATS = 5
STARTS = 20


async def measure(bench: Bench) -> list[Figure]:
    """Latencies; ours and the baseline's take turns."""
    async with bench.product() as server, bench.baseline(server) as bare:
        server.script(TICKER, gated(bench.gate, ticker(RATE * SECONDS, RATE)))
        ours, theirs = server.target, bare.target
        return [
            await _lines(bench, "line at 1,000/s on /api/ws: p99", ours, theirs, as_lines=True),
            await _lines(bench, "line at 1,000/s on /api/ws/runs/{id}: p99", ours, theirs, as_lines=False),
            await _first(bench, "first line after `run` on an open /api/ws: p50", ours, theirs, new_socket=False),
            await _first(bench, "first byte after POST and a new socket: p50", ours, theirs, new_socket=True),
        ]


async def _lines(bench: Bench, name: str, ours: Target, theirs: Target, *, as_lines: bool) -> Figure:
    delays: dict[Target, list[list[float]]] = {ours: [], theirs: []}
    for _ in range(REPEATS):
        for target, runs in delays.items():
            runs.append(await bench.workers.call(line_delays, target, TICKER, bench.gate, as_lines))
    lost = [len(run) for runs in delays.values() for run in runs if len(run) != RATE * SECONDS]
    return Figure(
        name,
        "ms",
        [percentile(run, 99) for run in delays[ours]],
        Bound(at_most=3),
        [percentile(run, 99) for run in delays[theirs]],
        f"p50 {median(map(median, delays[ours])):.2f}; baseline: p50 {median(map(median, delays[theirs])):.2f}",
        f"runs with another number of lines: {lost}" if lost else "",
    )


async def _first(bench: Bench, name: str, ours: Target, theirs: Target, *, new_socket: bool) -> Figure:
    measured = first_byte_delays if new_socket else first_line_delays
    delays: dict[Target, list[list[float]]] = {ours: [], theirs: []}
    for _ in range(REPEATS):
        for target, runs in delays.items():
            runs.append(await bench.workers.call(measured, target, HELLO, STARTS))
    note = " ".join(
        f"{label} {percentile(list(chain(*runs)), 90):.1f}"
        for label, runs in zip(("p90", "baseline: p90"), delays.values(), strict=True)
    )
    return Figure(
        name,
        "ms",
        [median(run) for run in delays[ours]],
        Bound(at_most=10),
        [median(run) for run in delays[theirs]],
        note,
    )
