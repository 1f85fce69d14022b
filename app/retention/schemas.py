"""What leaves the retention concept."""

from dataclasses import dataclass
from enum import StrEnum

from app.core.batches import Total


class Kind(StrEnum):
    """What goes, and why."""

    RUNS_AGE = "runs_age"
    RUNS_NUMBER = "runs_number"
    OUTPUTS_AGE = "outputs_age"
    OUTPUTS_SIZE = "outputs_size"
    SIGN_INS = "sign_ins"
    LOGS = "logs"


@dataclass(frozen=True, slots=True)
class Pass:
    """One look at everything that is kept.

    Attributes:
        at: when it ended.
        totals: what went, by what it was and why.
        problem: a sentence about what could not be removed, None when all went well.
    """

    at: str
    totals: dict[Kind, Total]
    problem: str | None


@dataclass(frozen=True, slots=True)
class RetentionView:
    """How it stands.

    Attributes:
        runs: how many are kept.
        output_bytes: what the output of those takes that have ended.
        last: the newest pass, None before the first one.
    """

    runs: int
    output_bytes: int
    last: Pass | None
