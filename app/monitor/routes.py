"""The monitor's doors: the newest figures, the last hour, the processes, and the live socket."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from starlette.routing import WebSocketRoute

from app.access import ServicesDep
from app.monitor.history import SECONDS
from app.monitor.schemas import HistoryView, ProcessList, ProcessOrder, Snapshot
from app.monitor.sockets import LiveFigures

JSON = "application/json"
FRESH = {"Cache-Control": "no-store"}

router = APIRouter(prefix="/api", tags=["monitor"])
router.routes.append(WebSocketRoute("/api/ws/monitor", LiveFigures()))


@router.get("/resources", response_model=Snapshot)
async def resources(services: ServicesDep) -> Response:
    """The machine now: at most a second old. What it lacks is null or an empty list."""
    return Response(await services.monitor.resources_json(), media_type=JSON, headers=FRESH)


@router.get("/resources/history", response_model=HistoryView)
async def history(services: ServicesDep, seconds: Annotated[int, Query(ge=1, le=SECONDS)] = SECONDS) -> Response:
    """The last `seconds` in at most 600 entries of even length; null where nothing was measured."""
    return Response(services.monitor.history_json(seconds), media_type=JSON, headers=FRESH)


@router.get("/resources/processes")
async def processes(
    services: ServicesDep,
    sort: ProcessOrder = ProcessOrder.CPU,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> ProcessList:
    """The heaviest processes, largest first. The first look takes half a second: it measures."""
    return await services.monitor.processes(sort, limit)
