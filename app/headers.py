"""The security headers of every answer, and the content policy of every page.

A page's policy carries a nonce for the scripts that NiceGUI writes into it; `'unsafe-eval'` stays, NiceGUI's Vue
templates cannot do without.
"""

import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

STRICT = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
MAX_PAGE = 4 * 1024 * 1024

ALWAYS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
)


def page_policy(nonce: str) -> str:
    """The content policy of a page whose inline scripts carry `nonce`."""
    return (
        f"default-src 'self'; script-src 'self' 'nonce-{nonce}' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; "
        "manifest-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
    )


def with_security_headers(send: Send, *, secure: bool) -> Send:
    """`send` that adds what an answer does not say itself."""

    async def guarded(message: Message) -> None:
        if message["type"] in ("http.response.start", "websocket.http.response.start"):
            headers = list(message.get("headers", ()))
            present = {name.lower() for name, _ in headers}
            added = [pair for pair in ALWAYS if pair[0] not in present]
            if b"content-security-policy" not in present:
                added.append((b"content-security-policy", STRICT.encode()))
            if b"cache-control" not in present:
                added.append((b"cache-control", b"no-store"))
            if secure:
                added.append((b"strict-transport-security", b"max-age=31536000"))
            message["headers"] = headers + added
        await send(message)

    return guarded


class PagePolicy:
    """Gives every HTML page its content policy and its scripts the nonce; innermost, so that it sees plain text."""

    def __init__(self, inner: Application) -> None:
        self._inner = inner

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serves one connection."""
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        nonce = secrets.token_urlsafe(16)
        start: Message | None = None
        body = b""

        async def rewrite(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start":
                if not is_html(message):
                    await send(message)
                    return
                start = message
                return
            if start is None:
                await send(message)
                return
            body += message.get("body", b"")
            if len(body) > MAX_PAGE:
                raise RuntimeError("a page is larger than 4 MiB")
            if message.get("more_body"):
                return
            page = body.replace(b"<script", b'<script nonce="%s"' % nonce.encode())
            await send({**start, "headers": _with_policy(start, nonce, len(page))})
            await send({"type": "http.response.body", "body": page})

        await self._inner(scope, receive, rewrite)


def is_html(start: Message) -> bool:
    """Whether an answer is a page."""
    return any(
        name.lower() == b"content-type" and value.startswith(b"text/html") for name, value in start.get("headers", ())
    )


def _with_policy(start: Message, nonce: str, size: int) -> list[tuple[bytes, bytes]]:
    kept = [pair for pair in start["headers"] if pair[0].lower() != b"content-length"]
    return [
        *kept,
        (b"content-length", str(size).encode()),
        (b"content-security-policy", page_policy(nonce).encode()),
    ]
