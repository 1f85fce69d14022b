"""The one shape of a refusal, `{"error": "<sentence>"}`, also where other people's code would answer in its own."""

import json
from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from typing import Any

from app.headers import ALWAYS, STRICT, is_html

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

SENTENCES = {
    400: "The request cannot be understood.",
    404: "There is nothing at this address.",
    405: "This address does not take that method.",
    413: "The request is too large.",
    500: "Something went wrong here. The log says what.",
}


def sentence_of(status: int) -> str:
    """What to tell people when nothing more is known than the status."""
    return SENTENCES.get(status, f"{HTTPStatus(status).phrase}.")


def raw_refusal(status: int, sentence: str, *headers: tuple[bytes, bytes]) -> bytes:
    """A whole HTTP answer, for requests that reach no application; the connection is closed behind it."""
    body, every = raw_parts(sentence)
    every += [(b"connection", b"close"), *headers]
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}".encode(), *(b"%s: %s" % pair for pair in every)]
    return b"\r\n".join((*lines, b"", body))


def raw_parts(sentence: str) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    """Body and headers of such an answer."""
    body = json.dumps({"error": sentence}).encode()
    return body, [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        (b"content-security-policy", STRICT.encode()),
        *ALWAYS,
    ]


class OneShape:
    """Gives refusals of the page framework our shape; pages that say what went wrong stay as they are."""

    def __init__(self, inner: Application) -> None:
        self._inner = inner

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serves one connection."""
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        replaced = False

        async def reshape(message: Message) -> None:
            nonlocal replaced
            if message["type"] == "http.response.start" and message["status"] >= 400 and not is_html(message):
                replaced = True
                await _refuse(message, send)
            elif not replaced:
                await send(message)

        await self._inner(scope, receive, reshape)


def with_answered_handshakes(send: Send) -> Send:
    """`send` of a WebSocket that tells why nobody took its handshake: closed at once, it would be a 403 without a word.

    What answers it as if it were a plain request, as engineio does for addresses that it does not know, is put right.
    """
    refused = accepted = False

    async def told(message: Message) -> None:
        nonlocal refused, accepted
        if not accepted and not refused and message["type"] in ("websocket.close", "http.response.start"):
            refused = True
            await _refuse_handshake(send)
        elif not refused:
            accepted = True
            await send(message)

    return told


async def _refuse_handshake(send: Send) -> None:
    status = 404
    body, headers = _refusal(status)
    await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": body})


async def _refuse(start: Message, send: Send) -> None:
    body, headers = _refusal(start["status"])
    kept = [pair for pair in start.get("headers", ()) if pair[0].lower() in (b"allow", b"retry-after")]
    await send({"type": "http.response.start", "status": start["status"], "headers": [*kept, *headers]})
    await send({"type": "http.response.body", "body": body})


def _refusal(status: int) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    body = json.dumps({"error": sentence_of(status)}).encode()
    return body, [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
