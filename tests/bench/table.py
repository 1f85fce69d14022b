"""How figures are shown: a table for people, JSON for programs."""

from collections.abc import Sequence
from dataclasses import asdict
from statistics import median
from typing import Any

from tests.bench.figures import Figure, number

HEAD = ("figure", "bound", "measured (least – most)", "baseline", "ratio", "")


def as_table(figures: Sequence[Figure]) -> str:
    """The table, with each figure's note below it."""
    rows = [_row(figure) for figure in figures]
    widths = [max(len(row[column]) for row in [HEAD, *rows]) for column in range(len(HEAD))]
    lines = [_line(HEAD, widths), "  ".join("─" * width for width in widths)]
    for figure, row in zip(figures, rows, strict=True):
        lines.append(_line(row, widths))
        lines += [f"    {text}" for text in (figure.problem, figure.note) if text]
    return "\n".join(lines)


def as_json(figures: Sequence[Figure]) -> list[dict[str, Any]]:
    """Every figure with its samples."""
    return [
        {
            **asdict(figure),
            "value": figure.value if figure.samples else None,
            "ratio": figure.ratio,
            "missed": figure.missed,
        }
        for figure in figures
    ]


def _row(figure: Figure) -> tuple[str, ...]:
    return (
        figure.name,
        figure.bound.told(figure.unit) if figure.bound else "",
        _spread(figure.samples, figure.unit),
        _spread(figure.baseline, figure.unit),
        f"{number(figure.ratio)} ×" if figure.ratio is not None else "",
        _verdict(figure),
    )


def _spread(samples: Sequence[float], unit: str) -> str:
    if not samples:
        return "–"
    middle = f"{number(median(samples))} {unit}".rstrip()
    return middle if len(samples) == 1 else f"{middle} ({number(min(samples))} – {number(max(samples))})"


def _verdict(figure: Figure) -> str:
    if figure.missed:
        return "MISSED"
    return "ok" if figure.bound else ""


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
