"""What plugins cost: the way through the proxy, the way back after a crash, memory, and how a bad one is felt."""

import asyncio
import os
import signal
import time
from statistics import median

import httpx

from tests.bench.bench import Bench, MeasuredServer
from tests.bench.figures import Bound, Figure, percentile
from tests.bench.machine import memory
from tests.bench.plugin_clients import direct_delays, proxy_delays, proxy_rate
from tests.plugins.puppet import deploy, until_healthy

PUPPET, OTHER = "puppet", "other"
MANY = tuple(f"many-{number}" for number in range(10))
PATH = "/api/plugins/route/{}/large?200"
REPEATS = 5
REQUESTS = 300
IN_FLIGHT = 32
RATE_SECONDS = 3.0
KILLS = 5
STORM_SECONDS = 5.0
SETTLE_SECONDS = 5.0
HANGING = 63
LIST_PATH = "/api/plugins"


async def measure(bench: Bench) -> list[Figure]:
    """Memory first, on a core that never had a plugin; then two plugins of protocol 2."""
    async with bench.product() as server:
        memory_figure = await _memory(server)
    async with bench.product() as server:
        await _add(server, PUPPET, OTHER)
        return [
            *await _speed(bench, server),
            await _recovery(server),
            memory_figure,
            *await _neighbours(bench, server),
        ]


async def _add(server: MeasuredServer, *names: str) -> None:
    for name in names:
        deploy(server.folder / "plugins", name)
    for name in names:
        async with asyncio.timeout(30):
            while (await server.client.get(f"/api/plugins/{name}")).status_code == 404:
                await asyncio.sleep(0.05)
        await server.request("POST", f"/api/plugins/{name}/enable")
        await until_healthy(server.client, name)


async def _speed(bench: Bench, server: MeasuredServer) -> list[Figure]:
    socket_path = (await server.request("GET", f"/api/plugins/{PUPPET}"))["socket_path"]
    path, added, ours, theirs = PATH.format(PUPPET), [], [], []
    for _ in range(REPEATS):
        theirs.append(median(await bench.workers.call(direct_delays, "/large?200", socket_path, REQUESTS)))
        ours.append(median(await bench.workers.call(proxy_delays, server.target, path, 60.0, REQUESTS)))
        added.append(ours[-1] - theirs[-1])
    rates = [await bench.workers.call(proxy_rate, server.target, path, IN_FLIGHT, RATE_SECONDS) for _ in range(REPEATS)]
    note = f"through the proxy {median(ours):.2f} ms, directly {median(theirs):.2f} ms"
    return [
        Figure("plugin request through the proxy, over direct: p50", "ms", added, Bound(at_most=3), note=note),
        Figure(f"plugin requests, {IN_FLIGHT} in flight", "/s", rates, Bound(at_least=1_000)),
    ]


async def _recovery(server: MeasuredServer) -> Figure:
    """From SIGKILL to the first answer; a second of it is the pause before a first restart."""
    taken = []
    for _ in range(KILLS):
        await server.request("POST", f"/api/plugins/{OTHER}/restart")  # so that it is the first crash in a row
        pid = (await until_healthy(server.client, OTHER))["pid"]
        os.kill(pid, signal.SIGKILL)
        start = time.monotonic()
        while (await server.client.get(PATH.format(OTHER))).status_code != 200:
            await asyncio.sleep(0.005)
        taken.append(time.monotonic() - start)
    return Figure("SIGKILL of a plugin to its first answer", "s", taken, Bound(at_most=1.5))


async def _memory(server: MeasuredServer) -> Figure:
    async def settled() -> float:
        await asyncio.sleep(SETTLE_SECONDS)
        return median([memory([server.pid]).private for _ in range(3)])

    before = await settled()
    await _add(server, *MANY)
    for name in MANY:
        await server.request("GET", PATH.format(name).replace("large?200", "echo"))
    after = await settled()
    return Figure(
        "ten plugins: what they add to the core",
        "MB",
        [after - before],
        Bound(at_most=5),
        note=f"private memory, {before:.1f} before, {after:.1f} after",
    )


async def _neighbours(bench: Bench, server: MeasuredServer) -> list[Figure]:
    """Another plugin and a list of ours, while one plugin does not answer and floods its log."""
    quiet = await _probe(bench, server)
    limits = httpx.Limits(max_connections=HANGING + 1)
    base, cookies = server.client.base_url, server.client.cookies
    async with httpx.AsyncClient(base_url=base, cookies=cookies, limits=limits, timeout=60, trust_env=False) as many:
        hanging = [many.get(f"/api/plugins/route/{PUPPET}/never") for _ in range(HANGING)]
        flood = many.get(f"/api/plugins/route/{PUPPET}/flood?{3 * STORM_SECONDS + 5:.0f}")
        tasks = [asyncio.create_task(request) for request in (*hanging, flood)]
        await asyncio.sleep(1)
        busy = await _probe(bench, server)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    times = f"{percentile(busy[0], 95):.2f} ms, alone {percentile(quiet[0], 95):.2f} ms"
    lists = f"{percentile(busy[1], 95):.2f} ms, alone {percentile(quiet[1], 95):.2f} ms"
    return [
        Figure(
            "one plugin hangs and floods its log: another's p95",
            "×",
            [percentile(busy[0], 95) / percentile(quiet[0], 95)],
            Bound(at_most=2, below=True),
            note=times,
        ),
        Figure(
            "the same: what GET /api/plugins takes longer, p95",
            "ms",
            [max(0.0, percentile(busy[1], 95) - percentile(quiet[1], 95))],
            Bound(at_most=50),
            note=lists,
        ),
    ]


async def _probe(bench: Bench, server: MeasuredServer) -> tuple[list[float], list[float]]:
    other = await bench.workers.call(proxy_delays, server.target, PATH.format(OTHER), STORM_SECONDS)
    return other, await bench.workers.call(proxy_delays, server.target, LIST_PATH, STORM_SECONDS)
