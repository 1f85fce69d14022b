"""When the next backup is due."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from app.backup.schemas import BackupView
from app.core.clock import parse_iso

AGAIN: Final = timedelta(hours=1)
"""After a try that came to nothing, at the latest."""

SOON: Final = timedelta(minutes=1)
"""After the start, or after the schedule was switched on."""


def next_at(
    every: timedelta | None,
    backups: Iterable[BackupView],
    failed_at: datetime | None,
    begun_at: datetime,
    now: datetime,
) -> datetime | None:
    """The moment of the next one, None when there is no schedule.

    Args:
        backups: those that are there; the newest scheduled one counts, so that restarts change nothing. One from the
            future was made by a clock that was wrong, and would keep the next one away until then.
        failed_at: when the newest try failed, None when it did not.
        begun_at: since when the schedule is followed.
    """
    if every is None:
        return None
    times = (parse_iso(view.made_at) for view in backups if view.scheduled)
    made = max((at for at in times if at <= now), default=None)
    due = begun_at + SOON if made is None else max(made + every, begun_at + SOON)
    return due if failed_at is None else max(due, failed_at + min(AGAIN, every))
