"""How long a change of page takes in a real browser: from the click until the new page is there, data and all."""

import asyncio
from itertools import chain
from statistics import median

from tests.bench.bench import Bench
from tests.bench.browser import open_dashboard
from tests.bench.figures import Bound, Figure, percentile
from tests.bench.machine import memory

ROUNDS = 12
PAUSE = 0.3
LINKS = "[...document.querySelectorAll('.t-nav li a')].map(link => link.getAttribute('href'))"
CHANGE = """path => new Promise((resolve, reject) => {
    const link = document.querySelector(`.t-nav li a[href="${path}"]`);
    const content = document.querySelector('.t-main');
    const old = [...content.querySelectorAll('*')].filter(part => !part.children.length);
    const start = performance.now();
    let shown = null;
    const look = () => {
        const gone = old.every(part => !part.isConnected || part.closest('.t-notice'));
        const here = link.getAttribute('aria-current') === 'page' && gone && content.innerText.trim() !== '';
        const loading = content.querySelector('.t-skeleton, [aria-busy=true]') !== null;
        const now = performance.now() - start;
        if (here && shown === null) shown = now;
        if (here && !loading) resolve([shown, now]);
        else if (now > 8000) reject(new Error(`${path} did not come: here ${here}, loading ${loading}`));
        else requestAnimationFrame(look);
    };
    link.click();
    requestAnimationFrame(look);
})"""


async def measure(bench: Bench) -> list[Figure]:
    """Every page of the menu, round and round."""
    async with bench.product() as server, open_dashboard(server) as page:
        paths = await page.evaluate(LINKS)
        shown: dict[str, list[float]] = {path: [] for path in paths}
        complete: dict[str, list[float]] = {path: [] for path in paths}
        rounds = []
        for _ in range(ROUNDS):
            for path in [*paths[1:], paths[0]]:
                first, last = await page.evaluate(CHANGE, path)
                shown[path].append(first)
                complete[path].append(last)
                await asyncio.sleep(PAUSE)
            rounds.append(median(taken[-1] for taken in complete.values()))
        used = memory(server.measured_pids()).pss
    everything = list(chain(*complete.values()))
    parts = ", ".join(f"{path} {median(shown[path]):.0f}/{median(taken):.0f}" for path, taken in complete.items())
    note = f"p95 {percentile(everything, 95):.0f}; shown/complete: {parts}; core + runner afterwards {used:.1f} MB"
    return [Figure("change of page: p50", "ms", rounds, Bound(at_most=150), note=note)]
