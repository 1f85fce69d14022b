"""How much a terminal may be sent before it says that it has shown it."""

import asyncio

WINDOW = 256 << 10


class Window:
    """Bytes on their way to one viewer; opened by its acknowledgements."""

    def __init__(self, size: int = WINDOW) -> None:
        self._size = size
        self._under_way = 0
        self._moved = asyncio.Event()

    async def room(self) -> None:
        """Returns when there is room."""
        while self._under_way >= self._size:
            self._moved.clear()
            await self._moved.wait()

    def sent(self, count: int) -> None:
        """Bytes went out."""
        self._under_way += count

    def acknowledged(self, count: int) -> None:
        """The viewer has shown bytes."""
        self._under_way = max(0, self._under_way - count)
        self._moved.set()
