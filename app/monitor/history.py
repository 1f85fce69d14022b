"""The last hour of figures: one entry a second in compact rings, answered as means on an even grid."""

import math
from array import array
from collections.abc import Mapping, Sequence

COLUMNS = ("cpu", "memory", "disk", "received", "transmitted")
SECONDS = 3600
POINTS = 600

ABSENT = math.nan


class History:
    """Rings of 32-bit floats, indexed by tick (four bytes an entry and column; 72 kB for the hour)."""

    def __init__(self, seconds: int = SECONDS) -> None:
        self._size = seconds
        self._rings = {name: array("f", [ABSENT]) * seconds for name in COLUMNS}
        self._first: int | None = None
        self._last = -1

    @property
    def last(self) -> int:
        """Tick of the newest entry, -1 when there is none."""
        return self._last

    def append(self, tick: int, values: Mapping[str, float | None]) -> None:
        """Keeps `values` as the entry of `tick`, which is larger than the one before; ticks between stay absent."""
        if self._first is None:
            self._first = tick
            self._last = tick - 1
        for skipped in range(max(self._last + 1, tick - self._size), tick):
            for ring in self._rings.values():
                ring[skipped % self._size] = ABSENT
        for name, ring in self._rings.items():
            value = values.get(name)
            ring[tick % self._size] = ABSENT if value is None else value
        self._last = tick

    def read(self, seconds: int, points: int = POINTS) -> tuple[int, int, dict[str, list[float | None]]]:
        """The last `seconds` in at most `points` entries: tick of the first, seconds per entry, columns of means.

        Entries begin at multiples of their length, so a figure that was shown once never changes its neighbours.
        """
        interval = math.ceil(min(seconds, self._size) / points)
        if self._first is None:
            return 0, interval, {name: [] for name in COLUMNS}
        end = self._last // interval + 1
        oldest = max(self._first, self._last - self._size + 1) // interval
        begin = max(end - math.ceil(min(seconds, self._size) / interval), oldest)
        return begin * interval, interval, {name: self._means(name, begin, end, interval) for name in COLUMNS}

    def _means(self, name: str, begin: int, end: int, interval: int) -> list[float | None]:
        turn = (self._last + 1) % self._size
        ring = self._rings[name]
        line = ring[turn:] + ring[:turn]  # oldest first; the entry of tick t stands at t - origin
        origin = self._last - self._size + 1
        means: list[float | None] = []
        for bucket in range(begin, end):
            low = bucket * interval - origin
            means.append(_mean(line[max(low, 0) : low + interval]))
        return means


def _mean(values: Sequence[float]) -> float | None:
    total = sum(values)
    if math.isnan(total):  # one of them is absent
        values = [value for value in values if not math.isnan(value)]
        total = sum(values)
    return round(total / len(values), 2) if values else None
