"""A runner of its own for each test, and a core that is connected to it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.runner.support import Core, Runner

StartRunner = Callable[..., Runner]


@pytest.fixture
def start_runner(tmp_path: Path) -> Iterator[StartRunner]:
    """Starts runners that take what Runner takes; they end with the test, and none may have logged an error."""
    runners: list[Runner] = []

    def start(data: Path | None = None, **options: object) -> Runner:
        runner = Runner(data or tmp_path / "data", **options)  # type: ignore[arg-type]
        runners.append(runner)
        return runner

    yield start
    for runner in runners:
        runner.stop()
    logs = "".join(runner.log.read_text() for runner in runners)
    assert "ERROR" not in logs, logs
    assert "Traceback" not in logs, logs


@pytest.fixture
def runner(start_runner: StartRunner) -> Runner:
    return start_runner()


@pytest.fixture
def core(runner: Runner) -> Core:
    return runner.connect()
