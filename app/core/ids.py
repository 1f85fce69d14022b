"""Opaque identifiers."""

import uuid


def new_id() -> str:
    """A fresh identifier: 32 lower-case hexadecimal digits (a version 4 UUID without hyphens)."""
    return uuid.uuid4().hex
