"""Beside peers that are Python packages: glances for the machine's figures, terminado for terminals."""

import asyncio

from tests.bench.bench import Bench, MeasuredServer
from tests.bench.clients import Stream, read_bytes, read_terminado, request_rate
from tests.bench.figures import Figure
from tests.bench.machine import memory, processor_seconds
from tests.bench.peers import Glances, glances, install_peers, terminado, versions
from tests.bench.workloads import gated, make_lines

REPEATS = 5
SECONDS = 2.0
SETTLE_SECONDS = 10
SLICE_SECONDS = 10
TERMINAL_BYTES = 5_000_000
SCRIPT = "peers.sh"


async def measure(bench: Bench) -> list[Figure]:
    """Installs the peers into a folder of the run, then measures in turns."""
    python = await asyncio.to_thread(install_peers, bench.folder / "peers")
    told = versions(python)
    async with bench.product() as server:
        lines = make_lines(bench.folder / "peers.lines", TERMINAL_BYTES)
        server.script(SCRIPT, gated(bench.gate, f"exec cat '{lines.path}'"))
        async with glances(python) as (peer, pid):
            figures = await _beside_glances(bench, server, pid, peer, told)
        ours: list[Stream] = []
        theirs: list[Stream] = []
        async with terminado(python, server.scripts_dir / SCRIPT) as port:
            for _ in range(REPEATS):
                ours.append(await bench.workers.call(read_bytes, server.target, SCRIPT, bench.gate, lines.size, True))
                theirs.append(await bench.workers.call(read_terminado, port, bench.gate, lines.size))
    damaged = sum(stream.digest != lines.terminal_digest for stream in ours)
    figures.append(
        Figure(
            "5 MB through a terminal, beside terminado",
            "MB/s",
            [stream.rate for stream in ours],
            None,
            [stream.rate for stream in theirs],
            f"{told}; damaged: {damaged} of ours, "
            f"{sum(stream.digest != lines.terminal_digest for stream in theirs)} of theirs",
            "what came is not what was written" if damaged else "",
        )
    )
    return figures


async def _beside_glances(bench: Bench, server: MeasuredServer, pid: int, peer: Glances, told: str) -> list[Figure]:
    await asyncio.sleep(SETTLE_SECONDS)
    used = memory(server.measured_pids()), memory([pid])
    busy = [await _busy(server.measured_pids(), [pid]) for _ in range(2)]
    rates = [
        (
            await bench.workers.call(request_rate, server.target, SECONDS),
            await bench.workers.call(request_rate, peer, SECONDS),
        )
        for _ in range(REPEATS)
    ]
    return [
        Figure(
            "all figures of the machine by REST, beside glances",
            "/s",
            [ours for ours, _ in rates],
            None,
            [theirs for _, theirs in rates],
            f"GET /api/resources and GET /api/4/all, one connection; {told}",
        ),
        Figure(
            "memory, nobody looking, beside glances",
            "MB",
            [used[0].pss],
            None,
            [used[1].pss],
            f"PSS of core and runner, and of glances -w without its page; RSS {used[0].rss:.0f} and {used[1].rss:.0f}",
        ),
        Figure(
            "processor, nobody looking, beside glances",
            "%",
            [ours for ours, _ in busy],
            None,
            [theirs for _, theirs in busy],
            "ours measures every second all the time, theirs when it is asked",
        ),
    ]


async def _busy(ours: list[int], theirs: list[int]) -> tuple[float, float]:
    before = processor_seconds(ours), processor_seconds(theirs)
    await asyncio.sleep(SLICE_SECONDS)
    after = processor_seconds(ours), processor_seconds(theirs)
    return (after[0] - before[0]) / SLICE_SECONDS * 100, (after[1] - before[1]) / SLICE_SECONDS * 100
