"""What leaves the retention concept."""

from dataclasses import dataclass

from app.core.batches import Total


@dataclass(frozen=True, slots=True)
class Pass:
    """One look at everything that is kept.

    Attributes:
        at: when it ended.
        totals: what went, by the kind of thing.
        problem: a sentence about what could not be removed, None when all went well.
    """

    at: str
    totals: dict[str, Total]
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
