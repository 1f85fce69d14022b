"""A run that somebody may still be waiting for: how far it got, and waking those who follow it."""

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from app.runs.schemas import RunState, RunView
from app.runs.store import StoredRun

if TYPE_CHECKING:
    from app.runs.link import RunnerLink


class LiveRun:
    """One run in memory. Followers keep theirs after the run has left the dispatcher.

    Attributes:
        number: its place in the order of all runs.
        requester: who asked for it: a user, or one of its tokens.
        line: whom the queue counts it for: the user, however it asked.
        cols, rows: the size its terminal begins with.
        size: bytes of output that may be read.
        flags: the runner's, see app/runner/journal.py.
        link: the runner that has it, None before.
        boot_id: the boot of the machine in which it was handed over, empty before.
        cancel_wanted: whether somebody asked for its end.
        cancelling: whether its end by a cancel is certain.
        cancel_recorded: whether the audit was told who asked for its end.
        handed_over: set once a runner has it, or it has ended without one.
        holds_place: whether it counts towards the runs at once.
        ending: whether its end, or what became of it, is being found out.
        started: the monotonic time of its start, None when another core started it.
        counted: bytes of its output that figures hold, None for one of an earlier core that was not heard of yet.
    """

    def __init__(self, stored: StoredRun) -> None:
        view = stored.view
        self.number = stored.number
        self.requester = stored.requester
        self.line = view.user_id or ""
        self.cols = stored.cols
        self.rows = stored.rows
        self.size = view.size
        self.flags = 0
        self.link: RunnerLink | None = None
        self.boot_id = stored.boot_id
        self.cancel_wanted = False
        self.cancelling = view.state is RunState.CANCELLED
        self.cancel_recorded = False
        self.handed_over = asyncio.Event()
        if view.state.ended:
            self.handed_over.set()
        self.holds_place = False
        self.ending = False
        self.started: float | None = None
        self.counted: int | None = 0
        self._view = view
        self._waiters: list[asyncio.Future[None]] = []

    @property
    def id(self) -> str:
        """The run's id."""
        return self._view.id

    @property
    def state(self) -> RunState:
        """Its state, as it is in the database."""
        return self._view.state

    @property
    def view(self) -> RunView:
        """What others see of it now."""
        return self._view if self._view.size == self.size else replace(self._view, size=self.size)

    def become(self, stored: StoredRun) -> None:
        """Takes over what is in the database now, and wakes the followers."""
        self._view = view = stored.view
        self.boot_id = stored.boot_id
        if view.state.ended:
            self.size = view.size
            self.cancelling = view.state is RunState.CANCELLED
            self.handed_over.set()
        self.wake()

    def wake(self) -> None:
        """Wakes everybody who waits for something to happen."""
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def moved(self) -> None:
        """Returns after the next time something happened."""
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            await waiter
        finally:
            if waiter in self._waiters:
                self._waiters.remove(waiter)
