"""How fast output flows to a viewer: 50 MB as bytes and as lines, with a light GET beside it."""

import asyncio
from collections.abc import Awaitable, Callable

from tests.bench.bench import Bench
from tests.bench.clients import Stream, drain_terminal, probe, read_bytes, read_lines
from tests.bench.figures import Bound, Figure, percentile
from tests.bench.targets import Target
from tests.bench.workloads import gated

SCRIPT = "stream.sh"
REPEATS = 5
LINE_REPEATS = 3
PROBE_SECONDS = 6.0
PROBE_PAUSE = 0.002

StreamOf = Callable[[Target], Awaitable[Stream]]


async def measure(bench: Bench) -> list[Figure]:
    """All streams; ours and the baseline's take turns."""
    async with bench.product() as server, bench.baseline(server) as bare:
        server.script(SCRIPT, gated(bench.gate, f"exec cat '{bench.lines.path}'"))
        size = bench.lines.size

        async def as_bytes(target: Target) -> Stream:
            return await bench.workers.call(read_bytes, target, SCRIPT, bench.gate, size)

        async def as_lines(target: Target) -> Stream:
            return await bench.workers.call(read_lines, target, SCRIPT, bench.gate, size)

        async def on_terminal(target: Target) -> Stream:
            return await bench.workers.call(read_bytes, target, SCRIPT, bench.gate, size, True)

        pipe = await _compared(bench, as_bytes, server.target, bare.target, REPEATS)
        terminal = [await on_terminal(server.target) for _ in range(LINE_REPEATS)]
        kernel = [
            await bench.workers.call(drain_terminal, server.scripts_dir / SCRIPT, bench.gate, size)
            for _ in range(LINE_REPEATS)
        ]
        lines = await _compared(bench, as_lines, server.target, bare.target, LINE_REPEATS)
        return [
            _rate("50 MB as bytes, from a pipe", *pipe, Bound(at_least=200, ratio=0.5), bench.lines.digest),
            Figure(
                "50 MB as bytes, through a terminal",
                "MB/s",
                [stream.rate for stream in terminal],
                Bound(at_least=20),
                kernel,
                "baseline: the kernel's pseudo terminal, only read",
                _damage(terminal, bench.lines.terminal_digest),
            ),
            _rate("50 MB as one message a line", *lines, Bound(at_least=15, ratio=3), bench.lines.digest),
            await _probed(bench, "GET meanwhile, bytes: p99", as_bytes, server.target, bare.target),
            await _probed(bench, "GET meanwhile, lines: p99", as_lines, server.target, bare.target),
        ]


async def _compared(
    bench: Bench, stream_of: StreamOf, ours: Target, theirs: Target, repeats: int
) -> tuple[list[Stream], list[Stream]]:
    pairs = [(await stream_of(ours), await stream_of(theirs)) for _ in range(repeats)]
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def _rate(name: str, ours: list[Stream], theirs: list[Stream], bound: Bound, digest: str) -> Figure:
    rates = [stream.rate for stream in ours]
    return Figure(name, "MB/s", rates, bound, [stream.rate for stream in theirs], "", _damage(ours + theirs, digest))


def _damage(streams: list[Stream], digest: str) -> str:
    bad = [stream for stream in streams if stream.digest != digest]
    return f"{len(bad)} streams were not what was written; sizes {[stream.size for stream in bad]}" if bad else ""


async def _probed(bench: Bench, name: str, stream_of: StreamOf, ours: Target, theirs: Target) -> Figure:
    mine, other = await _delays(bench, stream_of, ours), await _delays(bench, stream_of, theirs)
    note = (
        f"p50 {percentile(mine, 50):.1f}, longest {max(mine):.0f} of {len(mine)}; "
        f"baseline: p50 {percentile(other, 50):.1f}, longest {max(other):.0f} of {len(other)}"
    )
    return Figure(name, "ms", [percentile(mine, 99)], Bound(at_most=50), [percentile(other, 99)], note)


async def _delays(bench: Bench, stream_of: StreamOf, target: Target) -> list[float]:
    """Milliseconds of the GETs that were sent while a stream flowed; streams follow each other all the time."""
    prober = bench.workers.start(probe, target, PROBE_SECONDS, PROBE_PAUSE)
    streams: list[Stream] = []
    while not prober.done():
        streams.append(await stream_of(target))
        await asyncio.sleep(0)
    return [delay for sent, delay in await prober if any(stream.start <= sent <= stream.end for stream in streams)]
