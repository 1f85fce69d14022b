"""The report says what came of each fault, and a soak's chapter outlives the other sizes."""

import json
from collections import Counter
from pathlib import Path

import pytest

from tests.faults.catalogue import rows
from tests.faults.report import FAILED, PASSED, SKIPPED, Outcome, write
from tests.support.evidence import Evidence


@pytest.fixture
def outcome() -> Outcome:
    """Of two rows, one with a test that failed; everything else was not tried."""
    found = Outcome(
        tests={"one": PASSED, "two": PASSED, "three": FAILED, "four": SKIPPED},
        of_row={"A01": ["one"], "A02": ["two", "three"], "A03": ["four"]},
        reasons={"four": "nobody: no setpriv"},
    )
    found.evidence = Evidence(inputs=Counter(tokens=1_200_000), kept=Counter(rows=10), lost=Counter(rows=2))
    return found


def test_a_row_is_survived_when_all_of_its_tests_passed(outcome: Outcome) -> None:
    verdicts = {name: outcome.verdict(row) for name, row in rows().items()}
    assert (verdicts["A01"], verdicts["A02"], verdicts["A03"], verdicts["A05"]) == (PASSED, FAILED, SKIPPED, SKIPPED)


def test_the_report_names_what_failed_and_what_was_not_tried(outcome: Outcome, tmp_path: Path) -> None:
    write(tmp_path / "report.md", outcome, "full", 60, "abc123")
    text = (tmp_path / "report.md").read_text()
    assert "| faults survived of faults tried | **1 of 2** |" in text
    assert "| hostile inputs to parsers | 1,200,000 |" in text
    assert "| data lost | **2** of 12 acknowledged |" in text
    assert "abc123" in text
    survived, _, rest = text.partition("## Not survived")
    failed, _, untried = rest.partition("## Not tried in this run")
    assert survived
    assert "- A02, " in failed
    assert ": three\n" in failed
    assert "nobody: no setpriv" in untried


def test_what_another_process_tried_counts(outcome: Outcome) -> None:
    other = Outcome(tests={"five": PASSED}, evidence=Evidence(inputs=Counter(tokens=5), notes=["a note"]))
    outcome.add(json.loads(other.as_json()))
    assert outcome.tests["five"] == PASSED
    assert outcome.evidence.inputs["tokens"] == 1_200_005
    assert outcome.evidence.notes == ["a note"]


def test_the_chapter_of_a_soak_stays(outcome: Outcome, tmp_path: Path) -> None:
    path = tmp_path / "report.md"
    write(path, outcome, "full", 60, "abc123")
    soak = Outcome(tests={"soak": PASSED}, evidence=Evidence(notes=["Soak of 60 minutes"]))
    write(path, soak, "soak", 3600, "def456")
    write(path, outcome, "full", 60, "789abc")
    text = path.read_text()
    assert "789abc" in text
    assert "abc123" not in text
    assert text.count("## Soak") == 1
    assert "def456" in text
    assert "- Soak of 60 minutes" in text
    assert "nothing grew" in text
