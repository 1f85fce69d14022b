"""A rush of sign-ins: a few at a time, and nobody without a body holds a place."""

import asyncio
from typing import Any

from app.auth.turns import AT_ONCE, Message, Receive, Turns

WHOLE: Message = {"type": "http.request", "body": b"{}", "more_body": False}


class Request:
    """One that is answered when the test says so."""

    def __init__(self, *messages: Message) -> None:
        self.coming = asyncio.Queue[Message]()
        self.is_handled = asyncio.Event()
        self.may_end = asyncio.Event()
        for message in messages:
            self.coming.put_nowait(message)

    async def answer(self, receive: Receive) -> None:
        while (await receive()).get("more_body"):
            pass
        self.is_handled.set()
        await self.may_end.wait()


async def test_a_few_are_handled_at_a_time_and_then_the_next() -> None:
    turns, requests = Turns(), [Request(WHOLE) for _ in range(AT_ONCE + 2)]
    async with asyncio.TaskGroup() as group:
        for request in requests:
            group.create_task(turns.serve(request.coming.get, request.answer))
        await all_handled(requests[:AT_ONCE])
        assert [request.is_handled.is_set() for request in requests[AT_ONCE:]] == [False, False]
        requests[0].may_end.set()
        await all_handled(requests[AT_ONCE : AT_ONCE + 1])
        assert not requests[-1].is_handled.is_set()
        for request in requests:
            request.may_end.set()
    assert requests[-1].is_handled.is_set()


async def test_who_sends_no_body_keeps_nobody_waiting() -> None:
    turns, silent, honest = Turns(), [Request() for _ in range(AT_ONCE * 2)], Request(WHOLE)
    tasks = [asyncio.create_task(turns.serve(request.coming.get, request.answer)) for request in silent]
    honest.may_end.set()
    async with asyncio.timeout(5):
        await turns.serve(honest.coming.get, honest.answer)
    assert honest.is_handled.is_set()
    await ended(tasks)


async def test_who_leaves_while_waiting_or_amid_its_turn_frees_its_place() -> None:
    turns, leaving, last = Turns(), [Request(WHOLE) for _ in range(AT_ONCE + 3)], Request(WHOLE)
    tasks = [asyncio.create_task(turns.serve(request.coming.get, request.answer)) for request in leaving]
    await all_handled(leaving[:AT_ONCE])
    await ended(tasks)
    last.may_end.set()
    async with asyncio.timeout(5):
        await turns.serve(last.coming.get, last.answer)
    assert last.is_handled.is_set()


async def all_handled(requests: list[Request]) -> None:
    async with asyncio.timeout(5):
        await asyncio.gather(*(request.is_handled.wait() for request in requests))


async def ended(tasks: list["asyncio.Task[Any]"]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
