"""What the process itself knows before any service is there: the turns of its loop, and its log file."""

from dataclasses import dataclass, field

from app.core.log import LogFile
from app.core.loop_turns import LoopTurns


@dataclass(frozen=True, slots=True)
class Vitals:
    """Made by whoever starts the process, told in figures by `app.metrics`.

    Attributes:
        turns: of the event loop.
        log: the product's own log, None where it goes elsewhere.
    """

    turns: LoopTurns = field(default_factory=LoopTurns)
    log: LogFile | None = None
