"""Waiting for what no event tells of."""

import asyncio
import time
from collections.abc import Callable
from typing import Any


async def eventually(done: Callable[[], Any], seconds: float = 30) -> None:
    """Returns once `done` (a coroutine function, too) says something true; fails when it does not come to that."""
    until = time.monotonic() + seconds
    while True:
        said = done()
        if await said if asyncio.iscoroutine(said) else said:
            return
        assert time.monotonic() < until, "it did not come to that"
        await asyncio.sleep(0.01)
