"""What is counted of runs since the core was started."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.core.histogram import Distribution, Histogram
from app.runs.live import LiveRun
from app.runs.schemas import RunState

BOUNDS = (0.1, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 14400.0)


@dataclass(frozen=True, slots=True)
class RunsSeen:
    """Figures of all runs.

    Attributes:
        running: that hold a place now.
        queued: that wait for one now.
        started: since the core was started.
        ended: since then, by state.
        durations: seconds that those which ended had run.
        output: bytes that scripts printed since then.
        runners: process ids of the runners that are connected.
    """

    running: int
    queued: int
    started: int
    ended: Mapping[RunState, int]
    durations: Distribution
    output: int
    runners: tuple[int, ...]


class RunCounts:
    """Counts at each change of a run, and at each word of how far it got."""

    def __init__(self) -> None:
        self.started = 0
        self.ended = {state: 0 for state in RunState if state.ended}
        self.durations = Histogram(BOUNDS)
        self.output = 0

    def changed(self, run: LiveRun) -> None:
        """A run is in another state, which is durable."""
        view = run.view
        if view.state is RunState.RUNNING:
            self.started += 1
        elif view.state.ended:
            self.ended[view.state] += 1
            self.printed(run, view.size)
            if view.duration is not None:
                self.durations.observe(view.duration)

    def printed(self, run: LiveRun, size: int) -> None:
        """A run's output is this long. What is heard first of a run of an earlier core says nothing about now."""
        if run.counted is not None:
            self.output += max(0, size - run.counted)
        run.counted = size
