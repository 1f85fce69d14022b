"""/metrics: figures for Prometheus, for whoever may read."""

from fastapi import APIRouter, Response

from app.access import ActorDep, ServicesDep
from app.metrics.exposition import CONTENT_TYPE, exposition

router = APIRouter(tags=["metrics"])


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def metrics(actor: ActorDep, services: ServicesDep) -> Response:
    """All figures in Prometheus' text format; a token with the scope `read` will do."""
    text = exposition(await services.metrics.families(actor))
    return Response(text, media_type=CONTENT_TYPE, headers={"Cache-Control": "no-store"})
