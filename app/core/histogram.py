"""How many of what was measured took at most how long: counts between fixed bounds, a few hundred bytes each."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate


@dataclass(frozen=True, slots=True)
class Distribution:
    """What a histogram has seen so far.

    Attributes:
        bounds: the upper bounds, ascending; beyond the last there is one more count.
        counts: how many were at most as large as each bound, and last how many there were at all.
        total: the sum of what was seen.
    """

    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    total: float


class Histogram:
    """Counts; one thread owns an instance.

    Args:
        bounds: upper bounds, ascending.
    """

    __slots__ = ("_bounds", "_counts", "_total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(self._bounds) + 1)
        self._total = 0.0

    def observe(self, value: float) -> None:
        """Counts one; what is as large as a bound is below it."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._total += value

    def seen(self) -> Distribution:
        """What was counted until now."""
        return Distribution(self._bounds, tuple(accumulate(self._counts)), self._total)
