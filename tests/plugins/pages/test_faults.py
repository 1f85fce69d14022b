"""Pages that misbehave, and viewers that do: whoever does it pays for it, and nobody else notices."""

import asyncio
import time
from contextlib import AsyncExitStack
from itertools import pairwise
from typing import Any

import httpx
import psutil

from tests.plugins.pages.support import PAGE, looking, patch, show, told
from tests.support.server import Server

METRIC = {"type": "metric", "id": "n", "label": "N", "value": 0}
TREES = 40
FROZEN = 5
TREE_BYTES = 200_000


async def test_a_storm_is_read_slowly_and_named_once(stage: Server, admin: httpx.AsyncClient) -> None:
    """What one process sends beyond its rate waits in its own buffers; the newest arrives in the end."""
    await show(admin, {"type": "column", "children": [METRIC]})
    await show(admin, {"type": "column", "children": [METRIC]}, name="page-two")
    slowest = 0.0
    admin.timeout = httpx.Timeout(30)
    async with looking(admin) as viewer, looking(admin, "page-two") as other:
        await viewer.tree()
        await other.tree()
        began = time.monotonic()
        storm = asyncio.create_task(admin.get(f"/api/plugins/route/{PAGE}/storm?1000"))
        messages: list[Any] = []
        while not messages or messages[-1]["patches"][0]["set"]["value"] != 1000:
            if len(messages) % 10 == 0:
                asked = time.monotonic()
                await patch(admin, {"id": "n", "set": {"value": len(messages)}}, name="page-two")
                if messages:
                    await other.patches()
                slowest = max(slowest, time.monotonic() - asked)
            messages.append(await viewer.next(20))
        taken = time.monotonic() - began
        assert (await storm).text == "1000"
        assert taken > 3  # 800 of them at 200 a second
    assert slowest < 0.5
    assert len(messages) <= taken * 20 + 2
    seen = [message["patches"][0]["set"]["value"] for message in messages]
    assert seen == sorted(set(seen))
    lines = (await admin.get(f"/api/plugins/{PAGE}/logs")).json()["logs"]
    flooded = [entry for entry in lines if entry.get("event") == "page_flooded"]
    assert len(flooded) == 1
    assert "more than 200 messages a second" in flooded[0]["message"]


async def test_viewers_that_never_read_cost_next_to_nothing(stage: Server, admin: httpx.AsyncClient) -> None:
    def tree(number: int) -> Any:
        return {"type": "code", "id": "code", "text": f"{number}" + "x" * TREE_BYTES}

    await show(admin, tree(0), name="page-two")
    core = psutil.Process(stage.pid)
    async with AsyncExitStack() as stack:
        frozen = []
        for _ in range(FROZEN):
            one = await stack.enter_async_context(looking(admin, "page-two"))
            one.socket.connection.transport.pause_reading()
            frozen.append(one)
        viewer = await stack.enter_async_context(looking(admin, "page-two"))
        await viewer.tree()
        before = core.memory_full_info().uss
        for number in range(1, TREES + 1):
            await show(admin, tree(number), name="page-two")
            assert (await viewer.tree())["text"].startswith(f"{number}x")
        grown = core.memory_full_info().uss - before
        for one in frozen:
            one.socket.connection.transport.abort()
    assert grown < FROZEN * TREES * TREE_BYTES / 3, f"{grown:,} bytes"
    async with looking(admin, "page-two") as late:
        assert (await late.tree())["text"].startswith(f"{TREES}x")


async def test_who_comes_and_goes_is_counted_but_not_every_time(admin: httpx.AsyncClient) -> None:
    await show(admin, {"type": "column"}, name="page-two")
    before = len(await told(admin, "page-two"))
    for _ in range(30):
        async with looking(admin, "page-two") as viewer:
            await viewer.tree()
    async with looking(admin, "page-two"):
        async with asyncio.timeout(5):
            while not (news := (await told(admin, "page-two"))[before:]) or news[-1]["viewers"] != 1:
                await asyncio.sleep(0.05)
        assert {one["action"] for one in news} == {"watched"}
        counts = [one["viewers"] for one in news]
        assert all(first != second for first, second in pairwise(counts))
    async with asyncio.timeout(5):
        while (await told(admin, "page-two"))[-1]["viewers"] != 0:
            await asyncio.sleep(0.05)
