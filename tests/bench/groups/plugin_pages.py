"""What pages of plugins cost: fifty components, a change on its way, a flood, and ten of them open."""

import asyncio
import json
from statistics import median

from tests.bench.bench import Bench, MeasuredServer
from tests.bench.figures import Bound, Figure, percentile
from tests.bench.machine import memory
from tests.bench.page_clients import ages, count_of, fifty
from tests.bench.plugin_clients import proxy_delays
from tests.bench.wire import WebSocket
from tests.plugins.puppet import deploy, until_healthy

PAGE, OTHER = "page", "page-other"
MANY = tuple(f"page-{number}" for number in range(10))
SHOWS, SHOW_SECONDS = 50, 0.2
PATCHES, RATE = 400, 20
STORM, STORM_RATE, STORM_SECONDS = 200_000, 10_000, 8.0
QUIET_SECONDS = 5.0
SETTLE_SECONDS = 4.0
OPEN_PAGES = 10


async def measure(bench: Bench) -> list[Figure]:
    """Memory on a core of its own, whose pages nobody has seen before."""
    async with bench.product() as server:
        memory_figure = await _memory(server)
    async with bench.product() as server:
        await _add(server, PAGE, OTHER)
        return [await _fifty(bench, server), await _patches(bench, server), *await _storm(bench, server), memory_figure]


async def _add(server: MeasuredServer, *names: str) -> None:
    for name in names:
        deploy(server.folder / "plugins", name)
    for name in names:
        async with asyncio.timeout(30):
            while (await server.client.get(f"/api/plugins/{name}")).status_code == 404:
                await asyncio.sleep(0.05)
        await server.request("POST", f"/api/plugins/{name}/enable")
        await until_healthy(server.client, name)


async def _show(server: MeasuredServer, name: str) -> None:
    said = json.dumps([{"action": "show", "tree": fifty()}])
    (await server.client.post(f"/api/plugins/route/{name}/page", content=said)).raise_for_status()


async def _fifty(bench: Bench, server: MeasuredServer) -> Figure:
    """From the plugin's last moment before it writes the tree to a viewer that has all of it."""
    await _show(server, PAGE)
    watching = bench.workers.start(ages, server.target, PAGE, SHOWS, 5.0)
    await asyncio.sleep(1)
    content = json.dumps(fifty())
    path = f"/api/plugins/route/{PAGE}/shows?{SHOWS},{SHOW_SECONDS}"
    (await server.client.post(path, content=content, timeout=60)).raise_for_status()
    taken = await watching
    size = len(content) >> 10
    note = f"{count_of(fifty()) - 1} components, {size} KiB; p95 {percentile(taken, 95):.1f} ms"
    return Figure(
        "a plugin's page of 50 components, shown to the viewer: p50", "ms", taken, Bound(at_most=100), note=note
    )


async def _patches(bench: Bench, server: MeasuredServer) -> Figure:
    watching = bench.workers.start(ages, server.target, PAGE, PATCHES, 3.0)
    await asyncio.sleep(1)
    path = f"/api/plugins/route/{PAGE}/storm?{PATCHES},{RATE}"
    (await server.client.get(path, timeout=60)).raise_for_status()
    taken = await watching
    note = f"p50 {median(taken):.1f} ms, max {max(taken):.1f} ms of {len(taken)}"
    return Figure(
        f"a patch from the plugin to the viewer at {RATE}/s: p95",
        "ms",
        [percentile(taken, 95)],
        Bound(at_most=50),
        note=note,
    )


async def _storm(bench: Bench, server: MeasuredServer) -> list[Figure]:
    """Another plugin's page and our own list, while one sends what it can."""
    await _show(server, OTHER)
    paths = (f"/api/plugins/{OTHER}/page", "/api/plugins")
    quiet = [await bench.workers.call(proxy_delays, server.target, path, QUIET_SECONDS) for path in paths]
    storm = asyncio.create_task(server.client.get(f"/api/plugins/route/{PAGE}/storm?{STORM},{STORM_RATE}", timeout=60))
    await asyncio.sleep(0.5)
    busy = [await bench.workers.call(proxy_delays, server.target, path, STORM_SECONDS) for path in paths]
    tree = (await server.request("GET", f"/api/plugins/{PAGE}/page"))["tree"]
    taken = next(node["value"] for node in tree["children"] if node.get("id") == "n")
    log = await server.request("GET", f"/api/plugins/{PAGE}/logs")
    named = sum(line.get("event") == "page_flooded" for line in log["logs"])
    storm.cancel()
    await asyncio.wait({storm})
    figures = [
        Figure(
            f"a plugin sends {STORM_RATE:,} patches/s: what {what} takes longer, {part}",
            "ms",
            [max(0.0, percentile(after, number) - percentile(before, number))],
            Bound(at_most=50),
            note=f"{percentile(after, number):.1f} ms, alone {percentile(before, number):.1f} ms; "
            f"max {max(after):.1f} ms, alone {max(before):.1f} ms",
        )
        for what, before, after in zip(("another page", "the list of plugins"), quiet, busy, strict=True)
        for part, number in (("p95", 95), ("p99", 99))
    ]
    seconds = len(paths) * STORM_SECONDS + 0.5
    limited = Figure(
        "the same: patches that the core takes of it",
        "/s",
        [taken / seconds],
        Bound(at_most=220),
        note=f"named in its log: {named} line",
        problem="" if named == 1 else f"{named} lines in its log name it",
    )
    return [*figures, limited]


async def _memory(server: MeasuredServer) -> Figure:
    """Ten plugins that show fifty components, and ten browsers: on a socket of ours, then each on one of the pages."""
    await _add(server, *MANY)
    for name in MANY:
        await server.request("GET", f"/api/plugins/route/{name}/echo")

    async def with_viewers(paths: list[str]) -> float:
        viewers = [WebSocket(server.port, path, server.target.headers) for path in paths]
        await asyncio.sleep(SETTLE_SECONDS)
        found = median([memory([server.pid]).private for _ in range(3)])
        for viewer in viewers:
            viewer.close()
        await asyncio.sleep(1)
        return found

    await with_viewers(["/api/ws"] * OPEN_PAGES)  # what the first sockets of a core cost stays
    nothing_shown = await with_viewers(["/api/ws"] * OPEN_PAGES)
    for name in MANY:
        await _show(server, name)
    before = await with_viewers(["/api/ws"] * OPEN_PAGES)
    after = await with_viewers([f"/api/plugins/{name}/page" for name in MANY])
    trees = f"the trees of {count_of(fifty()) - 1} components that they look at take {before - nothing_shown:.1f}"
    return Figure(
        "ten open pages of plugins, over ten sockets of the dashboard",
        "MB",
        [after - before],
        Bound(at_most=1),
        note=f"private memory, {before:.1f} before, {after:.1f} after; {trees}, open or not",
    )
