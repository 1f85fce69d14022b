"""The live figures for any number of viewers: one text a second, encoded once, the newest only."""

import asyncio


class Feed:
    """Hands each viewer the newest text. It keeps one, so a slow or frozen viewer skips and costs nothing."""

    def __init__(self) -> None:
        self._number = 0
        self._text = ""
        self._next = asyncio.Event()

    def publish(self, text: str) -> None:
        """Replaces the text and wakes everybody who waits for it."""
        self._number += 1
        self._text = text
        reached, self._next = self._next, asyncio.Event()
        reached.set()

    async def after(self, number: int) -> tuple[int, str]:
        """The newest text and its number, waiting until that is larger than `number` (0 to begin)."""
        while self._number <= number:
            await self._next.wait()
        return self._number, self._text
