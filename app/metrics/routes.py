"""/metrics: figures for Prometheus, for whoever may read."""

import asyncio

from fastapi import APIRouter, Response

from app.access import ActorDep, ServicesDep
from app.metrics.exposition import CONTENT_TYPE, exposition
from app.metrics.families import core_families, machine_families, plugin_families

router = APIRouter(tags=["metrics"])


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def metrics(actor: ActorDep, services: ServicesDep) -> Response:
    """The machine, the core and the plugins in Prometheus' text format; a token with the scope `read` will do."""
    actor.require_read()
    now = services.monitor.snapshot()
    families = [
        *await asyncio.to_thread(lambda: list(core_families(services.settings.instance_id))),
        *(machine_families(now) if now is not None else ()),
        *plugin_families(await services.plugins.list(actor)),
    ]
    return Response(exposition(families), media_type=CONTENT_TYPE, headers={"Cache-Control": "no-store"})
