"""The gate in front of everything, for HTTP and WebSockets alike: own host, own origin, a live session.

Pure ASGI: a BaseHTTPMiddleware never sees WebSockets.
"""

import re
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from starlette.responses import JSONResponse, RedirectResponse, Response

from app.auth.addresses import client_address
from app.auth.cookies import SESSION, cookie_values
from app.auth.turns import Turns
from app.bodies import max_body, with_limits
from app.cloudflare_access import HEADER as ASSERTION
from app.core.errors import BadValue, Forbidden, Limited, ToruError, retry_after
from app.core.origin import is_host
from app.credentials import Credential, Shown, is_api, read_credential, require_read, require_second_factor
from app.error_shape import with_answered_handshakes
from app.headers import with_security_headers
from app.refused import with_recorded_refusals
from app.revocation import serve_http_until_revoked, serve_socket_until_revoked
from app.services import Services

Message = MutableMapping[str, Any]
Scope = Message
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
OwnerOf = Callable[[str], str | None]

NICEGUI_SOCKET = "/_nicegui_ws/"
HEALTH = "/api/health"
SIGN_IN = "/api/auth/login"
PUBLIC = frozenset(
    {
        "/login",
        SIGN_IN,
        "/api/auth/logout",
        "/api/auth/me",
        HEALTH,
        "/apple-touch-icon.png",
        "/favicon.ico",
        "/manifest.webmanifest",
    }
)
# Ours only. NiceGUI's own files need a session, too: for an address that it does not know it would build a page.
PUBLIC_FILES = re.compile(r"/static/[^/]+")
LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
# Nothing behind us may believe a client's word about where it is served.
UNTRUSTED_HEADERS = frozenset(
    {
        *(b"x-forwarded-" + part for part in (b"prefix", b"host", b"proto", b"port", b"server", b"path", b"uri")),
        *(b"forwarded", b"x-original-url", b"x-rewrite-url", b"x-script-name"),
    }
)
# Nor has anything behind us a use for what opens the second gate.
STRIPPED_HEADERS = UNTRUSTED_HEADERS | {ASSERTION}


@contextmanager
def unanswered_after_leaving() -> Iterator[None]:
    """Takes it calmly when NiceGUI's middleware has no answer for a browser that left while its page was built."""
    try:
        yield
    except RuntimeError as error:
        if str(error) != "No response returned.":
            raise


class Head:
    """The headers that decide, of those that a request brought; each may have come more than once."""

    def __init__(self, scope: Scope) -> None:
        self._headers: list[tuple[bytes, bytes]] = scope["headers"]

    def all(self, name: bytes) -> list[str]:
        """Every value of a header (its name in lower case)."""
        return [value.decode("latin-1") for key, value in self._headers if key == name]

    def has(self, name: bytes) -> bool:
        """Whether the header came."""
        return any(key == name for key, _ in self._headers)


