"""How long a plugin's page takes in a real browser: from the press on its link until all of it is drawn."""

import asyncio
from typing import Any

from tests.bench.bench import Bench
from tests.bench.browser import open_dashboard
from tests.bench.figures import Bound, Figure, percentile
from tests.plugins.pages.support import PAGE, show
from tests.plugins.puppet import deploy, until_healthy

ROUNDS = 20
PAUSE = 0.3
COMPONENTS = 50
PARTS = ", ".join(
    f".p-page {part}"
    for part in (
        ".m-metric",
        ".p-table",
        "canvas",
        ".t-btn",
        ".p-field",
        ".p-text",
        ".p-chip",
        ".m-meter",
        ".p-log",
        ".t-prose",
    )
)
DRAW = """([path, count, parts]) => new Promise((resolve, reject) => {
    const start = performance.now();
    const look = () => {
        const drawn = document.querySelectorAll(parts).length;
        const now = performance.now() - start;
        if (drawn >= count) resolve(now);
        else if (now > 8000) reject(new Error(`Only ${drawn} of ${count} were drawn`));
        else requestAnimationFrame(look);
    };
    document.querySelector(`.t-nav a[href="${path}"]`).click();
    requestAnimationFrame(look);
})"""
LEAVE = "document.querySelector('.t-nav a[href=\"/history\"]').click()"


def page() -> dict[str, Any]:
    """A page of 50 components of every sort, with a chart of 600 points and a table of 50 rows."""
    columns = [{"key": "name", "label": "Name", "kind": "strong"}, {"key": "size", "label": "Size", "kind": "bytes"}]
    rows = [{"key": str(n), "name": f"Row {n}", "size": n * 4096} for n in range(50)]
    points = [[f"2026-11-23T0{n // 60}:{n % 60:02}:00Z", n % 37] for n in range(300)]
    series = [{"name": name, "data": points} for name in ("one", "two")]
    nodes: list[dict[str, Any]] = [
        {"type": "table", "caption": "Rows", "columns": columns, "rows": rows},
        {"type": "chart", "label": "Load", "series": series},
        {"type": "log", "lines": [f"line {n}" for n in range(200)]},
        {"type": "markdown", "text": "# Words\n\nand **more** of them.\n\n- one\n- two\n"},
        *({"type": "metric", "label": f"Metric {n}", "value": n, "trend": [*range(20)], "share": n} for n in range(12)),
        *({"type": "text", "text": f"Words {n}"} for n in range(10)),
        *({"type": "badge", "text": f"Badge {n}", "tone": "ok"} for n in range(8)),
        *({"type": "button", "id": f"b{n}", "label": f"Button {n}"} for n in range(7)),
        *({"type": "progress", "label": f"Part {n}", "value": n} for n in range(4)),
    ]
    fields = [{"type": "field", "name": f"f{n}", "label": f"Field {n}"} for n in range(4)]
    nodes.append({"type": "form", "id": "form", "children": fields})
    parts = len(nodes) - 1 + len(fields) + 1  # the form's own button is one, too
    if parts < COMPONENTS:
        raise ValueError(f"These are only {parts} components.")
    return {"type": "column", "children": nodes}


async def measure(bench: Bench) -> list[Figure]:
    """The page of one plugin, again and again."""
    async with bench.product() as server:
        deploy(server.folder / "plugins", PAGE)
        async with asyncio.timeout(30):
            while (await server.client.get(f"/api/plugins/{PAGE}")).status_code == 404:
                await asyncio.sleep(0.05)
        await server.request("POST", f"/api/plugins/{PAGE}/enable")
        await until_healthy(server.client, PAGE)
        await show(server.client, page())
        asked = [f"/plugin/{PAGE}", COMPONENTS, PARTS]
        async with open_dashboard(server) as browser:
            first = await browser.evaluate(DRAW, asked)
            taken = []
            for _ in range(ROUNDS):
                await browser.evaluate(LEAVE)
                await browser.wait_for_selector(".p-page", state="detached")
                await asyncio.sleep(PAUSE)
                taken.append(await browser.evaluate(DRAW, asked))
    note = f"p95 {percentile(taken, 95):.0f}; the first time, its scripts among it, {first:.0f}"
    name = f"a plugin's page of {COMPONENTS} components drawn: p50"
    return [Figure(name, "ms", taken, Bound(at_most=300), note=note)]
