"""REST of runs: /api/runs, and of contract §1 /scripts and /history."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Header, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from app.access import ActorDep, AdminDep, ServicesDep
from app.core.permissions import Actor
from app.runs.arguments import MAX_ARGS
from app.runs.download import output_bytes
from app.runs.history import ENTRIES, HistoryEntry, history_json
from app.runs.schemas import RunState, RunView
from app.runs.service import MAX_PAGE
from app.runs.stream import resume_offset, run_stream
from app.services import Services

router = APIRouter(prefix="/api", tags=["runs"])

TEXT = "text/plain; charset=utf-8"
Offset = Annotated[int, Query(ge=0, le=1 << 62, description="bytes of the output")]


class StartRequest(BaseModel):
    """What to run."""

    script: str = Field(max_length=1024, description="a file name of GET /api/scripts")
    args: list[str] = Field(default=[], max_length=MAX_ARGS)
    tty: bool = Field(default=False, description="a terminal instead of pipes")
    cols: int = 80
    rows: int = 24
    timeout: int | None = Field(default=None, ge=0, description="seconds, 0 for no limit; the setting when absent")


class RunList(BaseModel):
    """Runs, newest first."""

    runs: list[RunView]
    next_before: str | None = Field(description="what to pass as `before` for older ones")


@router.get("/scripts", tags=["scripts"])
async def list_scripts(actor: AdminDep, services: ServicesDep) -> list[str]:
    """The file names of the scripts that may be run, sorted."""
    return await services.runs.script_names(actor)


@router.get("/history", response_class=StreamingResponse, responses={200: {"model": list[HistoryEntry]}})
async def get_history(actor: ActorDep, services: ServicesDep) -> StreamingResponse:
    """The newest runs with the end of their output."""
    page = await services.runs.list(actor, limit=ENTRIES)
    return StreamingResponse(history_json(services.runs, page.items), media_type="application/json")


@router.post("/runs", status_code=201)
async def start_run(
    body: StartRequest,
    response: Response,
    actor: ActorDep,
    services: ServicesDep,
    idempotency_key: Annotated[str | None, Header(description="the same key starts only one run")] = None,
) -> RunView:
    """Starts a script, or lets it wait for its turn."""
    run = await services.runs.start(
        actor,
        body.script,
        body.args,
        tty=body.tty,
        cols=body.cols,
        rows=body.rows,
        timeout=body.timeout,
        idempotency_key=idempotency_key,
    )
    response.headers["Location"] = f"/api/runs/{run.id}"
    return run


@router.get("/runs")
async def list_runs(
    actor: ActorDep,
    services: ServicesDep,
    script: str | None = None,
    state: RunState | None = None,
    user: str | None = None,
    search: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
    before: str | None = None,
) -> RunList:
    """Runs, newest first, a page at a time."""
    page = await services.runs.list(
        actor, script=script, state=state, user=user, search=search, limit=limit, before=before
    )
    return RunList(runs=list(page.items), next_before=page.next_before)


@router.get("/runs/{run_id}")
async def get_run(run_id: str, actor: ActorDep, services: ServicesDep) -> RunView:
    """One run."""
    return await services.runs.get(actor, run_id)


@router.post("/runs/{run_id}/cancel")
async def cancel_run(run_id: str, actor: ActorDep, services: ServicesDep) -> RunView:
    """Ends a run: SIGTERM, after five seconds SIGKILL. One that has ended stays as it is."""
    return await services.runs.cancel(actor, run_id)


@router.get("/runs/{run_id}/output", response_class=Response, responses={200: {"content": {TEXT: {}}}})
async def get_output(
    run_id: str,
    actor: ActorDep,
    services: ServicesDep,
    offset: Offset = 0,
    limit: Annotated[int | None, Query(ge=0, description="bytes; all there are when absent")] = None,
    download: Annotated[bool, Query(description="as a file to save")] = False,
) -> StreamingResponse:
    """The output so far, as it was written; `X-Next-Offset` is where the next request goes on."""
    run = await services.runs.get(actor, run_id)
    start = min(offset, run.size)
    until = run.size if limit is None else min(run.size, start + limit)
    headers = {"X-Next-Offset": str(until), "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
    if download:
        headers["Content-Disposition"] = _attachment(run)
    return StreamingResponse(output_bytes(services.runs, actor, run_id, start, until), media_type=TEXT, headers=headers)


@router.get(
    "/runs/{run_id}/stream", response_class=StreamingResponse, responses={200: {"content": {"text/event-stream": {}}}}
)
async def stream_run(
    run_id: str,
    actor: ActorDep,
    services: ServicesDep,
    offset: Offset = 0,
    last_event_id: Annotated[str | None, Header()] = None,
) -> StreamingResponse:
    """The output line by line as Server-Sent Events, while it comes; last the event `exit`."""
    start = resume_offset(offset, last_event_id)
    await services.runs.get(actor, run_id)
    return StreamingResponse(
        _events(services, actor, run_id, start),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _events(services: Services, actor: Actor, run_id: str, offset: int) -> AsyncGenerator[str, None]:
    """The stream, which ends with the session."""
    over = asyncio.Event()
    unwatch = services.registry.watch(actor.credential_id, over.set) if actor.credential_id else lambda: None
    try:
        async with (
            aclosing(services.runs.follow_lines(actor, run_id, offset)) as events,
            aclosing(run_stream(events, over)) as texts,
        ):
            async for text in texts:
                yield text
    finally:
        unwatch()


def _attachment(run: RunView) -> str:
    name = f"{run.script.rpartition('.')[0]}-{(run.started_at or run.created_at)[:19].replace(':', '')}.log"
    plain = "".join(letter if letter.isascii() and (letter.isalnum() or letter in "._-") else "_" for letter in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
