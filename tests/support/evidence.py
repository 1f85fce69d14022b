"""How often a test tries, and what it counted while it did: `python -m tests.faults` makes RELIABILITY.md of that."""

import os
from collections import Counter
from dataclasses import dataclass, field

import pytest

SIZE = "TORU_TEST_SIZE"


def often(usual: int, full: int) -> int:
    """`usual` in the everyday suite and in smoke, `full` in the sizes beyond."""
    return full if os.environ.get(SIZE) in ("full", "soak") else usual


@dataclass
class Evidence:
    """What tests counted.

    Attributes:
        inputs: inputs that a parser was given, by the parser.
        attacks: hostile requests, frames and connections that a running product was given, by their kind.
        kept: what was acknowledged and found again, by its kind.
        lost: what was acknowledged and not found again, by its kind.
    """

    inputs: Counter[str] = field(default_factory=Counter)
    attacks: Counter[str] = field(default_factory=Counter)
    kept: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)


COUNTED = pytest.StashKey[Evidence]()
