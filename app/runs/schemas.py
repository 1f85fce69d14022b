"""What leaves the runs concept: runs, their states, scripts, and the events of a run that somebody follows."""

from dataclasses import dataclass
from enum import StrEnum


class RunState(StrEnum):
    """Where a run stands."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    KILLED = "killed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"
    INTERRUPTED = "interrupted"
    SPAWN_FAILED = "spawn_failed"

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to the run."""
        return self not in (RunState.QUEUED, RunState.RUNNING)


@dataclass(frozen=True, slots=True)
class RunView:
    """One run.

    Attributes:
        exit_code: what the script returned, None while it runs and where a signal ended it or it never ran.
        signal: the number of the signal that ended it, else None.
        reason: a sentence where the state alone does not explain itself, else None.
        user_id: who started it, None for the environment's administrator.
        duration: seconds it ran, None before its end and where it never ran.
        size: bytes of output so far, those that the cap dropped from the middle included.
        truncated: whether the cap dropped some.
        time_limit: seconds it may run, 0 for no limit.
        output_removed_at: when its output was removed, to keep to the limits in the settings; None while it is there.
        queue_position: 1 for the next to start, None when it does not wait.
    """

    id: str
    script: str
    args: tuple[str, ...]
    tty: bool
    state: RunState
    exit_code: int | None
    signal: int | None
    reason: str | None
    username: str
    user_id: str | None
    created_at: str
    started_at: str | None
    finished_at: str | None
    duration: float | None
    size: int
    truncated: bool
    time_limit: int
    queue_position: int | None = None
    output_removed_at: str | None = None

    @property
    def code(self) -> int | None:
        """The exit code as the wire contract has it: -1 for whatever the script did not end by itself."""
        if not self.state.ended:
            return None
        own = self.state in (RunState.SUCCEEDED, RunState.FAILED) and self.exit_code is not None
        return self.exit_code if own else -1


@dataclass(frozen=True, slots=True)
class RunPage:
    """Runs, newest first, and what to pass as `before` for older ones (None when there are none)."""

    items: tuple[RunView, ...]
    next_before: str | None


@dataclass(frozen=True, slots=True)
class KeptRuns:
    """How many runs are kept, and how many bytes the output of those takes that have ended."""

    runs: int
    output_bytes: int


@dataclass(frozen=True, slots=True)
class ScriptView:
    """A script in the scripts folder.

    Attributes:
        modified_at: ISO 8601, UTC.
        executable: whether the file has the execute bit; it runs either way.
        description: its first line of comment, None without one.
        warning: a sentence when others than its owner may change it, else None.
    """

    name: str
    size: int
    modified_at: str
    executable: bool
    description: str | None
    warning: str | None


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes of output; `offset` is the position after them."""

    data: bytes | bytearray
    offset: int


@dataclass(frozen=True, slots=True)
class Skipped:
    """Output that is not there any more, or that the viewer is too far behind for; it goes on at `offset`."""

    count: int
    offset: int


@dataclass(frozen=True, slots=True)
class Lines:
    """Whole lines of one stream, in the order in which they ended.

    Attributes:
        stderr: whether they came from standard error.
        data: the lines' bytes with a line feed between two; the last one's own line end is not in it.
        start: what to count from: the position after the first line is `start` plus its length plus one, and so on.
        end: the position after a piece of a long line, or after an unfinished last one, as if it had a line end;
            else None.
    """

    stderr: bool
    data: bytes
    start: int
    end: int | None = None


@dataclass(frozen=True, slots=True)
class Cancelled:
    """Somebody cancelled the run; its end follows."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The run's end, after all of its output; `offset` is the position after everything that was told."""

    run: RunView
    offset: int


LineEvent = list[Lines | Skipped] | Cancelled | Ended
"""What somebody who follows lines is given: a batch, word of a cancel, the end."""
