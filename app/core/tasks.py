"""Background work that has an owner: named, kept, logged when it fails, ended when its owner closes."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

log = logging.getLogger(__name__)


class TaskKeeper:
    """Keeps the tasks of one service.

    Args:
        owner: the service's name, used in task names and log lines.
    """

    def __init__(self, owner: str) -> None:
        self._owner = owner
        self._tasks: set[asyncio.Task[Any]] = set()

    def spawn(self, work: Coroutine[Any, Any, Any], name: str) -> None:
        """Starts `work` under `owner:name`; an exception in it is logged, never lost."""
        self.start(work, name).add_done_callback(self._log_failure)

    def start(self, work: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
        """The same for a caller who awaits the task and with it gets its result or its exception."""
        task = asyncio.get_running_loop().create_task(work, name=f"{self._owner}:{name}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    @staticmethod
    def _log_failure(task: asyncio.Task[Any]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("background task %s failed", task.get_name(), exc_info=error)

    async def close(self) -> None:
        """Cancels what still runs, and what that starts while it ends, and waits until all has ended."""
        while tasks := list(self._tasks):
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
