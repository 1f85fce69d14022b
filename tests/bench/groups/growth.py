"""What a gibibyte of output costs in memory while ten viewers watch and one of them is frozen."""

import asyncio
from statistics import median

from tests.bench.bench import Bench, MeasuredServer
from tests.bench.figures import Bound, Figure
from tests.bench.machine import memory
from tests.bench.viewers import Seen, watch
from tests.bench.workloads import gated

GIBIBYTE = 1 << 30
READERS, FROZEN = 9, 1
CAPS = {"64 MiB": 64, "2 GiB": 2048}
WARM_SCRIPT, SCRIPT = "warm.sh", "flood.sh"
SAMPLE_SECONDS = 0.2
REST_SECONDS = 3


async def measure(bench: Bench) -> list[Figure]:
    """Once with the usual cap, where slow readers are told what they missed, and once where nothing is dropped."""
    return [await _growth(bench, name, mebibytes) for name, mebibytes in CAPS.items()]


async def _growth(bench: Bench, cap: str, mebibytes: int) -> Figure:
    async with bench.product() as server:
        await server.request("PUT", "/api/settings/output_cap_mb", {"value": str(mebibytes)})
        whole, rest = divmod(GIBIBYTE, bench.lines.size)
        cat = f"cat '{bench.lines.path}'"
        server.script(WARM_SCRIPT, gated(bench.gate, f"exec {cat}"))
        server.script(SCRIPT, gated(bench.gate, f"{f'{cat}; ' * whole}head -c {rest} '{bench.lines.path}'"))
        await _watched(bench, server, WARM_SCRIPT)
        await asyncio.sleep(REST_SECONDS)
        before = median([memory(server.measured_pids()).pss for _ in range(5)])
        peaks, seen = await _watched(bench, server, SCRIPT)
        await asyncio.sleep(REST_SECONDS)
        after = memory(server.measured_pids()).pss
        skipped = sum(viewer.skipped for viewer in seen) / len(seen) / (1 << 20)
        return Figure(
            f"1 GiB, {READERS + FROZEN} viewers, one frozen, cap {cap}: growth",
            "MB",
            [max(peaks) - before],
            Bound(at_most=10),
            note=f"before {before:.1f}, after {after:.1f}; {skipped:.0f} MiB skipped by each reader",
            problem=_damage(seen),
        )


async def _watched(bench: Bench, server: MeasuredServer, script: str) -> tuple[list[float], list[Seen]]:
    """Samples of memory while a script floods its viewers, and what they saw."""
    run = await server.request("POST", "/api/runs", {"script": script})
    watching = bench.workers.start(watch, server.target, run["id"], bench.gate, READERS, FROZEN)
    samples = []
    while not watching.done():
        samples.append(memory(server.measured_pids()).pss)
        await asyncio.sleep(SAMPLE_SECONDS)
    return samples, await watching


def _damage(seen: list[Seen]) -> str:
    wrong = [viewer for viewer in seen if viewer.size + viewer.skipped != GIBIBYTE]
    return f"viewers that did not get all, or not told what is missing: {wrong}" if wrong else ""
