"""What a plugin in Python costs beside its own work: the memory of its process, its start, and its answers."""

import asyncio
import time
from pathlib import Path
from statistics import median

from tests.bench.bench import Bench, MeasuredServer
from tests.bench.figures import Bound, Figure
from tests.bench.machine import memory
from tests.bench.plugin_clients import proxy_delays
from tests.plugins.pages.support import looking
from tests.plugins.puppet import until_healthy
from tests.sdk.support import PLUGINS, SDK, toru

HELLO, MADE = "hello", "bench-made"
REQUESTS = 300
PRESSES = 50
STARTS = REPEATS = 5
SETTLE_SECONDS = 2.0


async def measure(bench: Bench) -> list[Figure]:
    """The example hello, and the plugin that `toru plugin new` makes, whose page lives."""
    async with bench.product() as server:
        folder = server.folder / "plugins"
        folder.mkdir(exist_ok=True)
        await asyncio.to_thread(_pack, folder, server.folder)
        for name in (HELLO, MADE):
            await _enabled(server, name)
        return [await _memory(server), await _start(server), await _answers(bench, server)]


def _pack(plugins: Path, work: Path) -> None:
    for arguments in (
        ("new", MADE, "--into", work),
        ("pack", work / MADE, "--into", plugins),
        ("pack", PLUGINS / HELLO, "--into", plugins),
    ):
        done = toru("plugin", *arguments, cwd=SDK)
        if done.returncode != 0:
            raise RuntimeError(done.stderr)


async def _enabled(server: MeasuredServer, name: str) -> None:
    async with asyncio.timeout(30):
        while (await server.client.get(f"/api/plugins/{name}")).status_code == 404:
            await asyncio.sleep(0.05)
    await server.request("POST", f"/api/plugins/{name}/enable")
    await until_healthy(server.client, name)


async def _memory(server: MeasuredServer) -> Figure:
    """After requests, presses and a page that was looked at: what was imported late is there by then."""
    for _ in range(REQUESTS):
        await server.request("GET", "/api/plugins/route/hello/greeting?name=Ada")
        await server.request("GET", f"/api/plugins/route/{MADE}/load")
    async with looking(server.client, HELLO) as viewer:
        button = (await viewer.tree())["children"][0]["children"][1]["id"]
        for _ in range(PRESSES):
            await viewer.ask(button)
            await asyncio.sleep(0.1)
    await asyncio.sleep(SETTLE_SECONDS)
    used = [memory([(await until_healthy(server.client, name))["pid"]]) for name in (HELLO, MADE)]
    note = f"private {', '.join(f'{one.private:.1f}' for one in used)}: hello, and one that toru plugin new makes"
    return Figure("an SDK plugin's own process (PSS)", "MB", [one.pss for one in used], Bound(at_most=15), note=note)


async def _start(server: MeasuredServer) -> Figure:
    """From the wish to the health of the new process."""
    taken = []
    for _ in range(STARTS):
        began = time.monotonic()
        await server.request("POST", f"/api/plugins/{HELLO}/restart")
        await until_healthy(server.client, HELLO)
        taken.append((time.monotonic() - began) * 1000)
    return Figure("an SDK plugin: restart to ready", "ms", taken, Bound(at_most=2_000))


async def _answers(bench: Bench, server: MeasuredServer) -> Figure:
    """From a client through the core to a Python function and back."""
    path = "/api/plugins/route/hello/greeting"
    delays = [await bench.workers.call(proxy_delays, server.target, path, 60.0, REQUESTS) for _ in range(REPEATS)]
    return Figure("an SDK plugin's request through the proxy: p50", "ms", [median(some) for some in delays])
