"""Processes of their own for what measures, so that neither harness nor server is in its way."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Workers:
    """Runs functions of clients.py elsewhere."""

    def __init__(self, pool: Executor) -> None:
        self._pool = pool

    def start(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> "asyncio.Future[T]":
        """Begins and does not wait."""
        return asyncio.wrap_future(self._pool.submit(function, *args, **kwargs))

    async def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs it and returns its result."""
        return await self.start(function, *args, **kwargs)


@contextmanager
def workers(count: int = 3) -> Iterator[Workers]:
    """As many processes as work at once."""
    with ProcessPoolExecutor(count, mp_context=get_context("spawn")) as pool:
        for future in [pool.submit(len, "") for _ in range(count)]:
            future.result()  # they start with the first call, which shall not be one that is measured
        yield Workers(pool)
