"""The time: one clock that services receive, so that tests can move it."""

import time
from datetime import UTC, datetime


def iso(moment: datetime) -> str:
    """An aware moment as ISO 8601 UTC text with milliseconds, as stored and sent; such texts sort by time."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def parse_iso(text: str) -> datetime:
    """The aware UTC moment that `iso` wrote."""
    return datetime.fromisoformat(text)


def now_iso() -> str:
    """Now, as `iso` text."""
    return iso(datetime.now(UTC))


class Clock:
    """Wall time for records, monotonic time for durations."""

    def now(self) -> datetime:
        """The aware UTC moment."""
        return datetime.now(UTC)

    def now_iso(self) -> str:
        """`now` as stored text."""
        return iso(self.now())

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()
