"""What the arguments of components may be. Toru looks at all of it again; a mistake is told here, where it was made."""

import re
from collections.abc import Callable, Mapping
from typing import Any

Check = Callable[[Any], str | None]
"""What a value must be, as the end of a sentence; None where it is right."""

TONES = ("ok", "warn", "bad", "info", "neutral")
COLUMNS = ("text", "strong", "mono", "number", "chip", "time", "date", "seconds", "bytes", "rate", "percent", "actions")
FIELDS = ("text", "password", "multiline", "email", "url", "number", "integer", "switch", "select", "date", "time")
RESERVED = ("key", "href")
ICON = re.compile(r"[a-z0-9-]{1,40}|.{1,8}", re.DOTALL)
HREF = re.compile(r"(https?://[^/?#]|/(?!/))[^\x00-\x20\x7f-\xa0\u2028\u2029\\]*", re.IGNORECASE)


def require(component: str, fields: Mapping[str, Any]) -> None:
    """Raises ValueError, with the names of component and argument, for the first value that is not right.

    None is always right: it leaves the argument out. A name that is not known here is Toru's to judge.
    """
    checks = {**EVERY, **COMPONENTS.get(component, {})}
    for name, value in fields.items():
        if value is not None and name in checks and (wrong := checks[name](value)) is not None:
            raise ValueError(f"{component}: {name} must be {wrong}, not {_shown(value)}.")


def require_function(component: str, name: str, value: object, *, optional: bool = False) -> None:
    """Raises ValueError for what cannot be called; where it is optional None may stand for it."""
    if not callable(value) and not (optional and value is None):
        raise ValueError(f"{component}: {name} must be a function, not {_shown(value)}.")


def _shown(value: object) -> str:
    short = repr(value)
    return f"a {type(value).__name__}" if len(short) > 60 or short.startswith("<") else short


def text(value: Any) -> str | None:
    """Any text."""
    return None if isinstance(value, str) else "text"


def short(most: int) -> Check:
    """A text of at least one character."""
    return lambda value: (
        None if isinstance(value, str) and 0 < len(value) <= most else f"text of 1 to {most} characters"
    )


def flag(value: Any) -> str | None:
    """Yes or no."""
    return None if isinstance(value, bool) else "True or False"


def number(value: Any) -> str | None:
    """Any number."""
    return None if isinstance(value, int | float) and not isinstance(value, bool) else "a number"


def text_or_number(value: Any) -> str | None:
    """Either."""
    return None if isinstance(value, str) or number(value) is None else "text or a number"


def between(least: int, most: int) -> Check:
    """A number within bounds."""
    return lambda value: (
        None if number(value) is None and least <= value <= most else f"a number from {least} to {most}"
    )


def whole(least: int, most: int) -> Check:
    """A whole number within bounds."""
    return lambda value: (
        None
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
        else f"a whole number from {least} to {most}"
    )


def one_of(*words: str) -> Check:
    """One of these words."""
    told = f"one of {', '.join(words)}" if len(words) > 1 else f"“{words[0]}”"
    return lambda value: None if isinstance(value, str) and value in words else told


def most(count: int, inner: Check) -> Check:
    """A list, each item of which is right."""

    def check(value: Any) -> str | None:
        if not isinstance(value, list | tuple):
            return "a list"
        if len(value) > count:
            return f"at most {count:,} items"
        return next((f"a list, each item of it {wrong}" for item in value if (wrong := inner(item)) is not None), None)

    return check


def icon(value: Any) -> str | None:
    """The name of an icon, or a short text."""
    is_icon = isinstance(value, str) and ICON.fullmatch(value) is not None
    return None if is_icon else "an icon's name, or text of at most 8 characters"


def href(value: Any) -> str | None:
    """Where a link may lead."""
    is_address = isinstance(value, str) and HREF.fullmatch(value) is not None
    return None if is_address else "an address that begins with https://, http:// or one slash, without spaces"


def markdown(value: Any) -> str | None:
    """A text to format."""
    return None if isinstance(value, str) and len(value.encode()) <= 64 << 10 else "text of at most 64 KiB"


def column_key(value: Any) -> str | None:
    """What a column is called in rows."""
    return f"another name than {' and '.join(RESERVED)}" if value in RESERVED else short(100)(value)


tone = one_of(*TONES)
EVERY: Mapping[str, Check] = {"width": whole(1, 12), "only": one_of("admin")}
COMPONENTS: Mapping[str, Mapping[str, Check]] = {
    "card": {"title": text, "subtitle": text, "icon": icon},
    "text": {"text": text, "kind": one_of("body", "quiet", "strong", "heading", "mono")},
    "markdown": {"text": markdown},
    "metric": {
        "label": text,
        "value": text_or_number,
        "unit": text,
        "note": text,
        "icon": icon,
        "tone": tone,
        "share": between(0, 100),
        "trend": most(200, number),
    },
    "table": {"caption": text, "empty": text},
    "chart": {
        "label": text,
        "unit": text,
        "min": number,
        "max": number,
        "categories": most(5_000, text),
        "kind": one_of("line", "area", "bar"),
        "x": one_of("time", "category", "number"),
        "height": one_of("small", "medium", "large"),
        "series": most(8, lambda value: None if isinstance(value, Mapping) else "made by series(…)"),
    },
    "button": {
        "label": text,
        "icon": icon,
        "confirm": text,
        "disabled": flag,
        "kind": one_of("primary", "plain", "quiet", "danger"),
    },
    "form": {"submit": text},
    "field": {
        "name": short(100),
        "label": text,
        "kind": one_of(*FIELDS),
        "hint": text,
        "placeholder": text,
        "required": flag,
        "min": number,
        "max": number,
        "max_length": whole(1, 10_000),
        "options": most(1_000, lambda value: None if isinstance(value, Mapping) else "made by option(…)"),
    },
    "badge": {"text": text, "tone": tone, "icon": icon},
    "progress": {"label": text, "value": between(0, 100), "tone": tone},
    "log": {"label": text, "keep": whole(1, 1_000), "lines": lambda value: None},
    "code": {"text": text, "label": text},
    "tab": {"label": text, "icon": icon},
    "link": {"text": text, "href": href, "icon": icon},
    # The parts of tables, charts and fields
    "col": {"key": column_key, "label": text, "kind": one_of(*COLUMNS), "sortable": flag, "wide": flag},
    "chip": {"text": text, "tone": tone, "icon": icon},
    "action": {"name": short(100), "label": text, "icon": icon, "danger": flag, "confirm": text},
    "series": {"name": short(100)},
    "option": {"value": text, "text": text},
}
