"""The text that Prometheus reads: families of samples, each with its kind and a sentence.

The format is Prometheus' text format 0.0.4: https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Sample = tuple[Mapping[str, str], float | None]
"""Labels, and a number, which is None where nothing was measured."""


@dataclass(frozen=True, slots=True)
class Family:
    """The samples of one name.

    Attributes:
        name: with its unit, and with `_total` at the end of a counter's.
        help: a sentence.
    """

    name: str
    kind: Literal["gauge", "counter"]
    help: str
    samples: Iterable[Sample]


def exposition(families: Iterable[Family]) -> str:
    """The text. A sample without a number is left out, and so is a family without a sample."""
    lines: list[str] = []
    for family in families:
        told = [_line(family.name, labels, value) for labels, value in family.samples if value is not None]
        if told:
            lines += [f"# HELP {family.name} {_escaped(family.help)}", f"# TYPE {family.name} {family.kind}", *told]
    return "\n".join(lines) + "\n" if lines else ""


def _line(name: str, labels: Mapping[str, str], value: float) -> str:
    inside = ",".join(f'{key}="{_escaped(text, quotes=True)}"' for key, text in labels.items())
    return f"{name}{{{inside}}} {value!r}" if inside else f"{name} {value!r}"


def _escaped(text: str, *, quotes: bool = False) -> str:
    text = text.replace("\\", "\\\\").replace("\n", "\\n").encode("utf-8", "replace").decode()
    return text.replace('"', '\\"') if quotes else text
