"""Reading what a command of `toru` sent over the control socket."""

from collections.abc import Mapping
from typing import Any

from app.core.errors import Malformed


def number(fields: Mapping[str, Any], name: str) -> int:
    """The whole number of that name. Raises Malformed."""
    value = fields.get(name)
    if not isinstance(value, int):
        raise Malformed(f"{name} must be a number.")
    return value


def text(fields: Mapping[str, Any], name: str) -> str:
    """The text of that name. Raises Malformed."""
    value = fields.get(name)
    if not isinstance(value, str):
        raise Malformed(f"{name} must be text.")
    return value
