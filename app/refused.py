"""Refusals on their way out: a 403 that somebody signed in is answered with leaves a row in the audit."""

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from app.audit.service import AuditService
from app.core.errors import Forbidden
from app.core.permissions import Actor

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]

STARTS = ("http.response.start", "websocket.http.response.start")
FORBIDDEN = 403


def with_recorded_refusals(send: Send, scope: Message, audit: AuditService, actor: Actor) -> Send:
    """`send` that records a 403, with its sentence, before it goes out; whoever made it need not think of that.

    That the second factor is asked for once more is no refusal.
    """
    asked = f"{scope.get('method', 'WebSocket')} {scope['path']}"
    held: list[Message] = []

    async def recorded(message: Message) -> None:
        if message["type"] in STARTS and message["status"] == FORBIDDEN:
            held.append(message)
            return
        if held:
            answer = _answer(message.get("body", b""))
            if "step_up" not in answer:
                await audit.refused(actor, asked, Forbidden(answer.get("error", "")))
            await send(held.pop())
        await send(message)

    return recorded


def _answer(body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except ValueError:
        answer = None  # not one of ours
    return answer if isinstance(answer, dict) else {}
