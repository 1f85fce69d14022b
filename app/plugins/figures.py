"""The figures of plugins: how many requests they answered and how fast, and what their processes use."""

import asyncio
from array import array
from collections.abc import Mapping

from app.core.clock import Clock
from app.monitor.families import FamilyReader, Usage

SAMPLES = 512
"""The newest requests of a plugin, of which p95 is told; 2 kB a plugin."""

FRESH_SECONDS = 1.0
"""How long a measurement is good for whoever asks next."""


class Requests:
    """The requests of one plugin."""

    def __init__(self) -> None:
        self.count = 0
        self._newest = array("f")

    def add(self, seconds: float) -> None:
        """Counts one that took this long."""
        if len(self._newest) < SAMPLES:
            self._newest.append(seconds)
        else:
            self._newest[self.count % SAMPLES] = seconds
        self.count += 1

    @property
    def p95_ms(self) -> float | None:
        """95 of 100 of the newest took at most as many milliseconds; None without any."""
        if not self._newest:
            return None
        ordered = sorted(self._newest)
        return round(1000 * ordered[(len(ordered) * 95 - 1) // 100], 2)


class PluginFigures:
    """Counts since the core was started; processes are measured when somebody looks."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._requests: dict[str, Requests] = {}
        self._reader = FamilyReader()
        self._reading = asyncio.Lock()
        self._read_at: float | None = None
        self._usage: dict[str, Usage] = {}

    def requests(self, plugin_id: str) -> Requests:
        """The requests of a plugin, to count and to tell of."""
        return self._requests.setdefault(plugin_id, Requests())

    async def measure(self, pids: Mapping[str, int]) -> None:
        """Brings `usage` up to date, to at most a second ago; `pids` are those of all plugins that run."""
        async with self._reading:
            now = self._clock.monotonic()
            if self._read_at is not None and now - self._read_at < FRESH_SECONDS and pids.keys() <= self._usage.keys():
                return
            found = await asyncio.to_thread(self._reader.read, list(pids.values()))
            self._usage = {plugin_id: found[pid] for plugin_id, pid in pids.items() if pid in found}
            self._read_at = now

    def usage(self, plugin_id: str) -> Usage | None:
        """What the plugin's processes used when they were measured last; None when it had none."""
        return self._usage.get(plugin_id)
