"""The interactive description of the REST API, at /api/docs, with all assets from the fastapi-swagger package."""

from importlib.util import find_spec
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles

PAGE_PATH = "/api/docs"
ASSETS = "/api/docs/assets"
START = "/api/docs/start.js"

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
PAGE = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Toru Steering Center API</title>
<link rel="icon" href="/favicon.ico">
<link rel="stylesheet" href="{ASSETS}/swagger-ui.css">
<script defer src="{ASSETS}/swagger-ui-bundle.js"></script>
<script defer src="{START}"></script>
</head>
<body>
<main id="swagger-ui"></main>
</body>
</html>
"""
SCRIPT = """SwaggerUIBundle({
  url: "/api/openapi.json", dom_id: "#swagger-ui", deepLinking: true, validatorUrl: null, withCredentials: true,
});
"""


def _assets_folder() -> Path:
    # Found, not imported: only its files are wanted.
    spec = find_spec("fastapi_swagger")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("fastapi-swagger is not installed")
    return Path(spec.submodule_search_locations[0]) / "resources"


def add_docs(api: FastAPI) -> None:
    """Serves the page and its assets; the guard keeps both for signed-in users."""

    @api.get(PAGE_PATH, include_in_schema=False)
    async def docs() -> HTMLResponse:
        return HTMLResponse(PAGE, headers={"Content-Security-Policy": POLICY})

    @api.get(START, include_in_schema=False)
    async def start() -> Response:
        return Response(SCRIPT, media_type="text/javascript")

    api.mount(ASSETS, StaticFiles(directory=_assets_folder()), name="docs-assets")
