"""RELIABILITY.md: what was tried in one run, what came of it, and what could not be tried."""

import json
import os
import platform
import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.faults.catalogue import AREAS, Row, rows
from tests.support.evidence import COUNTED, Evidence

FAILED, PASSED, SKIPPED = "failed", "passed", "skipped"


@dataclass(eq=False)  # pytest keeps its plugins in sets
class Outcome:
    """A pytest plugin that keeps what came of each row, and what tests counted.

    Attributes:
        tests: how each test ended, by its name.
        of_row: the names of the tests of each row that ran.
        reasons: why tests were skipped.
    """

    tests: dict[str, str] = field(default_factory=dict)
    of_row: dict[str, list[str]] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    evidence: Evidence = field(default_factory=Evidence)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Notes which tests belong to which rows."""
        for item in session.items:
            for marker in item.iter_markers("fault"):
                for row in marker.args:
                    self.of_row.setdefault(str(row), []).append(item.nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """pytest's word about one phase of one test."""
        before = self.tests.get(report.nodeid)
        if report.failed:
            self.tests[report.nodeid] = FAILED
        elif report.skipped:
            self.tests[report.nodeid] = SKIPPED
            if isinstance(report.longrepr, tuple):
                self.reasons[report.nodeid] = report.longrepr[2].removeprefix("Skipped: ")
        elif report.when == "call" and before is None:
            self.tests[report.nodeid] = PASSED

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Takes over what tests counted."""
        self.evidence = session.config.stash[COUNTED]

    def add(self, told: Mapping[str, Any]) -> None:
        """Takes over what another process told with `as_json`."""
        self.tests |= told["tests"]
        counted = told["evidence"]
        for name in ("inputs", "attacks", "kept", "lost"):
            getattr(self.evidence, name).update(counted[name])
        self.evidence.notes.extend(counted["notes"])

    def as_json(self) -> str:
        """What `add` takes."""
        return json.dumps({"tests": self.tests, "evidence": vars(self.evidence)})

    def verdict(self, row: Row) -> str:
        """failed when a test of it failed, passed when at least one showed it, else skipped."""
        ended = {self.tests.get(name, SKIPPED) for name in self.of_row.get(row.id, [])}
        return FAILED if FAILED in ended else PASSED if PASSED in ended else SKIPPED


SOAK = "## Soak"


def write(path: Path, outcome: Outcome, size: str, seconds: float, commit: str) -> None:
    """Writes the report; that of a soak is a chapter of its own, which the other sizes leave alone."""
    before, _, soak = (path.read_text() if path.exists() else "").partition(f"{SOAK}\n")
    if size == "soak":
        path.write_text(f"{before.rstrip() or '# Reliability'}\n\n{_soak(outcome, commit)}\n")
        return
    parts = [_head(outcome, size, seconds, commit), _areas(outcome), _rows(outcome), _evidence(outcome.evidence)]
    path.write_text("\n\n".join(parts) + (f"\n\n{SOAK}\n{soak}" if soak else "\n"))


def _soak(outcome: Outcome, commit: str) -> str:
    verdicts = Counter(outcome.tests.values())
    verdict = "**something grew**" if verdicts[FAILED] else "nothing grew"
    when = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {commit}, {_machine()}"
    counted = outcome.evidence
    lines = [f"{SOAK}\n", f"`python -m tests.faults soak`, {when}: {verdict}.\n"]
    lines += [f"- {note}" for note in counted.notes]
    lines += [f"- {name}: {amount:,}, lost {counted.lost[name]:,}" for name, amount in counted.kept.items()]
    return "\n".join(lines)


def _head(outcome: Outcome, size: str, seconds: float, commit: str) -> str:
    verdicts = Counter(outcome.verdict(row) for row in rows().values() if not row.not_tried)
    tried = verdicts[PASSED] + verdicts[FAILED]
    counted = outcome.evidence
    ended = Counter(outcome.tests.values())
    return f"""# Reliability

Written by `python -m tests.faults {size}` (in the environment that `./toru test` makes); do not edit.
The catalogue of faults is tests/faults/catalogue.toml, the tests that show each row carry its name.

| | |
|---|---|
| date | {datetime.now(UTC):%Y-%m-%d %H:%M} UTC |
| version | {commit} |
| machine | {_machine()} |
| took | {seconds / 60:.0f} minutes, load {os.getloadavg()[1]:.1f} at the end |
| tests | {ended[PASSED]} passed, {ended[FAILED]} failed, {ended[SKIPPED]} skipped |
| faults survived of faults tried | **{verdicts[PASSED]} of {tried}** |
| hostile inputs to parsers | {sum(counted.inputs.values()):,} |
| hostile requests, connections, cuts and kills | {sum(counted.attacks.values()):,} |
| data lost | **{sum(counted.lost.values()):,}** of {sum((counted.kept + counted.lost).values()):,} acknowledged |"""


def _machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    )


def _areas(outcome: Outcome) -> str:
    lines = ["| area | faults | tried | survived |", "|---|---|---|---|"]
    for letter, name in AREAS.items():
        of_area = [row for row in rows().values() if row.id[0] == letter]
        ended = Counter(outcome.verdict(row) for row in of_area)
        lines.append(f"| {name} | {len(of_area)} | {ended[PASSED] + ended[FAILED]} | {ended[PASSED]} |")
    return "\n".join(lines)


def _rows(outcome: Outcome) -> str:
    sections: list[str] = []
    failed = [row for row in rows().values() if outcome.verdict(row) == FAILED]
    if failed:
        sections += ["## Not survived", _listed([(row, _failures(outcome, row)) for row in failed])]
    untried = [(row, _why_not(outcome, row)) for row in rows().values() if outcome.verdict(row) == SKIPPED]
    if untried:
        sections += ["## Not tried in this run", _listed(untried)]
    parts = [(row, row.reason) for row in rows().values() if row.reason and not row.not_tried]
    if parts:
        sections += ["## Tried in part, or not exactly as the catalogue says", _listed(parts)]
    return "\n\n".join(sections)


def _listed(told: Sequence[tuple[Row, str]]) -> str:
    return "\n".join(f"- {row.id}, {row.do}: {why}" for row, why in told)


def _failures(outcome: Outcome, row: Row) -> str:
    return ", ".join(name for name in outcome.of_row[row.id] if outcome.tests.get(name) == FAILED)


def _why_not(outcome: Outcome, row: Row) -> str:
    reasons = {outcome.reasons[name] for name in outcome.of_row.get(row.id, []) if name in outcome.reasons}
    return "; ".join(sorted(reasons)) or (row.reason if row.not_tried else f"it is of the size {row.size}")


def _evidence(counted: Evidence) -> str:
    sections = ["## Counted", _table("hostile inputs, by what reads them", counted.inputs)]
    if counted.attacks:
        sections.append(_table("hostile requests, connections, cuts and kills", counted.attacks))
    everything = counted.kept + counted.lost
    if everything:
        lines = ["| acknowledged | amount | lost |", "|---|---|---|"]
        lines += [f"| {name} | {amount:,} | {counted.lost[name]:,} |" for name, amount in sorted(everything.items())]
        sections.append("\n".join(lines))
    if counted.notes:
        sections.append("\n".join(f"- {note}" for note in counted.notes))
    return "\n\n".join(sections)


def _table(head: str, counted: Counter[str]) -> str:
    lines = [f"| {head} | amount |", "|---|---|"]
    return "\n".join([*lines, *(f"| {name} | {amount:,} |" for name, amount in sorted(counted.items()))])
