"""The REST and WebSocket application: every router on one screen, and the one error handler."""

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.routing import Match

from app import docs
from app.actions.routes import router as actions
from app.audit.routes import router as audit
from app.auth.cookies import SESSION, cookie_name
from app.auth.routes import router as auth
from app.backup.routes import router as backups
from app.core.errors import NotFound, StepUpNeeded, ToruError, retry_after
from app.error_shape import SENTENCES
from app.fleet.routes import router as fleet
from app.metrics.routes import router as metrics
from app.monitor.routes import router as monitor
from app.openapi import DescribedApi
from app.plugins.log_routes import router as plugin_logs
from app.plugins.pages.sockets import socket_routes as page_sockets
from app.plugins.proxy_routes import PluginProxy
from app.plugins.routes import router as plugins
from app.runs.routes import router as runs
from app.runs.sockets import socket_routes as run_sockets
from app.second_factor.routes import router as second_factor
from app.services import Services
from app.settings.routes import router as settings
from app.tokens.routes import router as tokens
from app.users.routes import router as users
from app.version import VERSION

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]
UNREADABLE = "The request is not valid JSON, or nested too deeply."


class ErrorAnswer(BaseModel):
    """Every refusal: one sentence for people.

    `step_up` is there, and true, where POST /api/auth/step-up and the same request again would be allowed.
    """

    error: str
    step_up: bool | None = None


def create_api(services: Services) -> FastAPI:
    """The application without its pages; they are mounted behind it at `/`."""
    api = DescribedApi(
        cookie=cookie_name(SESSION, services.config),
        title="Toru Steering Center",
        version=VERSION,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
        responses={"default": {"description": "A refusal, whatever its status", "model": ErrorAnswer}},
    )
    api.state.services = services
    # Tried in this order: the busiest first.
    api.router.routes.append(PluginProxy())
    concepts = (
        monitor,
        auth,
        users,
        second_factor,
        tokens,
        settings,
        actions,
        audit,
        runs,
        plugins,
        plugin_logs,
        backups,
        fleet,
        metrics,
    )
    for router in concepts:
        api.include_router(router)
    api.router.routes.extend((*run_sockets(), *page_sockets()))
    docs.add_docs(api)
    api.add_api_route("/api/health", health, methods=["GET"], tags=["health"])
    api.add_api_route("/api/health", health, methods=["HEAD"], include_in_schema=False)
    api.state.known_routes = tuple(api.router.routes)
    api.add_api_route("/api", unknown, methods=METHODS, include_in_schema=False)
    api.add_api_route("/api/{rest:path}", unknown, methods=METHODS, include_in_schema=False)
    api.add_exception_handler(ToruError, _toru_error)
    api.add_exception_handler(HTTPException, _http_error)
    api.add_exception_handler(RequestValidationError, _malformed)
    api.add_exception_handler(Exception, _unexpected)
    return api


class Health(BaseModel):
    """The core answers."""

    status: str = "ok"


async def health() -> Health:
    """Whether the core answers; for everybody."""
    return Health()


async def unknown(request: Request) -> Response:
    """The last route below /api: an unknown path must not build a page. A known one has just other methods."""
    allowed = [method for method in METHODS if _is_known(request, method)]
    if allowed:
        raise HTTPException(405, headers={"Allow": ", ".join(allowed)})
    raise NotFound(SENTENCES[404])


def _is_known(request: Request, method: str) -> bool:
    scope = {**request.scope, "method": method}
    return any(route.matches(scope)[0] is Match.FULL for route in request.app.state.known_routes)


def _answer(status: int, sentence: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"error": sentence}, status, headers)


async def _toru_error(_: Request, error: Any) -> Response:
    if isinstance(error, StepUpNeeded):
        return JSONResponse({"error": str(error), "step_up": True}, error.status)
    return _answer(error.status, str(error), retry_after(error))


async def _http_error(_: Request, error: Any) -> Response:
    if error.status_code == 400:  # only FastAPI raises it, for a body that it could not even begin to understand
        return _answer(422, UNREADABLE)
    return _answer(error.status_code, SENTENCES.get(error.status_code, str(error.detail)), error.headers)


async def _malformed(_: Request, error: Any) -> Response:
    return _answer(422, sentence_for(error.errors()))


def sentence_for(problems: Sequence[Any]) -> str:
    """One sentence for what a validation found, without the values, which may be secrets."""
    first = problems[0] if problems else {}
    if first.get("type") == "json_invalid":
        return "The request is not valid JSON."
    where = ".".join(str(part) for part in first.get("loc", ())[1:]) or "The request"
    return f"{where[:100]}: {first.get('msg', 'cannot be understood')}."


async def _unexpected(_: Request, error: Exception) -> Response:
    return _answer(500, SENTENCES[500])
