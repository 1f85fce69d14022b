"""What a run's end means: wait status and flags as state, code and sentence, and its times as the record keeps them."""

import os
import signal
from datetime import UTC, datetime

from app.core.clock import iso, parse_iso
from app.runner.journal import CANCELLED, LOST, TIMED_OUT, TRUNCATED
from app.runs.schemas import RunState, RunView

DISK_FULL = "Some of its output could not be written to the disk."
INTERRUPTED = "The runner ended unexpectedly; what was left of this run was ended with it."
REBOOTED = "The machine went down while it ran."
NEVER_BEGAN = "The machine went down before it began."


def ending(status: int, flags: int, time_limit: int) -> dict[str, object]:
    """The columns that a wait status and the runner's flags come to."""
    code = os.waitstatus_to_exitcode(status)
    state = RunState.SUCCEEDED if code == 0 else RunState.FAILED if code > 0 else RunState.KILLED
    reason = DISK_FULL if flags & LOST else None
    if flags & CANCELLED:
        state = RunState.CANCELLED
    elif flags & TIMED_OUT:
        state = RunState.TIMED_OUT
        reason = f"It reached its time limit of {time_limit} s."
    elif state is RunState.KILLED:
        reason = f"It was ended by {signal_name(-code)}."
    return {
        "state": state.value,
        "exit_code": code if code >= 0 else None,
        "signal": -code if code < 0 else None,
        "reason": reason,
        "truncated": bool(flags & TRUNCATED),
    }


def signal_name(number: int) -> str:
    """`SIGKILL (9)` for 9."""
    try:
        return f"{signal.Signals(number).name} ({number})"
    except ValueError:
        return f"signal {number}"


def times(view: RunView, ended: datetime, measured: float | None) -> dict[str, object]:
    """When it ended and how long it took, right also when the clock was set back meanwhile.

    Args:
        measured: seconds by a clock that never goes back, None where nobody measured.
    """
    finished_at = iso(ended)
    if view.started_at is None:
        return {"finished_at": max(finished_at, view.created_at), "duration": None}
    wall = (ended - parse_iso(view.started_at)).total_seconds()
    duration = max(0.0, wall) if measured is None else measured
    return {"finished_at": max(finished_at, view.started_at), "duration": round(duration, 3)}


def moment(time_ns: int) -> datetime:
    """A record's time."""
    return datetime.fromtimestamp(time_ns / 1e9, UTC)
