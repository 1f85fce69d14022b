"""What a figure is: samples beside those of the comparison, a bound, and the verdict."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median


@dataclass(frozen=True)
class Bound:
    """What a figure must reach; every part that is given must hold.

    Attributes:
        at_most, at_least: of the median, in the figure's unit.
        ratio: the least that measured divided by the comparison may be.
        below: whether `at_most` itself is already too much.
    """

    at_most: float | None = None
    at_least: float | None = None
    ratio: float | None = None
    below: bool = False

    def holds(self, value: float, ratio: float | None) -> bool:
        """Whether a figure with this median and this ratio is good enough."""
        if self.at_most is not None and (value >= self.at_most if self.below else value > self.at_most):
            return False
        if self.at_least is not None and value < self.at_least:
            return False
        return self.ratio is None or (ratio is not None and ratio >= self.ratio)

    def told(self, unit: str) -> str:
        """The bound for people."""
        parts = []
        if self.at_most is not None:
            parts.append(f"{'<' if self.below else '≤'} {number(self.at_most)} {unit}".rstrip())
        if self.at_least is not None:
            parts.append(f"≥ {number(self.at_least)} {unit}".rstrip())
        if self.ratio is not None:
            parts.append(f"≥ {number(self.ratio)} ×")
        return ", ".join(parts)


@dataclass(frozen=True)
class Figure:
    """One line of the table.

    Attributes:
        samples: one value a run; the verdict is about their median.
        bound: None where the figure only informs.
        baseline: the comparison's values, measured between ours.
        note: what else the measurement saw.
        problem: why it could not be measured, or what was wrong with the answers; always a miss.
    """

    name: str
    unit: str
    samples: Sequence[float] = ()
    bound: Bound | None = None
    baseline: Sequence[float] = field(default=())
    note: str = ""
    problem: str = ""

    @property
    def value(self) -> float:
        """The median of the samples."""
        return median(self.samples)

    @property
    def ratio(self) -> float | None:
        """Measured divided by the comparison: of neighbours in time where there are as many, else of the medians."""
        if not self.samples or not self.baseline or not all(self.baseline):
            return None
        if len(self.samples) == len(self.baseline):
            return median(ours / theirs for ours, theirs in zip(self.samples, self.baseline, strict=True))
        return self.value / median(self.baseline)

    @property
    def missed(self) -> bool:
        """Whether the bound does not hold."""
        if self.problem:
            return True
        return self.bound is not None and not self.bound.holds(self.value, self.ratio)


def percentile(samples: Sequence[float], percent: float) -> float:
    """The smallest sample that `percent` of all do not exceed."""
    ordered = sorted(samples)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def number(value: float) -> str:
    """A value with three significant digits and no exponent."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
