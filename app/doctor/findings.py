"""What the doctor finds: one line each, with what to do."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARN = "warn"
    """It works, but less well or less safely than it could."""

    FAIL = "fail"
    """Toru, or part of it, does not work."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        check: what was looked at, in a word.
        says: a sentence about how it is.
        mend: what to do about it, empty where nothing is to be done.
    """

    check: str
    level: Level
    says: str
    mend: str = ""


def ok(check: str, says: str) -> Finding:
    """It is as it should be."""
    return Finding(check, Level.OK, says)


def warn(check: str, says: str, mend: str) -> Finding:
    """It could be better."""
    return Finding(check, Level.WARN, says, mend)


def fail(check: str, says: str, mend: str) -> Finding:
    """It does not work."""
    return Finding(check, Level.FAIL, says, mend)
