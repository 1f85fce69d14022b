"""Measures every figure that the product must reach, each beside its comparison, and prints a table.

`python -m tests.bench [--full] [--json FILE] [NAME…]`; ends with 1 when a bound is missed. Without names it measures
everything and writes BENCHMARKS.md.
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
from tests.bench.document import Circumstances, write
from tests.bench.figures import Figure
from tests.bench.groups import (
    command,
    crashes,
    growth,
    idle,
    latency,
    pages,
    peers,
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
from tests.support.server import ROOT

DOCUMENT = ROOT / "BENCHMARKS.md"

Measure = Callable[[Bench], Awaitable[list[Figure]]]

GROUPS: dict[str, Measure] = {
    "idle": idle.measure,
    "start": start.measure,
    "command": command.measure,
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
    "peers": peers.measure,
}


async def measure(bench: Bench, names: Sequence[str]) -> dict[str, list[Figure]]:
    """The figures of the groups with these names, told as they come."""
    groups: dict[str, list[Figure]] = {}
    for name in names:
        print(f"── {name} (load {os.getloadavg()[0]:.1f})", file=sys.stderr, flush=True)
        started = time.monotonic()
        try:
            groups[name] = await GROUPS[name](bench)
        except Exception as error:  # noqa: BLE001 - the other groups shall still be measured; this one is a miss
            traceback.print_exc()
            problem = f"{type(error).__name__}: {str(error).strip().rpartition(chr(10))[2]}"
            groups[name] = [Figure(name, "", problem=problem)]
        print(as_table(groups[name]), file=sys.stderr)
        print(f"   {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    return groups


def main() -> int:
    """The command; its exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"groups: {', '.join(GROUPS)}; all without")
    parser.add_argument("--full", action="store_true", help="the long form: 100 kills instead of 10")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also writes every sample")
    parser.add_argument("--write", type=Path, metavar="FILE", help="writes the document there, whatever was measured")
    options = parser.parse_args()
    unknown = set(options.names) - GROUPS.keys()
    if unknown:
        parser.error(f"no such group: {', '.join(sorted(unknown))}")
    load, started = os.getloadavg()[0], time.monotonic()
    install()
    with tempfile.TemporaryDirectory(prefix="toru-bench-") as folder, workers() as pool:
        bench = make_bench(Path(folder), pool, full=options.full)
        groups = asyncio.run(measure(bench, options.names or list(GROUPS)))
    figures = [figure for group in groups.values() for figure in group]
    around = Circumstances(serving_python(), (load, os.getloadavg()[0]), (time.monotonic() - started) / 60)
    print(f"\n{os.cpu_count()} cores, load {around.load[1]:.1f}, serving with {around.python}\n")
    print(as_table(figures))
    if options.json:
        options.json.write_text(json.dumps(as_json(figures), indent=1))
    if document := options.write or (None if options.names else DOCUMENT):
        write(document, groups, around, full=options.full)
    return int(any(figure.missed for figure in figures))


if __name__ == "__main__":
    sys.exit(main())
