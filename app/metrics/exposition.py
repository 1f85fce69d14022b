"""The text that Prometheus reads: families of samples, each with its kind and a sentence.

The format is Prometheus' text format 0.0.4: https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from app.core.histogram import Distribution

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Labels = Mapping[str, str]
Sample = tuple[Labels, float | Distribution | None]
"""Labels, and a number, or for a histogram what it has seen; None where nothing was measured."""


@dataclass(frozen=True, slots=True)
class Family:
    """The samples of one name.

    Attributes:
        name: with its unit, and with `_total` at the end of a counter's.
        help: a sentence.
    """

    name: str
    kind: Literal["gauge", "counter", "histogram"]
    help: str
    samples: Iterable[Sample]


def exposition(families: Iterable[Family]) -> str:
    """The text. A sample without a number is left out, and so is a family without a sample."""
    lines: list[str] = []
    for family in families:
        told = [line for labels, value in family.samples for line in _lines(family.name, labels, value)]
        if told:
            lines += [f"# HELP {family.name} {_escaped(family.help)}", f"# TYPE {family.name} {family.kind}", *told]
    return "\n".join(lines) + "\n" if lines else ""


def _lines(name: str, labels: Labels, value: float | Distribution | None) -> Iterator[str]:
    if isinstance(value, Distribution):
        for bound, count in zip((*map(repr, value.bounds), "+Inf"), value.counts, strict=True):
            yield _line(f"{name}_bucket", {**labels, "le": bound}, count)
        yield _line(f"{name}_sum", labels, round(value.total, 6))
        yield _line(f"{name}_count", labels, value.counts[-1])
    elif value is not None:
        yield _line(name, labels, value)


def _line(name: str, labels: Labels, value: float) -> str:
    inside = ",".join(f'{key}="{_escaped(text, quotes=True)}"' for key, text in labels.items())
    return f"{name}{{{inside}}} {value!r}" if inside else f"{name} {value!r}"


def _escaped(text: str, *, quotes: bool = False) -> str:
    text = text.replace("\\", "\\\\").replace("\n", "\\n").encode("utf-8", "replace").decode()
    return text.replace('"', '\\"') if quotes else text
