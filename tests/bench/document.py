"""BENCHMARKS.md: every figure of one run of all groups, with what it was measured on."""

import os
import platform
import sqlite3
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from tests.bench.figures import Figure, number
from tests.support.server import ROOT

HEAD = """# Benchmarks

Written by `python -m tests.bench` (in the environment that `./toru test` makes); do not edit. Each figure is measured
beside its comparison in the same run, in turns: a bare FastAPI application (tests/bench/baseline.py) unless the line
says something else. The verdict is about the median; the spread is from the least to the most of the samples."""

PACKAGES = ("fastapi", "nicegui", "starlette", "uvicorn", "sqlalchemy", "pydantic", "psutil", "orjson")


@dataclass(frozen=True)
class Circumstances:
    """What a run was made with and on.

    Attributes:
        python: what the product was served with.
        load: of the machine, over a minute, before the first and after the last group.
        minutes: how long it took.
    """

    python: str
    load: tuple[float, float]
    minutes: float


def write(path: Path, groups: Mapping[str, Sequence[Figure]], around: Circumstances, *, full: bool) -> None:
    """Writes the document."""
    figures = [figure for group in groups.values() for figure in group]
    bounded = [figure for figure in figures if figure.bound is not None or figure.problem]
    kept = sum(not figure.missed for figure in bounded)
    verdict = f"**{kept} of {len(bounded)} bounds hold.**"
    parts = [HEAD, _circumstances(around, full=full), verdict]
    parts += [f"## {name.replace('_', ' ')}\n\n{_table(group)}" for name, group in groups.items()]
    path.write_text("\n\n".join(parts) + "\n")


def _circumstances(around: Circumstances, *, full: bool) -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    rows = {
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "version": _run("git", "describe", "--always", "--dirty"),
        "machine": f"{os.cpu_count()} cores ({_processor()}), {memory:.0f} GiB, {platform.platform(terse=True)}",
        "load": f"{around.load[0]:.1f} before, {around.load[1]:.1f} after",
        "Python": f"{_run(around.python, '-V')}, SQLite {sqlite3.sqlite_version}",
        "packages": _packages(around.python),
        "form": f"{'long' if full else 'usual'}, {around.minutes:.0f} minutes",
    }
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items())])


def _run(*command: str) -> str:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _packages(python: str) -> str:
    look = f"from importlib.metadata import version as v; print(', '.join(f'{{n}} {{v(n)}}' for n in {PACKAGES!r}))"
    return _run(python, "-c", look)


def _table(figures: Sequence[Figure]) -> str:
    lines = ["| figure | bound | median | spread | compared with | ratio | |", "|---|---|---|---|---|---|---|"]
    for figure in figures:
        cells = (
            figure.name,
            figure.bound.told(figure.unit) if figure.bound else "",
            _median(figure.samples, figure.unit),
            _spread(figure.samples),
            f"{_median(figure.baseline, figure.unit)} ({_spread(figure.baseline)})" if figure.baseline else "",
            f"{number(figure.ratio)} ×" if figure.ratio is not None else "",
            "**missed**" if figure.missed else "holds" if figure.bound else "",
        )
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    notes = [f"- {figure.name}: {text}" for figure in figures for text in (figure.problem, figure.note) if text]
    return "\n".join([*lines, "", *notes]).rstrip()


def _median(samples: Sequence[float], unit: str) -> str:
    return f"{number(median(samples))} {unit}".rstrip() if samples else "–"


def _spread(samples: Sequence[float]) -> str:
    return f"{number(min(samples))} – {number(max(samples))}" if len(samples) > 1 else "–"
