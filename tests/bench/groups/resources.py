"""How many GETs of the machine's figures one connection gets answered in a second."""

from tests.bench.bench import Bench
from tests.bench.clients import request_rate
from tests.bench.figures import Bound, Figure

REPEATS = 5
SECONDS = 2.0


async def measure(bench: Bench) -> list[Figure]:
    """GET /api/resources; ours and the baseline's take turns."""
    async with bench.product() as server, bench.baseline(server) as bare:
        pairs = [
            (
                await bench.workers.call(request_rate, server.target, SECONDS),
                await bench.workers.call(request_rate, bare.target, SECONDS),
            )
            for _ in range(REPEATS)
        ]
    ours, theirs = zip(*pairs, strict=True)
    return [Figure("GET /api/resources, one connection", "/s", ours, Bound(at_least=1_000, ratio=0.5), theirs)]
