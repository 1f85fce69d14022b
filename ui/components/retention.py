"""What is kept, and what went by itself, in words."""

from typing import Final

from app.retention.schemas import Kind, Pass, RetentionView

KINDS: Final = {
    Kind.RUNS_AGE: ("run for its age", "runs for their age"),
    Kind.RUNS_NUMBER: ("run, for there were too many", "runs, for there were too many"),
    Kind.OUTPUTS_AGE: ("run's output for its age", "runs' output for its age"),
    Kind.OUTPUTS_SIZE: ("run's output, for all took too much", "runs' output, for all took too much"),
    Kind.SIGN_INS: ("sign-in", "sign-ins"),
    Kind.LOGS: ("log file", "log files"),
}
UNITS: Final = ("bytes", "KiB", "MiB", "GiB", "TiB")


def kept_words(view: RetentionView) -> str:
    """Such as `1,204 runs are kept, with 3.2 GiB of output.`"""
    runs = "1 run is" if view.runs == 1 else f"{view.runs:,} runs are"
    return f"{runs} kept, with {size_words(view.output_bytes)} of output."


def removed_words(last: Pass | None) -> str:
    """What the newest look removed, empty before the first one."""
    if last is None:
        return ""
    if last.problem is not None:
        return f"The last look did not get through: {last.problem}"
    if not last.totals:
        return "The last look found nothing to remove."
    went = " and ".join(_thing(kind, total.removed) for kind, total in last.totals.items())
    freed = sum(total.freed for total in last.totals.values())
    return f"The last look removed {went}" + (f": {size_words(freed)}." if freed else ".")


def _thing(kind: Kind, number: int) -> str:
    one, many = KINDS[kind]
    return f"{number:,} {one if number == 1 else many}"


def size_words(size: float) -> str:
    """Such as `3.2 GiB`."""
    for unit in UNITS[:-1]:
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == UNITS[0] or size >= 100 else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} {UNITS[-1]}"
