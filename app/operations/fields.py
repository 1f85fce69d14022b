"""Reading what a command of `toru` sent over the control socket."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.core.errors import Malformed


def number(fields: Mapping[str, Any], name: str) -> int:
    """The whole number of that name. Raises Malformed."""
    value = fields.get(name)
    if not isinstance(value, int):
        raise Malformed(f"{name} must be a number.")
    return value


def moment(fields: Mapping[str, Any], name: str) -> datetime:
    """The moment of that name, ISO 8601 with its offset from UTC. Raises Malformed."""
    try:
        found = datetime.fromisoformat(text(fields, name))
    except ValueError:
        raise Malformed(f"{name} must be a moment.") from None
    if found.tzinfo is None:
        raise Malformed(f"{name} must say its offset from UTC.")
    return found


def text(fields: Mapping[str, Any], name: str) -> str:
    """The text of that name. Raises Malformed."""
    value = fields.get(name)
    if not isinstance(value, str):
        raise Malformed(f"{name} must be text.")
    return value


def flag(fields: Mapping[str, Any], name: str) -> bool:
    """The yes or no of that name. Raises Malformed."""
    value = fields.get(name)
    if not isinstance(value, bool):
        raise Malformed(f"{name} must be true or false.")
    return value


def texts(fields: Mapping[str, Any], name: str) -> list[str]:
    """The texts of that name. Raises Malformed."""
    value = fields.get(name)
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise Malformed(f"{name} must be a list of texts.")
    return value


def optional_number(fields: Mapping[str, Any], name: str) -> int | None:
    """The whole number of that name, None where there is none. Raises Malformed."""
    return None if fields.get(name) is None else number(fields, name)


def optional_text(fields: Mapping[str, Any], name: str) -> str | None:
    """The text of that name, None where there is none. Raises Malformed."""
    return None if fields.get(name) is None else text(fields, name)
