"""How the states of a run look, the same on every page."""

from dataclasses import dataclass
from typing import Final

from app.runs.schemas import RunState
from ui.components.badge import Chip, Tone, chip


@dataclass(frozen=True, slots=True)
class Look:
    """A state's word, colour and picture."""

    text: str
    tone: Tone
    icon: str


LOOKS: Final = {
    RunState.QUEUED: Look("Queued", "neutral", "hourglass"),
    RunState.RUNNING: Look("Running", "info", "dot"),
    RunState.SUCCEEDED: Look("Succeeded", "ok", "circle-check"),
    RunState.FAILED: Look("Failed", "bad", "circle-x"),
    RunState.KILLED: Look("Killed", "bad", "skull"),
    RunState.CANCELLED: Look("Cancelled", "neutral", "ban"),
    RunState.TIMED_OUT: Look("Timed out", "warn", "timer-off"),
    RunState.INTERRUPTED: Look("Interrupted", "warn", "unplug"),
    RunState.SPAWN_FAILED: Look("Not started", "bad", "circle-alert"),
}


def run_state_look(state: RunState, exit_code: int | None = None) -> Look:
    """The look of a state; a failed run says its exit code."""
    look = LOOKS[state]
    if state is RunState.FAILED and exit_code is not None:
        return Look(f"Failed ({exit_code})", look.tone, look.icon)
    return look


def run_state_chip(state: RunState, exit_code: int | None = None) -> Chip:
    """The state of a run as a chip; `.set(look.text, look.tone, look.icon)` shows another."""
    look = run_state_look(state, exit_code)
    return chip(look.text, look.tone, icon=look.icon)
