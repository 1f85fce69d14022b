"""GET /api/history, contract §1: the newest runs with the end of their output, written one by one."""

from collections.abc import AsyncGenerator, Sequence

import orjson
from pydantic import BaseModel

from app.runs.schemas import RunView
from app.runs.service import RunsService

ENTRIES = 100
TAIL = 64 << 10


class HistoryEntry(BaseModel):
    """One run."""

    id: str
    script_name: str
    started_at: str
    finished_at: str | None
    exit_code: int | None
    output: str


async def history_json(runs: RunsService, entries: Sequence[RunView]) -> AsyncGenerator[bytes, None]:
    """A JSON array, of which only one entry is in memory at a time."""
    yield b"["
    for number, run in enumerate(entries):
        entry = {
            "id": run.id,
            "script_name": run.script,
            "started_at": run.started_at or run.created_at,
            "finished_at": run.finished_at,
            "exit_code": run.code,
            "output": await runs.tail_of(run, TAIL),
            "username": run.username,
            "state": run.state.value,
        }
        yield (b"," if number else b"") + orjson.dumps(entry)
    yield b"]"
