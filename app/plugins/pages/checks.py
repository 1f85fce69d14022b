"""What single values of a page may be: each check gives the value back, or says what it must be."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any


class Wrong(Exception):
    """A value is not what it must be; the text is the end of a sentence, such as "must be text"."""


Check = Callable[[Any], Any]
"""Raises Wrong."""


def sentence(what: str, error: Wrong) -> str:
    """What is wrong, with what it is wrong with."""
    rest = str(error)
    return f"{what}{'' if rest.startswith(('[', '.')) else ' '}{rest}"


ID = re.compile(r"[A-Za-z0-9_.:-]{1,64}", re.ASCII)
ICON = re.compile(r"[a-z0-9-]{1,40}", re.ASCII)
MOST_ICON = 8
MOST_NAME = 100
MOST_KEY = 200
MOST_MARKDOWN = 64 << 10
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:[0-5]\d)", re.ASCII)
DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
UNSEEN = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029\\]")
"""What browsers drop from an address or read as a slash."""

OWN_PATH = re.compile(r"/(?!/)")
FOREIGN = re.compile(r"https?://[^/?#]+", re.IGNORECASE)
TONES = ("ok", "warn", "bad", "info", "neutral")


def text(value: Any) -> str:
    """Any text."""
    if not isinstance(value, str):
        raise Wrong("must be text")
    return value


def name(value: Any) -> str:
    """A short text that is not empty."""
    if not isinstance(value, str) or not 0 < len(value) <= MOST_NAME:
        raise Wrong(f"must be text of 1 to {MOST_NAME} characters")
    return value


def key(value: Any) -> str:
    """What tells rows apart."""
    if not isinstance(value, str) or not 0 < len(value) <= MOST_KEY:
        raise Wrong(f"must be text of 1 to {MOST_KEY} characters")
    return value


def markdown(value: Any) -> str:
    """A text to format."""
    if not isinstance(value, str) or len(value.encode()) > MOST_MARKDOWN:
        raise Wrong(f"must be text of at most {MOST_MARKDOWN >> 10} KiB")
    return value


def node_id(value: Any) -> str:
    """What names a node."""
    if not isinstance(value, str) or ID.fullmatch(value) is None:
        raise Wrong("must be 1 to 64 letters, digits and _ . : -")
    return value


def flag(value: Any) -> bool:
    """Yes or no."""
    if not isinstance(value, bool):
        raise Wrong("must be true or false")
    return value


def number(value: Any) -> int | float:
    """Any finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Wrong("must be a number")
    return value


def text_or_number(value: Any) -> str | int | float:
    """Either."""
    if isinstance(value, str):
        return value
    try:
        return number(value)
    except Wrong:
        raise Wrong("must be text or a number") from None


def between(least: int, most: int) -> Check:
    """A number from `least` to `most`."""

    def check(value: Any) -> int | float:
        found = number(value)
        if not least <= found <= most:
            raise Wrong(f"must be a number from {least} to {most}")
        return found

    return check


def whole(least: int, most: int) -> Check:
    """A whole number from `least` to `most`."""

    def check(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise Wrong(f"must be a whole number from {least} to {most}")
        return value

    return check


def one_of(words: Sequence[str]) -> Check:
    """One of these words; what is given back is the word of this list, so that all pages share it."""
    known = {word: word for word in words}

    def check(value: Any) -> str:
        found = known.get(value) if isinstance(value, str) else None
        if found is None:
            raise Wrong(f"must be one of {', '.join(words)}")
        return found

    return check


def some_list(most: int) -> Check:
    """A list of whatever, which is looked at later."""

    def check(value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise Wrong("must be a list")
        if len(value) > most:
            raise Wrong(f"must have at most {most:,} items")
        return value

    return check


def list_of(check: Check, most: int | None = None) -> Check:
    """A list whose items are right, each."""

    def check_all(value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise Wrong("must be a list")
        if most is not None and len(value) > most:
            raise Wrong(f"must have at most {most:,} items")
        found = []
        for number_, item in enumerate(value):
            try:
                found.append(check(item))
            except Wrong as error:
                raise Wrong(sentence(f"[{number_}]", error)) from None
        return found

    return check_all


def record(fields: Mapping[str, Check], needed: Sequence[str]) -> Check:
    """An object; fields that are null or unknown are left out."""

    def check_all(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise Wrong("must be an object")
        found = {}
        for field, check in fields.items():
            if value.get(field) is not None:
                try:
                    found[field] = check(value[field])
                except Wrong as error:
                    raise Wrong(sentence(f".{field}", error)) from None
        for field in needed:
            if field not in found:
                raise Wrong(f".{field} is missing")
        return found

    return check_all


def icon(value: Any) -> str:
    """The name of an icon, or an emoji or short text."""
    if not isinstance(value, str) or not value or (len(value) > MOST_ICON and ICON.fullmatch(value) is None):
        raise Wrong(f"must be an icon's name, or text of at most {MOST_ICON} characters")
    return value


def own_path(value: Any) -> str:
    """A path of ours."""
    if not isinstance(value, str) or OWN_PATH.match(value) is None or UNSEEN.search(value):
        raise Wrong("must be a path that begins with one slash")
    return value


def href(value: Any) -> str:
    """Where a link may lead."""
    if not isinstance(value, str) or UNSEEN.search(value):
        raise Wrong("must be an address without spaces")
    if FOREIGN.match(value) is None and OWN_PATH.match(value) is None:
        raise Wrong("must begin with http://, https:// or one slash")
    return value


def moment(value: Any) -> str:
    """A time with its zone."""
    try:
        if isinstance(value, str) and TIME.fullmatch(value) is not None:
            datetime.fromisoformat(value)
            return value
    except ValueError:  # such as the 31st of June
        pass
    raise Wrong("must be a time such as 2030-01-31T12:00:00Z")


def day(value: Any) -> str:
    """A day, or a time."""
    try:
        if isinstance(value, str) and DAY.fullmatch(value) is not None:
            date.fromisoformat(value)
            return value
    except ValueError:
        pass
    try:
        return moment(value)
    except Wrong:
        raise Wrong("must be a day such as 2030-01-31") from None
