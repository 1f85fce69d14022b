"""The chain of the audit: each row's hash covers the row and the hash of the one before it."""

import hashlib
import json
from collections.abc import Sequence

GENESIS = "0" * 64
"""The hash before the first row."""

COVERED = (
    "id",
    "at",
    "actor",
    "actor_id",
    "role",
    "address",
    "what",
    "target",
    "outcome",
    "detail",
    "previous_hash",
)
"""The columns that a row's hash covers, in this order."""


def hash_of(values: Sequence[int | str | None]) -> str:
    """SHA-256 of a row in hexadecimal: of the JSON array of the values of COVERED."""
    return hashlib.sha256(json.dumps(values, ensure_ascii=True, separators=(",", ":")).encode()).hexdigest()
