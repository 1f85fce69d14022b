"""Who is next when more runs are wanted than may run: first in, first out, and fair among users."""

from bisect import insort
from collections import Counter
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ticket:
    """A place in the queue. `number` is the order in which runs were asked for."""

    run_id: str
    requester: str
    number: int


class WaitingRuns:
    """Runs that wait, each user's own in the order in which they came.

    Next is the oldest of the user who has the fewest running, and among equals of whoever was served longest ago: two
    hundred runs of one user delay another user's first by one place, not by two hundred.
    """

    def __init__(self) -> None:
        self._lines: dict[str, list[Ticket]] = {}
        self._running: Counter[str] = Counter()
        self._served: dict[str, int] = {}
        self._turn = 0

    def __len__(self) -> int:
        return sum(map(len, self._lines.values()))

    @property
    def running(self) -> int:
        """How many hold a place."""
        return self._running.total()

    def add(self, ticket: Ticket) -> None:
        """Puts a run into its user's line: at the end, unless it was asked for before others there."""
        insort(self._lines.setdefault(ticket.requester, []), ticket, key=lambda other: other.number)

    def remove(self, run_id: str) -> bool:
        """Takes a run out of the queue; False when it does not wait."""
        for requester, line in self._lines.items():
            for ticket in line:
                if ticket.run_id == run_id:
                    line.remove(ticket)
                    self._tidy(requester)
                    return True
        return False

    def take(self) -> Ticket | None:
        """The next run, which from now on holds a place; None when nobody waits."""
        ticket = self._next()
        if ticket is not None:
            self._lines[ticket.requester].pop(0)
            self.occupy(ticket.requester)
            self._tidy(ticket.requester)
        return ticket

    def occupy(self, requester: str) -> None:
        """Counts a run that holds a place without having waited."""
        self._running[requester] += 1
        self._turn += 1
        self._served[requester] = self._turn

    def release(self, requester: str) -> None:
        """Gives a place back."""
        self._running[requester] -= 1
        self._tidy(requester)

    def positions(self) -> dict[str, int]:
        """For each waiting run its place if nothing changed: 1 is next."""
        ahead = WaitingRuns()
        ahead._lines = {requester: list(line) for requester, line in self._lines.items()}
        ahead._running, ahead._served, ahead._turn = Counter(self._running), dict(self._served), self._turn
        order: dict[str, int] = {}
        while (ticket := ahead.take()) is not None:
            order[ticket.run_id] = len(order) + 1
        return order

    def _next(self) -> Ticket | None:
        def claim(ticket: Ticket) -> tuple[int, int, int]:
            requester = ticket.requester
            return self._running[requester], self._served.get(requester, 0), ticket.number

        return min((line[0] for line in self._lines.values()), key=claim, default=None)

    def _tidy(self, requester: str) -> None:
        """Forgets a user of whom nothing waits or runs."""
        if not self._lines.get(requester):
            self._lines.pop(requester, None)
            if self._running[requester] <= 0:
                del self._running[requester]
                self._served.pop(requester, None)
