"""Whose turn it is: so many requests at a plugin at once, so many waiting, so many bytes of both."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.plugins.wire import PluginBusy

MOST_BYTES = 32 << 20
"""Of bodies on their way to one plugin; one request is always let in."""


class Turns:
    """The queue in front of one plugin.

    Args:
        at_once: requests that the plugin has at the same time.
        waiting: requests that may wait for that.
    """

    def __init__(self, at_once: int, waiting: int) -> None:
        self._free = asyncio.Semaphore(at_once)
        self._room = at_once + waiting
        self._inside = 0
        self._bytes = 0

    @property
    def inside(self) -> int:
        """Requests that wait or are at the plugin."""
        return self._inside

    @asynccontextmanager
    async def turn(self, size: int) -> AsyncIterator[None]:
        """Within it, a request with a body of `size` bytes is at the plugin. Raises PluginBusy instead of waiting."""
        if self._inside >= self._room or (self._inside and self._bytes + size > MOST_BYTES):
            raise PluginBusy("Too many requests wait for this plugin. Try again in a moment.")
        self._inside += 1
        self._bytes += size
        try:
            async with self._free:
                yield
        finally:
            self._inside -= 1
            self._bytes -= size
