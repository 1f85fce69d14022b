"""The gate in front of everything, for HTTP and WebSockets alike: own host, own origin, a live session.

Pure ASGI: a BaseHTTPMiddleware never sees WebSockets.
"""

import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import quote, urlsplit

from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, RedirectResponse, Response

from app.auth.addresses import client_address
from app.auth.cookies import session_tokens
from app.auth.service import AuthService
from app.core.config import Config
from app.headers import with_security_headers

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
OwnerOf = Callable[[str], str | None]

NICEGUI_SOCKET = "/_nicegui_ws/"
PUBLIC = frozenset(
    {
        "/login",
        "/api/auth/login",
        "/api/auth/logout",
        "/api/auth/me",
        "/api/health",
        "/apple-touch-icon.png",
        "/favicon.ico",
        "/manifest.webmanifest",
    }
)
PUBLIC_ASSETS = re.compile(r"/static/|/_nicegui/[^/]+/(static|libraries|components|esm|resources)/")
HOST = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?")
LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
# Nothing behind us may believe a client's word about where it is served.
UNTRUSTED_HEADERS = frozenset({b"x-forwarded-prefix", b"x-forwarded-host", b"x-forwarded-proto", b"forwarded"})


class Guard:
    """Lets through what is public or has a live session; binds NiceGUI's sockets to the session that owns the page.

    Args:
        inner: the application behind the gate.
        auth: finds sessions.
        owner_of: the session id a NiceGUI client was made for, None for an unknown client.
    """

    def __init__(self, inner: Application, config: Config, auth: AuthService, owner_of: OwnerOf) -> None:
        self._inner = inner
        self._config = config
        self._auth = auth
        self._owner_of = owner_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one connection."""
        if scope["type"] not in ("http", "websocket"):
            await self._inner(scope, receive, send)
            return
        if scope["type"] == "http":
            send = with_security_headers(send, scope, secure=self._config.secure_cookies)
        scope["headers"] = [pair for pair in scope["headers"] if pair[0].lower() not in UNTRUSTED_HEADERS]
        connection = HTTPConnection(scope)
        tokens = session_tokens(connection.headers.getlist("cookie"), self._config)
        session = self._auth.session(tokens[0]) if len(tokens) == 1 else None
        state = scope.setdefault("state", {})
        state["session"] = session
        state["address"] = self._address(connection)
        refusal = self._refusal(scope, connection, session.id if session else None)
        if refusal is None:
            await self._inner(scope, receive, send)
        else:
            await _refuse(refusal, scope, receive, send)

    def _address(self, connection: HTTPConnection) -> str:
        return client_address(
            connection.client.host if connection.client else None,
            connection.headers.getlist("cf-connecting-ip"),
            connection.headers.getlist("x-forwarded-for"),
            self._config.trust_proxy,
            self._config.trusted_proxies,
        )

    def _refusal(self, scope: Scope, connection: HTTPConnection, session_id: str | None) -> Response | None:
        path: str = scope["path"]
        if not self._own_host(connection) or not path.startswith("/"):
            return _error(400, "This address is not served here.")
        if not self._own_origin(scope, connection):
            return _error(403, "Requests from other sites are refused.")
        if session_id is None:
            return None if scope["type"] == "http" and _is_public(path) else _not_signed_in(scope, path)
        if path.startswith(NICEGUI_SOCKET):
            # Whoever knows a client id could otherwise act as the page behind it.
            owner = self._owner_of(connection.query_params.get("client_id", ""))
            if owner is not None and owner != session_id:
                return _error(403, "This page belongs to another session.")
        return None

    def _own_host(self, connection: HTTPConnection) -> bool:
        hosts = connection.headers.getlist("host")
        if len(hosts) != 1 or HOST.fullmatch(hosts[0]) is None:
            return False
        public = self._config.public_url
        if public is None:
            return True
        return hosts[0].lower() == urlsplit(public).netloc or _name(hosts[0]) in LOOPBACK

    def _own_origin(self, scope: Scope, connection: HTTPConnection) -> bool:
        origins = connection.headers.getlist("origin")
        if origins:
            return len(origins) == 1 and self._is_ours(origins[0].lower(), connection.headers["host"].lower())
        if scope["type"] == "http" and scope["method"] in SAFE_METHODS:
            return True
        return connection.headers.get("sec-fetch-site") not in ("cross-site", "same-site")

    def _is_ours(self, origin: str, host: str) -> bool:
        if self._config.public_url is not None and origin == self._config.public_url:
            return True
        if self._config.public_url is not None and _name(host) not in LOOPBACK:
            return False
        parts = urlsplit(origin)
        return parts.scheme in ("http", "https") and parts.netloc == host and origin.endswith("//" + parts.netloc)


def _name(host: str) -> str:
    return re.sub(r":\d+$", "", host).lower()


def _is_public(path: str) -> bool:
    return path in PUBLIC or PUBLIC_ASSETS.match(path) is not None


def _error(status: int, sentence: str) -> Response:
    return JSONResponse({"error": sentence}, status)


def _not_signed_in(scope: Scope, path: str) -> Response:
    if scope["type"] == "websocket" or path.startswith(("/api/", "/_nicegui")) or path == "/api":
        return _error(401, "Not signed in.")
    query = scope.get("query_string", b"").decode("latin-1")
    wanted = path + ("?" + query if query else "")
    return RedirectResponse("/login" if wanted == "/" else f"/login?next={quote(wanted, safe='/')}", 303)


async def _refuse(response: Response, scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with HTTP, also to a WebSocket's handshake (a bare close would be a 403 whatever the reason)."""
    if scope["type"] == "http":
        await response(scope, receive, send)
        return
    await receive()
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 4401 if response.status_code == 401 else 4403})
        return
    await send(
        {
            "type": "websocket.http.response.start",
            "status": response.status_code,
            "headers": response.raw_headers,
        }
    )
    await send({"type": "websocket.http.response.body", "body": bytes(response.body)})
