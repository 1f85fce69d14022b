"""`./toru test`: every check and every test, and at the end a list of what could not run on this machine."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from tests.support.chromium import chromium_path, fetch_browser, playwright_browser
from tests.support.needs import fetch_tools, in_ci
from tests.support.server import ROOT

OPENSPEC = "@fission-ai/openspec@1.13.2"
OLDEST_NODE = (20, 19)
PYTHON = sys.executable


@dataclass(eq=False)  # pytest keeps its plugins in sets
class Report:
    """What failed, and what did not run and why."""

    failed: list[str] = field(default_factory=list)
    not_run: list[str] = field(default_factory=list)

    def missing(self, what: str, reason: str) -> None:
        """Notes that `what` did not run; with CI set that is a failure."""
        self.not_run.append(f"{what}: {reason}")
        if in_ci():
            self.failed.append(f"{what} could not run")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """pytest's word about one phase of one test."""
        if report.skipped and isinstance(report.longrepr, tuple):
            self.not_run.append(f"{report.nodeid}: {report.longrepr[2].removeprefix('Skipped: ')}")


def run(report: Report, name: str, command: Sequence[str], **environment: str) -> None:
    """Runs one check in the folder of `toru`, then says what it said, and notes when it fails."""
    started = time.monotonic()
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    ended = f"   {'ok' if done.returncode == 0 else 'FAILED'}, {time.monotonic() - started:.1f} s"
    print(f"\n── {name}\n{done.stdout}{ended}", flush=True)
    if done.returncode != 0:
        report.failed.append(name)


def run_checks(report: Report) -> None:
    """Everything that looks at the text of the project."""
    run(report, "ruff check", [PYTHON, "-m", "ruff", "check"])
    run(report, "ruff format", [PYTHON, "-m", "ruff", "format", "--check"])
    no_cache = ["--cache-dir", os.devnull] if in_ci() else []  # there is no next time
    run(report, "mypy --strict", [PYTHON, "-m", "mypy", "--strict", *no_cache])
    reason = node_problem()
    if reason is None:
        for kind in ("--all", "--archived"):
            command = ["npx", "--yes", OPENSPEC, "validate", kind, "--strict", "--no-interactive"]
            run(report, f"openspec validate {kind}", command, OPENSPEC_TELEMETRY="0")
    else:
        report.missing("openspec validate", reason)


def node_problem() -> str | None:
    """Why OpenSpec cannot run here, None when it can."""
    if shutil.which("npx") is None or shutil.which("node") is None:
        return "Node 20.19 or newer with npx is not installed"
    told = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False).stdout
    numbers = re.match(r"v(\d+)\.(\d+)", told)
    if numbers is None or (int(numbers[1]), int(numbers[2])) < OLDEST_NODE:
        return f"Node is {told.strip() or 'broken'}, older than 20.19"
    return None


def warm_up() -> None:
    """Has Python compile what every worker and every core imports: else all workers do that at the same time."""
    for command in (
        ["-m", "pytest", "--collect-only", "-q"],
        ["-c", "import tests.support.preloaded as one; one.preload()"],
    ):
        subprocess.run([PYTHON, *command], cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, check=False)


def run_tests(report: Report, arguments: Sequence[str]) -> None:
    """pytest in this process, so that its words about skipped tests reach the report."""
    print("── pytest", flush=True)
    code = pytest.main(["-q", *arguments], plugins=[report])
    if code != pytest.ExitCode.OK:
        report.failed.append("pytest" if code != pytest.ExitCode.NO_TESTS_COLLECTED else "pytest (it found no test)")


def side_by_side() -> list[str]:
    """Arguments for workers that share the files: two more than cores, as tests wait as long as they compute."""
    return ["-n", str(len(os.sched_getaffinity(0)) + 2), "--dist", "loadfile", "--no-loadscope-reorder"]


def main(arguments: Sequence[str]) -> int:
    """With arguments only pytest runs, with them; without, everything does, the checks beside the tests."""
    os.chdir(ROOT)
    report = Report()
    if not chromium_path() and not playwright_browser():
        fetch_browser()
    fetch_tools()
    if arguments:
        run_tests(report, arguments)
    else:
        with ThreadPoolExecutor() as beside:
            checks = beside.submit(run_checks, report)
            warm_up()
            run_tests(report, side_by_side())
        checks.result()
    if report.not_run:
        print("\nCould not run here:", *report.not_run, sep="\n  ")
    if report.failed:
        print("\nFailed:", *report.failed, sep="\n  ")
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
