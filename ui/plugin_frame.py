"""The document in which a plugin's page lives: plain HTML in a frame of ours, so that its styles stay its own.

It has no NiceGUI client. `ui/scripts/plugin_frame.js` mounts the plugin's bundle in it.
"""

from html import escape
from importlib.metadata import version
from typing import Final

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from app.access import ActorDep, ServicesDep
from app.core.errors import NotFound
from theme.plugin_colours import plugin_utilities, plugin_variables
from ui.static import static_url

# 'unsafe-eval', because bundles were written for pages that allow it, and our own page around does as well.
_POLICY: Final = (
    "default-src 'self'; script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; media-src 'self' data: blob:; connect-src 'self'; "
    "worker-src 'self' blob:; frame-src 'none'; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'self'"
)
_TAILWIND: Final = f"/_nicegui/{version('nicegui')}/static/tailwindcss.min.js"
_HEADERS: Final = {"Content-Security-Policy": _POLICY, "X-Frame-Options": "SAMEORIGIN", "Cache-Control": "no-store"}
_STYLE: Final = """html{color-scheme:light}html.dark{color-scheme:dark}
body{margin:0;min-height:100vh;background:hsl(var(--background));color:hsl(var(--foreground));
font-family:system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;-webkit-text-size-adjust:100%}
#toru-problem{max-width:34rem;margin:2rem auto;padding:1.5rem;border:1px solid hsl(var(--border));
border-radius:var(--radius);background:hsl(var(--card));color:hsl(var(--card-foreground));line-height:1.5}
#toru-problem h1{font-size:1.1rem;font-weight:650;margin:0 0 .5rem}
#toru-problem p{margin:0;overflow-wrap:anywhere;color:hsl(var(--muted-foreground))}"""


def create_plugin_frame_router() -> APIRouter:
    """Serves the document of each plugin to whoever is signed in."""
    router = APIRouter(include_in_schema=False)

    @router.get("/plugin-frame/{plugin_id}")
    async def frame(plugin_id: str, actor: ActorDep, services: ServicesDep) -> HTMLResponse:
        try:
            metadata = services.plugins.metadata(actor, plugin_id)
        except NotFound as error:
            return HTMLResponse(_problem_html(str(error)), error.status, headers=_HEADERS)
        return HTMLResponse(_frame_html(metadata.id, metadata.name, metadata.route), headers=_HEADERS)

    return router


def _frame_html(plugin_id: str, name: str, route: str) -> str:
    return f"""<!doctype html>
<html lang="en" data-plugin="{escape(plugin_id)}" data-route="{escape(route)}">
<head>
<meta charset="utf-8">
<title>{escape(name)}</title>
<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">
<style>{plugin_variables()}</style>
<style type="text/tailwindcss">{plugin_utilities()}</style>
<script src="{static_url("plugin_frame.js")}"></script>
<script src="{_TAILWIND}"></script>
<style>{_STYLE}</style>
</head>
<body><div id="toru-plugin"></div></body>
</html>
"""


def _problem_html(sentence: str) -> str:
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Plugin</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>{plugin_variables()}{_STYLE}</style>
</head>
<body><section id="toru-problem" role="alert"><h1>This page of the plugin cannot be shown</h1>
<p>{escape(sentence)}</p></section></body>
</html>
"""
