"""How long the command line takes to say something."""

import asyncio
import subprocess
import time
from collections.abc import Sequence

from tests.bench.bench import Bench, serving_python
from tests.bench.figures import Bound, Figure
from tests.support.server import ROOT

REPEATS = 15
MOST_TIMES = 3


async def measure(bench: Bench) -> list[Figure]:
    """`toru --help` and a Python that does nothing, in turns."""
    python = serving_python()
    pairs = [
        (
            await asyncio.to_thread(_milliseconds, [python, "-m", "app.cli", "--help"]),
            await asyncio.to_thread(_milliseconds, [python, "-c", "pass"]),
        )
        for _ in range(REPEATS)
    ]
    launched = [await asyncio.to_thread(_milliseconds, [str(ROOT / "toru"), "--help"]) for _ in range(REPEATS)]
    ratios = [ours / nothing for ours, nothing in pairs]
    return [
        Figure(
            "toru --help, in times of python -c pass",
            "×",
            ratios,
            Bound(at_most=MOST_TIMES),
            note=f"{sorted(ours for ours, _ in pairs)[REPEATS // 2]:.0f} ms; "
            f"with the launcher {sorted(launched)[REPEATS // 2]:.0f} ms",
        )
    ]


def _milliseconds(command: Sequence[str]) -> float:
    start = time.monotonic()
    subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
    return (time.monotonic() - start) * 1000
