"""Measures every figure that the product must reach, each beside its comparison, and prints a table.

`python -m tests.bench [--full] [--json FILE] [NAME…]`; ends with 1 when a bound is missed.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from tests.bench.bench import Bench, install, make_bench, serving_python
from tests.bench.figures import Figure
from tests.bench.groups import (
    crashes,
    growth,
    idle,
    latency,
    pages,
    plugin_page_browser,
    plugin_pages,
    plugin_sdk,
    plugins,
    resources,
    retention,
    revocation,
    sign_in,
    start,
    throughput,
)
from tests.bench.table import as_json, as_table
from tests.bench.workers import workers

Measure = Callable[[Bench], Awaitable[list[Figure]]]

GROUPS: dict[str, Measure] = {
    "idle": idle.measure,
    "start": start.measure,
    "latency": latency.measure,
    "throughput": throughput.measure,
    "growth": growth.measure,
    "resources": resources.measure,
    "pages": pages.measure,
    "sign_in": sign_in.measure,
    "revocation": revocation.measure,
    "plugins": plugins.measure,
    "plugin_page_browser": plugin_page_browser.measure,
    "plugin_sdk": plugin_sdk.measure,
    "plugin_pages": plugin_pages.measure,
    "retention": retention.measure,
    "crashes": crashes.measure,
}


async def measure(bench: Bench, names: Sequence[str]) -> list[Figure]:
    """The figures of the groups with these names, told as they come."""
    figures: list[Figure] = []
    for name in names:
        print(f"── {name} (load {os.getloadavg()[0]:.1f})", file=sys.stderr, flush=True)
        started = time.monotonic()
        try:
            measured = await GROUPS[name](bench)
        except Exception as error:  # noqa: BLE001 - the other groups shall still be measured; this one is a miss
            traceback.print_exc()
            measured = [
                Figure(name, "", problem=f"{type(error).__name__}: {str(error).strip().rpartition(chr(10))[2]}")
            ]
        figures += measured
        print(as_table(measured), file=sys.stderr)
        print(f"   {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    return figures


def main() -> int:
    """The command; its exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"groups: {', '.join(GROUPS)}; all without")
    parser.add_argument("--full", action="store_true", help="the long form: 100 kills instead of 10")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also writes every sample")
    options = parser.parse_args()
    unknown = set(options.names) - GROUPS.keys()
    if unknown:
        parser.error(f"no such group: {', '.join(sorted(unknown))}")
    install()
    with tempfile.TemporaryDirectory(prefix="toru-bench-") as folder, workers() as pool:
        bench = make_bench(Path(folder), pool, full=options.full)
        figures = asyncio.run(measure(bench, options.names or list(GROUPS)))
    print(f"\n{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, serving with {serving_python()}\n")
    print(as_table(figures))
    if options.json:
        options.json.write_text(json.dumps(as_json(figures), indent=1))
    return int(any(figure.missed for figure in figures))


if __name__ == "__main__":
    sys.exit(main())
