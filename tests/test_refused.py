"""Refusals on their way out: each 403 of somebody signed in is told to the audit, and nothing else is."""

import json
from collections.abc import MutableMapping
from typing import Any, cast

import pytest

from app.audit.service import AuditService
from app.core.errors import ToruError
from app.core.permissions import Actor, Role
from app.refused import with_recorded_refusals

Message = MutableMapping[str, Any]
CARLA = Actor("c1", "carla", "Carla", Role.CLIENT)


class Listener:
    """The audit, as far as refusals are concerned, and the peer that gets the answer."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str, str]] = []
        self.sent: list[Message] = []

    async def refused(self, actor: Actor, asked: str, error: ToruError) -> None:
        assert not self.sent, "recorded before it goes out"
        self.told.append((actor.username, asked, str(error)))

    async def send(self, message: Message) -> None:
        self.sent.append(message)


async def answer(status: int, body: bytes, kind: str = "http") -> Listener:
    """What comes of an answer."""
    listener = Listener()
    scope: Message = {"path": "/api/users"} | ({"method": "PUT"} if kind == "http" else {})
    send = with_recorded_refusals(listener.send, scope, cast("AuditService", listener), CARLA)
    prefix = "http.response" if kind == "http" else "websocket.http.response"
    messages: list[Message] = [{"type": f"{prefix}.start", "status": status}, {"type": f"{prefix}.body", "body": body}]
    for message in messages:
        await send(message)
    assert listener.sent == messages, "the answer is what it was"
    return listener


async def test_a_403_is_told_with_its_sentence() -> None:
    listener = await answer(403, json.dumps({"error": "Only an administrator may do this."}).encode())
    assert listener.told == [("carla", "PUT /api/users", "Only an administrator may do this.")]


async def test_so_is_that_of_a_handshake() -> None:
    listener = await answer(403, b'{"error": "Requests from other sites are refused."}', "websocket")
    assert listener.told == [("carla", "WebSocket /api/users", "Requests from other sites are refused.")]


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b"\xff"])
async def test_one_without_a_sentence_is_told_all_the_same(body: bytes) -> None:
    assert (await answer(403, body)).told == [("carla", "PUT /api/users", "")]


async def test_being_asked_for_the_second_factor_is_no_refusal() -> None:
    body = json.dumps({"error": "Confirm with your second factor first.", "step_up": True}).encode()
    assert (await answer(403, body)).told == []


@pytest.mark.parametrize("status", [200, 204, 400, 401, 404, 500])
async def test_other_answers_pass(status: int) -> None:
    assert (await answer(status, b'{"error": "x"}')).told == []
