"""One daemon thread for blocking reads of the machine.

Not an executor: a read of a dying disk may never return, and then neither the event loop nor the end of the process
may wait for it. Being the same thread every time is what psutil's CPU baseline needs.
"""

import asyncio
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")


class WorkerBusy(Exception):
    """The read before was given up and has not come back yet."""


class Worker:
    """Runs reads one after the other in a thread of its own, started at the first one."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._waiting = 0
        self._given_up = False

    async def call(self, read: Callable[[], T], limit: float) -> T:
        """The result of `read()`, or what it raised.

        Raises:
            TimeoutError: it took longer than `limit` seconds; its result is dropped when it comes.
            WorkerBusy: an earlier read was given up and still holds the thread.
        """
        if self._given_up and self._waiting:
            raise WorkerBusy(self._name)
        self._given_up = False
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()
        self._waiting += 1
        self._jobs.put(lambda: self._work(read, loop, answer))
        self._start()
        try:
            async with asyncio.timeout(limit):
                return await answer
        except TimeoutError:
            self._given_up = True
            raise

    def close(self) -> None:
        """Ends the thread after the read that it is in; does not wait for it."""
        self._jobs.put(None)
        self._thread = None

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()

    def _work(self, read: Callable[[], T], loop: asyncio.AbstractEventLoop, answer: asyncio.Future[T]) -> None:
        result: Any = None
        error: BaseException | None = None
        try:
            result = read()
        except Exception as raised:  # noqa: BLE001 - whoever called gets it
            error = raised
        with suppress(RuntimeError):  # the loop was closed while we read
            loop.call_soon_threadsafe(self._finish, answer, result, error)

    def _finish(self, answer: asyncio.Future[T], result: T, error: BaseException | None) -> None:
        self._waiting -= 1
        if answer.done():  # given up
            return
        if error is None:
            answer.set_result(result)
        else:
            answer.set_exception(error)
