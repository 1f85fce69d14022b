"""What the product costs while nobody does anything: memory, and processor time with a dashboard open."""

import asyncio
from statistics import median

from tests.bench.bench import Bench, MeasuredServer
from tests.bench.browser import open_dashboard
from tests.bench.figures import Bound, Figure
from tests.bench.machine import memory, processor_seconds

SIGN_INS = 10
SETTLE_SECONDS = 10
SAMPLES = 5
SLICES = 3
SLICE_SECONDS = 20


async def measure(bench: Bench) -> list[Figure]:
    """Memory after ten sign-ins and one page; processor time with that page open."""
    async with bench.product() as server, bench.baseline(server) as bare:
        for _ in range(SIGN_INS - 1):  # with the one at the start
            await server.sign_in()
        async with open_dashboard(server):
            await asyncio.sleep(SETTLE_SECONDS)
            bare_pids = [bare.process.pid]
            used = []
            for _ in range(SAMPLES):
                used.append((memory(server.measured_pids()), memory(bare_pids)))
                await asyncio.sleep(1)
            busy = [await _busy_percents(server, bare_pids) for _ in range(SLICES)]
        parts = " + ".join(f"{memory([pid]).pss:.1f}" for pid in server.measured_pids())
        return [
            Figure(
                "core + runner, idle: PSS",
                "MB",
                [ours.pss for ours, _ in used],
                Bound(at_most=100, below=True),
                [theirs.pss for _, theirs in used],
                f"private {median(ours.private for ours, _ in used):.1f}, RSS {median(o.rss for o, _ in used):.1f}; "
                f"by process, page closed: {parts}",
            ),
            Figure(
                "processor, idle, one dashboard open",
                "%",
                [ours for ours, _ in busy],
                Bound(at_most=2),
                [theirs for _, theirs in busy],
            ),
        ]


async def _busy_percents(server: MeasuredServer, bare_pids: list[int]) -> tuple[float, float]:
    pids = server.measured_pids()
    before = processor_seconds(pids), processor_seconds(bare_pids)
    await asyncio.sleep(SLICE_SECONDS)
    after = processor_seconds(pids), processor_seconds(bare_pids)
    return (after[0] - before[0]) / SLICE_SECONDS * 100, (after[1] - before[1]) / SLICE_SECONDS * 100
