"""Runs in a table, the same wherever they are listed."""

from typing import Any, Final

from app.runs.schemas import RunView
from ui.components.run_state import run_state_look
from ui.components.table import Cell, Column

RUN_COLUMNS: Final = (
    Column("script", "Script", "strong", classes="grow"),
    Column("state", "State", "chip"),
    Column("username", "Started by"),
    Column("created_at", "When", "time"),
    Column("took", "Took", "elapsed"),
)


def run_row(run: RunView) -> dict[str, Any]:
    """One run as a row that leads to its page."""
    look = run_state_look(run.state, run.exit_code)
    return {
        "key": run.id,
        "href": f"/run/{run.id}",
        "script": run.script,
        "state": Cell(look.text, look.tone, look.icon),
        "username": run.username,
        "created_at": run.created_at,
        "took": (run.started_at, run.finished_at) if run.started_at else None,
    }
