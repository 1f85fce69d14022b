"""Bodies that come slowly or without end: given up, and nobody else is hurried."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, cast

import pytest
from starlette.exceptions import HTTPException

from app import bodies as module

Message = MutableMapping[str, Any]


@pytest.mark.fault("A51")
async def test_a_body_that_trickles_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BODY_SECONDS", 0.2)
    receive = module.with_limits(trickle(every=0.05))
    read = 0

    async def read_all() -> None:
        nonlocal read
        while True:
            read += len((await receive())["body"])

    with pytest.raises(HTTPException, match="408"):
        await read_all()
    assert 1 <= read <= 5


async def test_a_large_body_may_take_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BODY_SECONDS", 1)
    receive = module.with_limits(trickle(every=0.1, piece=b"x" * 8192))
    for _ in range(20):
        assert len((await receive())["body"]) == 8192


async def test_whoever_waits_for_the_end_of_an_answer_is_not_hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BODY_SECONDS", 0.05)
    messages = asyncio.Queue[Message]()
    messages.put_nowait({"type": "http.request", "body": b"{}", "more_body": False})
    receive = module.with_limits(messages.get)
    assert (await receive())["body"] == b"{}"
    waiting = asyncio.create_task(cast("Any", receive)())
    await asyncio.sleep(0.1)
    assert not waiting.done()
    messages.put_nowait({"type": "http.disconnect"})
    assert (await waiting)["type"] == "http.disconnect"


async def test_a_body_that_does_not_tell_its_size_is_counted() -> None:
    receive = module.with_limits(trickle(every=0, piece=b"x" * 1000), 3000)
    for _ in range(3):
        await receive()
    with pytest.raises(HTTPException, match="413"):
        await receive()


def trickle(every: float, piece: bytes = b"x") -> Callable[[], Awaitable[Message]]:
    async def receive() -> Message:
        await asyncio.sleep(every)
        return {"type": "http.request", "body": piece, "more_body": True}

    return receive
