"""The interactive description of the REST API, at /api/docs, with all assets from the fastapi-swagger package."""

from importlib.util import find_spec
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

ASSETS = "/api/docs/assets"

# The style is Swagger UI's own; nothing is inlined but the call that starts it, which carries the page's nonce.
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Toru Steering Center API</title>
<link rel="icon" href="/favicon.ico">
<link rel="stylesheet" href="{assets}/swagger-ui.css">
</head>
<body>
<main id="swagger-ui"></main>
<script src="{assets}/swagger-ui-bundle.js"></script>
<script>
SwaggerUIBundle({{url: "/api/openapi.json", dom_id: "#swagger-ui", deepLinking: true, validatorUrl: null}});
</script>
</body>
</html>
"""


def _assets_folder() -> Path:
    # Found, not imported: only its files are wanted.
    spec = find_spec("fastapi_swagger")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("fastapi-swagger is not installed")
    return Path(spec.submodule_search_locations[0]) / "resources"


def add_docs(api: FastAPI) -> None:
    """Serves the page and its assets; the guard keeps both for signed-in users."""
    page = PAGE.format(assets=ASSETS)

    @api.get("/api/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return HTMLResponse(page)

    api.mount(ASSETS, StaticFiles(directory=_assets_folder()), name="docs-assets")
