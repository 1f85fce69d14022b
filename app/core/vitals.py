"""What the process knows before any service is there: the turns of its loop, its log file, and who started it."""

from dataclasses import dataclass, field

from app.core.log import LogFile
from app.core.loop_turns import LoopTurns
from app.core.service_manager import ServiceManager


@dataclass(frozen=True, slots=True)
class Vitals:
    """Made by whoever starts the process.

    Attributes:
        turns: of the event loop.
        log: the product's own log, None where it goes elsewhere.
        manager: hears that the process lives, where it was started by one.
    """

    turns: LoopTurns = field(default_factory=LoopTurns)
    log: LogFile | None = None
    manager: ServiceManager = field(default_factory=ServiceManager)