class Guard:
    """Lets through what is public or has a live session; binds NiceGUI's sockets to the session that owns the page.

    Args:
        inner: the application behind the gate.
        services: who finds sessions and tells of their end.
        owner_of: the session id a NiceGUI client was made for, None for an unknown client.
    """

    def __init__(self, inner: Application, services: Services, owner_of: OwnerOf) -> None:
        self._inner = inner
        self._services = services
        self._config = services.config
        self._auth = services.auth
        self._registry = services.registry
        self._second_gate = services.cloudflare_access
        self._owner_of = owner_of
        self._sign_ins = Turns()
        self._public_host = urlsplit(services.config.public_url).netloc if services.config.public_url else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one connection."""
        if scope["type"] not in ("http", "websocket"):
            await self._inner(scope, receive, send)
            return
        send = with_security_headers(send, secure=self._config.secure_cookies)
        if scope["type"] == "websocket":
            send = with_answered_handshakes(send)
        assertions = Head(scope).all(ASSERTION)
        scope["headers"] = [pair for pair in scope["headers"] if pair[0] not in STRIPPED_HEADERS]
        head = Head(scope)
        if scope["type"] == "http" and (head.has(b"content-length") or head.has(b"transfer-encoding")):
            receive = with_limits(receive, max_body(scope["path"]))
        if (refusal := await self._access_refusal(scope, assertions)) is not None:
            await _refuse(refusal, scope, receive, send)
            return
        cookies = cookie_values(head.all(b"cookie"), SESSION, self._config)
        shown = read_credential(self._services, scope["path"], cookies, head.all(b"authorization"))
        try:
            address = self._address(scope, head)
        except BadValue as error:
            await _refuse(_error(error.status, str(error)), scope, receive, send)
            return
        known = {"session": shown.session, "credential": shown.credential, "address": address}
        scope["state"] = {**scope.get("state", {}), **known}
        if shown.credential is not None:
            send = with_recorded_refusals(send, scope, self._services.audit, shown.credential.actor(address))
        refusal = self._refusal(scope, head, address, shown)
        if refusal is not None:
            await _refuse(refusal, scope, receive, send)
        elif scope["path"] == SIGN_IN and scope["type"] == "http":
            await self._sign_ins.serve(receive, lambda turn: self._serve(shown.credential, scope, turn, send))
        else:
            await self._serve(shown.credential, scope, receive, send)

    async def _serve(self, credential: Credential | None, scope: Scope, receive: Receive, send: Send) -> None:
        with unanswered_after_leaving():
            if credential is None:
                await self._inner(scope, receive, send)
            elif scope["type"] == "websocket":
                await serve_socket_until_revoked(self._inner, self._registry, credential.id, scope, receive, send)
            else:
                await serve_http_until_revoked(self._inner, self._registry, credential.id, scope, receive, send)

    async def _access_refusal(self, scope: Scope, assertions: list[str]) -> Response | None:
        """Before sessions are looked at: keys may have to be waited for."""
        if self._second_gate is None or (scope["type"] == "http" and scope["path"] == HEALTH):
            return None
        try:
            await self._second_gate.check(assertions)
        except ToruError as error:
            return _error(error.status, str(error), retry_after(error))
        return None

    def _address(self, scope: Scope, head: Head) -> str:
        return client_address(
            scope["client"][0] if scope.get("client") else None,
            head.all(b"cf-connecting-ip"),
            head.all(b"x-forwarded-for"),
            self._config.trust_proxy,
            self._config.trusted_proxies,
        )

    def _refusal(self, scope: Scope, head: Head, address: str, shown: Shown) -> Response | None:
        path: str = scope["path"]
        if shown.credential is None and path != HEALTH:
            try:
                self._auth.limits.count_stranger(address)
            except Limited as error:
                return _error(429, str(error), retry_after(error))
        hosts = head.all(b"host")
        if len(hosts) != 1 or not self._is_own_host(hosts[0].lower()) or not path.startswith("/"):
            return _error(400, "This address is not served here.")
        if shown.fault is not None:
            return _error(401, shown.fault, {"WWW-Authenticate": "Bearer"})
        # No browser sends a token by itself, so no other site can act with one.
        if shown.token is None and not self._is_own_origin(scope, head, hosts[0].lower()):
            return _error(403, "Requests from other sites are refused.")
        if any(not size.isdecimal() or int(size[:20]) > max_body(path) for size in head.all(b"content-length")):
            return _error(413, "The request is too large.")
        return self._refusal_of(shown, scope, address)

    def _refusal_of(self, shown: Shown, scope: Scope, address: str) -> Response | None:
        """Whether what was shown opens this address."""
        path: str = scope["path"]
        if shown.credential is None:
            return None if scope["type"] == "http" and _is_public(path) else _not_signed_in(scope, path, shown)
        try:
            require_second_factor(self._services, path, shown.credential)
            if shown.token is not None:
                require_read(scope, shown.token.actor(address))
        except Forbidden as error:
            return _error(error.status, str(error))
        if path.startswith(NICEGUI_SOCKET) and self._names_foreign_page(scope, shown.credential.id):
            return _error(403, "This page belongs to another session.")
        return None

    def _is_own_host(self, host: str) -> bool:
        if not is_host(host):
            return False
        return self._public_host is None or host == self._public_host or _is_loopback(host)

    def _is_own_origin(self, scope: Scope, head: Head, host: str) -> bool:
        origins = head.all(b"origin")
        if origins:
            return len(origins) == 1 and self._is_ours(origins[0].lower(), host)
        told = {site.strip() for value in head.all(b"sec-fetch-site") for site in value.lower().split(",")}
        if not told & {"cross-site", "same-site"}:
            return True
        # A link on another site may lead to a page; it cannot bring the cookie along, and nothing is done by it.
        is_link = scope["type"] == "http" and scope["method"] in ("GET", "HEAD")
        return is_link and head.all(b"sec-fetch-mode") == ["navigate"] and not is_api(scope["path"])

    def _is_ours(self, origin: str, host: str) -> bool:
        if self._public_host is not None and not _is_loopback(host):
            return origin == self._config.public_url
        return origin in (f"http://{host}", f"https://{host}") or origin == self._config.public_url

    def _names_foreign_page(self, scope: Scope, session_id: str) -> bool:
        """Whoever knows a client id could otherwise act as the page behind it."""
        query = parse_qs(scope["query_string"].decode("latin-1"))
        owners = {self._owner_of(client_id) for client_id in query.get("client_id", [])}
        return not owners <= {session_id, None}


def _is_loopback(host: str) -> bool:
    return re.sub(r":\d+$", "", host) in LOOPBACK


def _is_public(path: str) -> bool:
    return path in PUBLIC or PUBLIC_FILES.fullmatch(path) is not None


def _error(status: int, sentence: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"error": sentence}, status, headers)


def _not_signed_in(scope: Scope, path: str, shown: Shown) -> Response:
    if scope["type"] == "websocket" or is_api(path) or path.startswith("/_nicegui"):
        return _error(401, "Not signed in.")
    query = scope.get("query_string", b"").decode("latin-1")
    wanted = path + ("?" + query if query else "")
    told = ["ended=1"] if shown.has_ended else []
    told += [f"next={quote(wanted, safe='/')}"] if wanted != "/" else []
    return RedirectResponse(f"/login?{'&'.join(told)}" if told else "/login", 303)


async def _refuse(response: Response, scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with HTTP, also to a WebSocket's handshake (a bare close would be a 403 whatever the reason)."""
    if scope["type"] == "http":
        await response(scope, receive, send)
        return
    await receive()
    start = {"status": response.status_code, "headers": response.raw_headers}
    await send({"type": "websocket.http.response.start", **start})
    await send({"type": "websocket.http.response.body", "body": bytes(response.body)})
