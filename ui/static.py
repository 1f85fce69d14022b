"""Every file that a browser gets from us besides pages: style sheet, scripts, icon sprite, mark, manifest.

Files are small, so they are built once at the start and kept in memory; their addresses carry a hash of the content,
so browsers keep them until they change.
"""

import gzip
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Request, Response

from app.core.errors import NotFound
from theme.icons import ICONS, sprite
from theme.mark import favicon_svg, mark_svg
from theme.tokens import BROWSER, css_variables

_CSS: Final = Path(__file__).parent.parent / "theme" / "css"
_IMAGES: Final = Path(__file__).parent.parent / "theme" / "assets"
_SCRIPTS: Final = Path(__file__).parent / "scripts"
_FOR_EVER: Final = "public, max-age=31536000, immutable"
_ASK_AGAIN: Final = "no-cache"
_TYPES: Final = {
    "css": "text/css",
    "js": "text/javascript",
    "svg": "image/svg+xml",
    "png": "image/png",
    "ico": "image/x-icon",
    "webmanifest": "application/manifest+json",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file as it goes out."""

    name: str
    body: bytes
    packed: bytes | None = field(init=False, repr=False)
    version: str = field(init=False)

    def __post_init__(self) -> None:
        packed = gzip.compress(self.body, 9, mtime=0) if not self.name.endswith((".png", ".ico")) else None
        object.__setattr__(self, "packed", packed)
        object.__setattr__(self, "version", hashlib.sha256(self.body).hexdigest()[:12])

    @property
    def media_type(self) -> str:
        """The Content-Type, told by the ending."""
        return _TYPES[self.name.rpartition(".")[2]]


@cache
def assets() -> Mapping[str, Asset]:
    """All files by name; read and built at the first call."""
    return {asset.name: asset for asset in _build()}


def static_url(name: str) -> str:
    """The address of a file; raises KeyError for one that does not exist."""
    return f"/static/{name}?v={assets()[name].version}"


def head_html(*scripts: str) -> str:
    """What the head of every page of ours holds: style sheet, icons, manifest, and the scripts named."""
    tags = [
        f'<link rel="stylesheet" href="{static_url("toru.css")}">',
        f'<link rel="icon" type="image/svg+xml" href="{static_url("favicon.svg")}">',
        f'<link rel="apple-touch-icon" href="{static_url("apple-touch-icon.png")}">',
        '<link rel="manifest" href="/manifest.webmanifest">',
        f'<meta name="theme-color" content="{BROWSER["light"]}">',
        '<meta name="mobile-web-app-capable" content="yes">',
        '<meta name="apple-mobile-web-app-title" content="Toru">',
        f'<script src="{static_url("theme.js")}"></script>',
    ]
    tags += [f'<script defer src="{static_url(script)}"></script>' for script in scripts]
    return "\n".join(tags)


def create_static_router() -> APIRouter:
    """Routes that are open to everybody: nothing here is secret, and the sign-in page needs them."""
    router = APIRouter(include_in_schema=False)

    @router.api_route("/static/{name}", methods=["GET", "HEAD"])
    async def static_file(name: str, request: Request) -> Response:
        return _answer(assets().get(name), request)

    @router.api_route("/favicon.ico", methods=["GET", "HEAD"])
    async def favicon(request: Request) -> Response:
        return _answer(assets()["favicon.ico"], request)

    @router.api_route("/apple-touch-icon.png", methods=["GET", "HEAD"])
    async def touch_icon(request: Request) -> Response:
        return _answer(assets()["apple-touch-icon.png"], request)

    @router.api_route("/manifest.webmanifest", methods=["GET", "HEAD"])
    async def manifest(request: Request) -> Response:
        return _answer(assets()["manifest.webmanifest"], request)

    return router


def _answer(asset: Asset | None, request: Request) -> Response:
    if asset is None:
        raise NotFound("There is nothing at this address.")
    tag = f'"{asset.version}"'
    kept = request.query_params.get("v") == asset.version
    headers = {"ETag": tag, "Cache-Control": _FOR_EVER if kept else _ASK_AGAIN, "Vary": "Accept-Encoding"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    if asset.packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        return Response(asset.packed, media_type=asset.media_type, headers={**headers, "Content-Encoding": "gzip"})
    return Response(asset.body, media_type=asset.media_type, headers=headers)


def _build() -> Iterator[Asset]:
    yield Asset("toru.css", _style_sheet().encode())
    yield Asset("icons.svg", sprite().encode())
    yield Asset("icon_names.js", f"export const ICONS = new Set({json.dumps(sorted(ICONS))});\n".encode())
    yield Asset("mark.svg", mark_svg().encode())
    yield Asset("favicon.svg", favicon_svg().encode())
    for path in sorted(_SCRIPTS.glob("*.js")) + sorted(_IMAGES.iterdir()):
        yield Asset(path.name, path.read_bytes())
    yield Asset("manifest.webmanifest", json.dumps(_manifest()).encode())


def _style_sheet() -> str:
    """The tokens, then base.css, then every other sheet of theme/css in order of name."""
    sheets = sorted(_CSS.glob("*.css"), key=lambda path: (path.name != "base.css", path.name))
    return css_variables() + "".join(path.read_text(encoding="utf-8") for path in sheets)


def _manifest() -> dict[str, object]:
    def icon(name: str, size: int, purpose: str) -> dict[str, str]:
        return {"src": f"/static/{name}", "sizes": f"{size}x{size}", "type": "image/png", "purpose": purpose}

    return {
        "id": "/",
        "name": "Toru Steering Center",
        "short_name": "Toru",
        "description": "Watch a server and run its scripts.",
        "start_url": "/",
        "scope": "/",
        "display": "standalone",
        "background_color": BROWSER["splash"],
        "theme_color": BROWSER["theme"],
        "icons": [
            icon("icon-192.png", 192, "any"),
            icon("icon-512.png", 512, "any"),
            icon("icon-maskable-512.png", 512, "maskable"),
        ],
    }
