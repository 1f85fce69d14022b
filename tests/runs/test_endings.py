"""What wait statuses, flags and clocks come to."""

import os
import signal
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.core.clock import iso
from app.runner.journal import CANCELLED, LOST, TIMED_OUT, TRUNCATED
from app.runs.endings import ending, signal_name, times
from app.runs.schemas import RunState, RunView

STARTED = datetime(2026, 3, 29, 1, 59, 30, tzinfo=UTC)
RUN = RunView(
    id="0" * 32,
    script="a.sh",
    args=(),
    tty=False,
    state=RunState.RUNNING,
    exit_code=None,
    signal=None,
    reason=None,
    username="admin",
    user_id=None,
    created_at=iso(STARTED),
    started_at=iso(STARTED),
    finished_at=None,
    duration=None,
    size=0,
    truncated=False,
    time_limit=5,
)


@pytest.mark.fault("X28")
@pytest.mark.parametrize(
    ("status", "flags", "state", "code", "by"),
    [
        (0, 0, RunState.SUCCEEDED, 0, None),
        (3 << 8, 0, RunState.FAILED, 3, None),
        (int(signal.SIGKILL), 0, RunState.KILLED, None, 9),
        (int(signal.SIGSEGV) | 0x80, 0, RunState.KILLED, None, 11),  # with a core dump
        (int(signal.SIGTERM), CANCELLED, RunState.CANCELLED, None, 15),
        (0, CANCELLED, RunState.CANCELLED, 0, None),
        (int(signal.SIGTERM), TIMED_OUT, RunState.TIMED_OUT, None, 15),
        (int(signal.SIGTERM), TIMED_OUT | CANCELLED, RunState.CANCELLED, None, 15),
    ],
)
def test_status_and_flags_make_the_state(
    status: int, flags: int, state: RunState, code: int | None, by: int | None
) -> None:
    columns = ending(status, flags, 5)
    assert (columns["state"], columns["exit_code"], columns["signal"]) == (state.value, code, by)


@pytest.mark.fault("X28")
def test_what_the_state_does_not_say_has_a_sentence() -> None:
    assert ending(int(signal.SIGKILL), 0, 0)["reason"] == "It was ended by SIGKILL (9)."
    assert ending(int(signal.SIGTERM), TIMED_OUT, 5)["reason"] == "It reached its time limit of 5 s."
    assert "could not be written" in str(ending(0, LOST, 0)["reason"])
    assert ending(0, 0, 0)["reason"] is None
    assert ending(0, TRUNCATED, 0)["truncated"] is True


def test_signals_without_a_name_have_a_number() -> None:
    assert signal_name(15) == "SIGTERM (15)"
    assert signal_name(os.WTERMSIG(35)) == "signal 35"


@pytest.mark.fault("X44")
@pytest.mark.parametrize("jump", [timedelta(hours=-1), timedelta(days=1), timedelta()])
def test_a_clock_that_jumps_makes_no_odd_times(jump: timedelta) -> None:
    found = times(RUN, STARTED + timedelta(seconds=7) + jump, measured=7.0)
    assert found["duration"] == 7.0
    assert str(found["finished_at"]) >= str(RUN.started_at)
    unmeasured = times(RUN, STARTED + jump, measured=None)
    assert float(str(unmeasured["duration"])) >= 0


def test_what_never_began_took_no_time() -> None:
    found = times(replace(RUN, started_at=None), STARTED, measured=None)
    assert found == {"finished_at": iso(STARTED), "duration": None}
