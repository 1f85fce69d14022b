"""Typing into a run's terminal, and its size."""

from base64 import b64encode
from typing import Any

from app.core.errors import Conflict, Unavailable
from app.runs.link import RunnerGone, RunnerRefused
from app.runs.live import LiveRun

PIECE = 64 << 10
"""Bytes of keystrokes a frame."""


async def type_into(run: LiveRun, data: bytes) -> None:
    """Types. Raises Conflict when the run cannot take it, Unavailable without a runner."""
    for start in range(0, len(data), PIECE):
        await _tell(run, "input", data=b64encode(data[start : start + PIECE]).decode())


async def resize(run: LiveRun, cols: int, rows: int) -> None:
    """Sets the terminal's size, for a run that waits the one it begins with. Raises as `type_into`."""
    run.cols, run.rows = cols, rows
    if run.handed_over.is_set() or not run.view.tty:
        await _tell(run, "resize", cols=cols, rows=rows)


async def _tell(run: LiveRun, command: str, **fields: Any) -> None:
    if not run.view.tty:
        raise Conflict("This run has no terminal.")
    if run.state.ended or run.ending:
        raise Conflict("This run has ended.")
    if run.link is None:
        raise Conflict("This run has not begun yet.")
    try:
        await run.link.ask(command, run=run.id, **fields)
    except RunnerRefused as error:
        raise Conflict(f"{error}.") from error
    except (RunnerGone, TimeoutError) as error:
        raise Unavailable("The runner does not answer right now.") from error
