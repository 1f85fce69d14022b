"""What `toru runs` needs of a machine, whichever way it is reached, and what may come of asking."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any, Protocol

Run = dict[str, Any]


class Broken(Exception):
    """The machine cannot be reached now; it may be again in a moment. The text is a sentence."""


class Refused(Exception):
    """The machine says no; the text is its sentence."""


@dataclass(frozen=True, slots=True)
class Output:
    """Bytes of a run's output, just after those that came before."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Gap:
    """Output that is not kept any more; what follows begins at `offset`."""

    count: int
    offset: int


@dataclass(frozen=True, slots=True)
class End:
    """How the run ended: its `state`, `code`, `signal` and `reason`."""

    outcome: dict[str, Any]


class Door(Protocol):
    """A machine. Every method raises Broken and Refused."""

    async def page(self, wanted: dict[str, str | int]) -> dict[str, Any]:
        """`runs`, newest first, and `next_before`."""

    async def start(self, script: str, args: list[str], time_limit: int | None, key: str | None) -> Run:
        """Starts a script; `time_limit` is in seconds."""

    async def cancel(self, run_id: str) -> Run:
        """Has a run ended."""

    def follow(self, run_id: str, offset: int) -> AsyncGenerator[Output | Gap | End, None]:
        """A run's output from a byte on, last its end."""
