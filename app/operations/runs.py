"""Runs, for `toru runs`."""

from base64 import b64encode
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import asdict
from typing import Any

from app.control import Handler, Streamer
from app.core.errors import BadValue
from app.core.permissions import Actor
from app.operations.fields import number, optional_number, optional_text, text, texts
from app.runs.schemas import Chunk, RunState, Skipped
from app.runs.service import RunsService
from app.runs.wire import outcome


def run_handlers(runs: RunsService) -> dict[str, Handler]:
    """What `toru runs` asks."""
    system = Actor.system()

    async def list_some(fields: Mapping[str, Any]) -> dict[str, Any]:
        page = await runs.list(
            system,
            script=optional_text(fields, "script"),
            state=_state(optional_text(fields, "state")),
            user=optional_text(fields, "user"),
            search=optional_text(fields, "search"),
            limit=number(fields, "limit"),
            before=optional_text(fields, "before"),
        )
        return {"runs": [asdict(run) for run in page.items], "next_before": page.next_before}

    async def start(fields: Mapping[str, Any]) -> dict[str, Any]:
        run = await runs.start(
            system,
            text(fields, "script"),
            texts(fields, "args"),
            timeout=optional_number(fields, "timeout"),
            idempotency_key=optional_text(fields, "key"),
        )
        return asdict(run)

    async def cancel(fields: Mapping[str, Any]) -> dict[str, Any]:
        return asdict(await runs.cancel(system, text(fields, "run")))

    return {"run-list": list_some, "run-start": start, "run-cancel": cancel}


def run_streamers(runs: RunsService) -> dict[str, Streamer]:
    """What it follows."""
    system = Actor.system()

    async def follow(fields: Mapping[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
        async with aclosing(runs.follow(system, text(fields, "run"), number(fields, "offset"))) as events:
            async for event in events:
                if isinstance(event, Chunk):
                    yield {"data": b64encode(event.data).decode()}
                elif isinstance(event, Skipped):
                    yield {"skipped": event.count, "offset": event.offset}
                else:
                    yield {"exit": outcome(event.run)}

    return {"run-follow": follow}


def _state(name: str | None) -> RunState | None:
    try:
        return None if name is None else RunState(name)
    except ValueError:
        raise BadValue(f"A state is one of {', '.join(RunState)}.") from None
