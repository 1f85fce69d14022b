"""REST of a plugin's log: a page of it, and its lines while they come."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from app.access import AdminDep, ServicesDep
from app.core.event_stream import event_stream
from app.core.permissions import Actor
from app.plugins.log_lines import LogEntry, LogFilter, log_filter
from app.plugins.logs import LogNews
from app.services import Services

router = APIRouter(prefix="/api", tags=["plugins"])

MAX_LOG_PAGE = 1000

Level = Annotated[str | None, Query(max_length=20, description="this one and those above; all when absent")]
Search = Annotated[str | None, Query(max_length=200, description="text of the message or the error")]


class LogLine(BaseModel):
    """One line of a log."""

    timestamp: str
    level: str
    plugin: str
    message: str
    error: str | None = None
    event: str | None = None
    pid: int | None = None


class LogPage(BaseModel):
    """Lines of a log, newest first."""

    logs: list[LogLine]
    page: int
    page_size: int


@router.get("/plugins/{plugin_id}/logs", response_model_exclude_none=True)
async def get_logs(
    plugin_id: str,
    actor: AdminDep,
    services: ServicesDep,
    page: Annotated[int, Query(ge=0, le=1_000_000, description="0 is the newest")] = 0,
    page_size: Annotated[int, Query(ge=1, le=MAX_LOG_PAGE)] = 100,
    level: Level = None,
    search: Search = None,
) -> LogPage:
    """What a plugin printed and what became of it."""
    await services.plugins.get(actor, plugin_id)
    entries = await services.plugin_logs.page(actor, plugin_id, page, page_size, log_filter(level, search))
    return LogPage(logs=[_line(entry) for entry in entries], page=page, page_size=page_size)


@router.get(
    "/plugins/{plugin_id}/logs/stream",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}}},
)
async def stream_logs(
    plugin_id: str, actor: AdminDep, services: ServicesDep, level: Level = None, search: Search = None
) -> StreamingResponse:
    """Lines as Server-Sent Events while they come: `line`, and `skipped` for a reader who does not keep up."""
    await services.plugins.get(actor, plugin_id)
    return StreamingResponse(
        _log_events(services, actor, plugin_id, log_filter(level, search)),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _log_events(services: Services, actor: Actor, plugin_id: str, wanted: LogFilter) -> AsyncGenerator[str, None]:
    """The stream, which ends with the session."""

    def text_of(news: LogNews) -> str:
        skipped = _event("skipped", {"skipped": news.skipped}) if news.skipped else ""
        return skipped + "".join(_event("line", entry.as_dict()) for entry in news.entries if wanted.lets(entry))

    over = asyncio.Event()
    unwatch = services.registry.watch(actor.credential_id, over.set) if actor.credential_id else lambda: None
    try:
        async with (
            aclosing(services.plugin_logs.follow(actor, plugin_id)) as news,
            aclosing(event_stream(news, text_of, over)) as texts,
        ):
            async for text in texts:
                yield text
    finally:
        unwatch()


def _event(name: str, data: dict[str, Any]) -> str:
    return f"event: {name}\ndata: {orjson.dumps(data).decode()}\n\n"


def _line(entry: LogEntry) -> LogLine:
    return LogLine.model_validate(entry, from_attributes=True)
