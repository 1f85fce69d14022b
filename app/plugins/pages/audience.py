"""The viewers of a page who see the same: each change is encoded once, and each viewer reads at a pace of its own."""

import asyncio
from collections import deque
from collections.abc import Callable

from app.plugins.pages.batch import Batch
from app.plugins.pages.nodes import MOST_BYTES
from app.plugins.pages.visible import Patch

INTERVAL = 0.05
"""Seconds between two deliveries, at least. One may come before its time: whoever sends 20 changes a second does not
send them to the millisecond, and would otherwise be late with all that follow."""

MOST_KEPT = 32
"""Deliveries that are kept for viewers who are behind; further behind, they get the whole tree."""

FROM_THE_START = -1


class Audience:
    """Either the admins or the clients among the viewers.

    Args:
        whole: gives the message that has everything.
        changed: called when somebody came or left.
    """

    def __init__(self, whole: Callable[[], str], changed: Callable[[], None]) -> None:
        self.viewers = 0
        self._whole = whole
        self._changed = changed
        self._batch = Batch()
        self._number = 0
        self._kept: deque[str] = deque()
        self._kept_size = 0
        self._whole_text: str = ""
        self._news = asyncio.Event()
        self._due: asyncio.Handle | None = None
        self._free_at = 0.0

    def add(self, patch: Patch, size: int) -> None:
        """Something changed, in at most so many bytes of JSON."""
        if self.viewers:
            self._batch.add(patch, size)
            self._touch()

    def show_anew(self) -> None:
        """Everything changed."""
        if self.viewers:
            self._batch.become_whole()
            self._touch()

    def enter(self) -> None:
        """A viewer comes."""
        self.viewers += 1
        self._changed()

    def leave(self) -> None:
        """A viewer leaves; the last one leaves nothing behind."""
        self.viewers -= 1
        if not self.viewers:
            if self._due is not None:
                self._due.cancel()
                self._due = None
            self._batch.clear()
            self._restart()
        self._changed()

    async def after(self, number: int) -> tuple[int, list[str]]:
        """What came after that delivery (FROM_THE_START for a new viewer), and the number of the last one with it."""
        while self._number == number:
            await self._news.wait()
        behind = self._number - number
        if number != FROM_THE_START and behind <= len(self._kept):
            return self._number, list(self._kept)[-behind:]
        self._seal()  # a tree has what waits, too; who gets the tree must not get it twice
        if not self._whole_text:
            self._whole_text = self._whole()
            asyncio.get_running_loop().call_soon(self._forget_whole)  # it is for those who were woken together
        return self._number, [self._whole_text]

    def _forget_whole(self) -> None:
        self._whole_text = ""

    def _touch(self) -> None:
        self._forget_whole()
        if self._due is None:
            loop = asyncio.get_running_loop()
            at = self._free_at - INTERVAL
            # Never at once: what comes in one piece goes out in one piece.
            self._due = loop.call_at(at, self._deliver) if at > loop.time() else loop.call_soon(self._deliver)

    def _deliver(self) -> None:
        self._due = None
        self._free_at = max(self._free_at, asyncio.get_running_loop().time()) + INTERVAL
        self._seal()
        reached, self._news = self._news, asyncio.Event()
        reached.set()

    def _seal(self) -> None:
        """Makes what waits a delivery."""
        if self._batch.is_whole:
            self._batch.clear()
            self._restart()
        elif self._batch:
            text = self._batch.text()
            self._batch.clear()
            self._number += 1
            self._kept.append(text)
            self._kept_size += len(text)
            while len(self._kept) > MOST_KEPT or self._kept_size > MOST_BYTES:
                self._kept_size -= len(self._kept.popleft())

    def _restart(self) -> None:
        """Has everybody begin with the whole tree."""
        self._number += 1
        self._kept.clear()
        self._kept_size = 0
        self._forget_whole()
