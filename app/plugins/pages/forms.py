"""What somebody typed into a form, judged by its fields and made into values of the right kind."""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, time
from typing import Any, Final

from app.plugins.pages.checks import DAY, FOREIGN, UNSEEN, Wrong
from app.plugins.pages.nodes import Node

MOST_LENGTH = 10_000
MOST_INTEGER = 2**63 - 1

EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)*")
CLOCK = re.compile(r"\d\d:\d\d(:\d\d)?", re.ASCII)
NUMBER = re.compile(r"[+-]?(\d{1,40}\.?|\d{0,40}\.\d{1,40})([eE][+-]?\d{1,3})?", re.ASCII)
ONE_LINE = ("text", "password", "email", "url")


def judge(fields: Iterable[Node], given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """The values by name (an optional one that is empty is None), and a sentence for each that is not right."""
    values: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for field in fields:
        name = field["name"]
        try:
            values[name] = _value(field, given.get(name))
        except Wrong as error:
            problems[name] = str(error)
    return values, problems


def _value(field: Node, given: Any) -> Any:
    kind = field.get("kind", "text")
    if kind == "switch":
        if given is not None and not isinstance(given, bool):
            raise Wrong("This is on or off.")
        return bool(given)
    if given is None or given == "":
        if field.get("required"):
            raise Wrong("This is needed.")
        return None
    if kind in ("number", "integer"):
        return _number(field, given, whole=kind == "integer")
    if not isinstance(given, str):
        raise Wrong("This must be text.")
    return _text(field, kind, given)


def _number(field: Node, given: Any, *, whole: bool) -> int | float:
    if isinstance(given, str) and NUMBER.fullmatch(given) is not None:
        given = float(given) if set(given) & set(".eE") else int(given)
    if isinstance(given, bool) or not isinstance(given, int | float) or not math.isfinite(given):
        raise Wrong("This must be a number.")
    value: int | float = given
    if whole:
        if value != int(value):
            raise Wrong("This must be a whole number.")
        value = int(value)
    if isinstance(value, int) and abs(value) > MOST_INTEGER:
        if whole:
            raise Wrong("This is too large a number.")
        value = float(value)
    if "min" in field and value < field["min"]:
        raise Wrong(f"This must be at least {_plain(field['min'])}.")
    if "max" in field and value > field["max"]:
        raise Wrong(f"This must be at most {_plain(field['max'])}.")
    return value


def _plain(value: float) -> str:
    """The number as people write it."""
    return str(int(value)) if value == int(value) else repr(value)


def _text(field: Node, kind: str, given: str) -> str:
    most = field.get("max_length", MOST_LENGTH)
    if len(given) > most:
        raise Wrong(f"This must have at most {most:,} characters.")
    if kind in ONE_LINE and ("\n" in given or "\r" in given):
        raise Wrong("This must be one line.")
    if kind == "select" and all(given != option["value"] for option in field["options"]):
        raise Wrong("Choose one of these.")
    if kind in FORMS:
        FORMS[kind](given)
    return given


def _email(given: str) -> None:
    if EMAIL.fullmatch(given) is None:
        raise Wrong("This must be an e-mail address.")


def _url(given: str) -> None:
    if FOREIGN.match(given) is None or UNSEEN.search(given):
        raise Wrong("This must be an address that begins with http:// or https://.")


def _day(given: str) -> None:
    try:
        if DAY.fullmatch(given) is None:
            raise Wrong("This must be a date.")
        date.fromisoformat(given)
    except ValueError:
        raise Wrong("This must be a date.") from None


def _time(given: str) -> None:
    try:
        if CLOCK.fullmatch(given) is None:
            raise Wrong("This must be a time.")
        time.fromisoformat(given)
    except ValueError:
        raise Wrong("This must be a time.") from None


FORMS: Final[Mapping[str, Callable[[str], None]]] = {"email": _email, "url": _url, "date": _day, "time": _time}
