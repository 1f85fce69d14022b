"""REST of the audit: /api/audit."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse
from pydantic import BeforeValidator

from app.access import ActorDep, ServicesDep
from app.audit.schemas import AuditFilter, AuditPage, ExportFormat
from app.audit.service import MAX_PAGE
from app.audit.trail import Outcome
from app.core.errors import BadValue

router = APIRouter(prefix="/api/audit", tags=["audit"])

TYPES = {ExportFormat.JSONL: "application/jsonl; charset=utf-8", ExportFormat.CSV: "text/csv; charset=utf-8"}

CONTENT: dict[str, dict[str, Any]] = {kind.partition(";")[0]: {} for kind in TYPES.values()}
"""What the description tells of an export."""

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)

Text = Annotated[str | None, Query(max_length=200)]


def _no_number(text: str) -> str:
    """Numbers would be taken for seconds since 1970, which no description of ours says."""
    if "-" not in text[1:]:
        raise ValueError("must be a time such as 2026-01-31T12:00:00Z")
    return text


Moment = Annotated[datetime, BeforeValidator(_no_number)]


async def _filter(
    what: Annotated[str | None, Query(max_length=200, description="`run.ended`, or `run` for all of runs")] = None,
    actor: Text = None,
    outcome: Outcome | None = None,
    search: Text = None,
    since: Moment | None = None,
    until: Moment | None = None,
) -> AuditFilter:
    return AuditFilter(what, actor, outcome, search, _moment(since), _moment(until))


def _moment(asked: datetime | None) -> datetime | None:
    """A moment that can be compared; without a zone it is UTC. Raises BadValue outside of what a calendar has."""
    if asked is None:
        return None
    try:
        return max(asked.replace(tzinfo=asked.tzinfo or UTC).astimezone(UTC), EARLIEST)
    except OverflowError:
        raise BadValue("This moment is out of range.") from None


FilterDep = Annotated[AuditFilter, Depends(_filter)]


@router.get("")
async def list_rows(
    actor: ActorDep,
    services: ServicesDep,
    wanted: FilterDep,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
    before: Annotated[int | None, Query(ge=1, le=1 << 62)] = None,
) -> AuditPage:
    """Who did what, newest first: an admin sees everything, a client all runs and its own signing in and out."""
    return await services.audit.page(actor, wanted, limit, before)


@router.get("/export", response_class=StreamingResponse, responses={200: {"content": CONTENT}})
async def export_rows(
    actor: ActorDep,
    services: ServicesDep,
    wanted: FilterDep,
    form: Annotated[ExportFormat, Query(alias="format")] = ExportFormat.JSONL,
) -> StreamingResponse:
    """The same rows as a file, oldest first."""
    actor.require_read()
    named = {"Content-Disposition": f'attachment; filename="audit.{form.value}"'}
    return StreamingResponse(services.audit.export(actor, wanted, form), headers=named, media_type=TYPES[form])
