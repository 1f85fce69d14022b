"""The catalogue of faults in three sizes: `python -m tests.faults smoke|full|soak`.

smoke takes two minutes and is part of `./toru test`; full takes half an hour: every fault, what needs other people's
programs (nginx, Caddy, Prometheus), and over a million inputs to the parsers; soak takes an hour. full and soak write
RELIABILITY.md.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.catalogue import SIZES, rows
from tests.faults.report import Outcome, write
from tests.support.evidence import SIZE
from tests.support.server import ROOT

REPORT = ROOT / "RELIABILITY.md"
PROPERTIES = "tests/properties"
STARTS_ITS_OWN = frozenset(
    (
        "start_server",
        "start_runner",
        "core",
        "runner",
        "product",
        "plugged",
        "impatient",
        "target",
        "browser",
        "page",
        "as_user",
    )
)
"""Fixtures that take seconds."""

SELECTED = {"smoke": "not full and not soak", "full": "(fault or full) and not soak", "soak": "soak"}


@dataclass(eq=False)  # pytest keeps its plugins in sets
class OnlyQuickRows:
    """Leaves what shows a row of the size smoke without starting a server or a browser of its own, and the parsers."""

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Called by pytest."""
        quick = {row.id for row in rows().values() if row.size == "smoke"}
        kept: list[pytest.Item] = []
        left_out: list[pytest.Item] = []
        for item in items:
            named = {str(row) for marker in item.iter_markers("fault") for row in marker.args}
            is_quick = bool(named & quick) and not STARTS_ITS_OWN & set(getattr(item, "fixturenames", ()))
            belongs = "tests/properties/" in item.nodeid or "test_catalogue" in item.nodeid
            (kept if belongs or is_quick else left_out).append(item)
        items[:] = kept
        config.hook.pytest_deselected(items=left_out)


def main() -> int:
    """The command; its exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("size", choices=[*SIZES, "properties"], help="properties: only the parsers, as in full")
    parser.add_argument("--minutes", type=float, help="of the soak, instead of 60")
    parser.add_argument("--report", type=Path, default=REPORT, help="where to write it, instead of RELIABILITY.md")
    parser.add_argument("--outcome", type=Path, help=argparse.SUPPRESS)
    options, further = parser.parse_known_args()
    os.chdir(ROOT)
    os.environ[SIZE] = "full" if options.size == "properties" else options.size
    if options.minutes:
        os.environ["TORU_SOAK_MINUTES"] = str(options.minutes)
    if options.size == "properties":
        return properties(options.outcome, further)
    started, version = time.monotonic(), commit()
    outcome, code = run(options.size, further)
    if options.size != "smoke" or options.report != REPORT:
        write(options.report, outcome, options.size, time.monotonic() - started, version)
        print(f"\nThe report is in {options.report}.")
    return code


def run(size: str, further: list[str]) -> tuple[Outcome, int]:
    """One size; in full, the parsers are tried by another process meanwhile."""
    outcome = Outcome()
    if size == "smoke":
        return outcome, int(pytest.main(["-q", "-m", SELECTED[size], *further], plugins=[outcome, OnlyQuickRows()]))
    if size == "soak" or further:
        return outcome, int(pytest.main(["-q", "-m", SELECTED[size], *further], plugins=[outcome]))
    with tempfile.TemporaryDirectory(prefix="toru-faults-") as folder:
        told = Path(folder) / "outcome.json"
        with (Path(folder) / "output").open("w+") as output:
            command = [sys.executable, "-m", "tests.faults", "properties", "--outcome", str(told)]
            beside = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
            code = int(pytest.main(["-q", "-m", SELECTED[size], f"--ignore={PROPERTIES}"], plugins=[outcome]))
            code = beside.wait() or code
            output.seek(0)
            print(f"\n── {PROPERTIES}\n{output.read()}")
        outcome.add(json.loads(told.read_text()))
    return outcome, code


def properties(told: Path | None, further: list[str]) -> int:
    """The parsers alone."""
    outcome = Outcome()
    code = pytest.main(["-q", "--durations=5", PROPERTIES, *further], plugins=[outcome])
    if told is not None:
        told.write_text(outcome.as_json())
    print(f"{sum(outcome.evidence.inputs.values()):,} inputs: {dict(outcome.evidence.inputs)}")
    return int(code)


def commit() -> str:
    """What was tried: the version of the sources."""
    told = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    return told.stdout.strip() or "unknown"


if __name__ == "__main__":
    sys.exit(main())
