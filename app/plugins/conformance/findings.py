"""What the conformance kit says: one finding a rule."""

from dataclasses import dataclass
from enum import StrEnum


class Violation(Exception):
    """The plugin broke a rule; the text is a sentence that says what it did."""


class TooMuch(Violation):
    """Its answer is larger than Toru passes on; whoever sends much has to expect that."""


class Result(StrEnum):
    """How a rule came out."""

    OK = "ok"
    FAILED = "failed"
    """The plugin does not work with Toru as it should."""

    ADVICE = "advice"
    """It works, but something is lost or takes longer."""

    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of one rule.

    Attributes:
        rule: its name in plugins/PROTOCOL.md.
        says: the rule itself.
        detail: what the plugin did instead, or why nobody could tell; empty where it keeps the rule.
    """

    rule: str
    says: str
    result: Result
    detail: str = ""
