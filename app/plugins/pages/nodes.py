"""The kinds of nodes of a page, their fields, and how a node is read: only what is known and right stays."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from app.plugins.pages import checks, tables
from app.plugins.pages.checks import (
    Check,
    Wrong,
    flag,
    icon,
    list_of,
    name,
    number,
    one_of,
    record,
    sentence,
    some_list,
    text,
)

MOST_NODES = 2_000
MOST_DEPTH = 16
MOST_BYTES = 256 << 10
"""Of a tree as JSON."""

MOST_LINES = 1_000
KEEP_LINES = 500

Node = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """One type of node.

    Attributes:
        fields: what it may have, besides what every node has.
        needed: which of them it must have.
        holds: whether it may have children.
    """

    fields: Mapping[str, Check] = field(default_factory=dict)
    needed: Sequence[str] = ()
    holds: bool = False


def newest_lines(value: Any) -> list[str]:
    """Lines of a log, no more of them than it could keep."""
    found: list[str] = list_of(text)(value[-MOST_LINES:] if isinstance(value, list) else value)
    return found


tone = one_of(checks.TONES)
share = checks.between(0, 100)
OPTION = record({"value": text, "text": text}, ("value", "text"))
FIELD_KINDS = (
    *("text", "password", "multiline", "email", "url", "number", "integer", "switch", "select", "date", "time"),
)

EVERY: Final[Mapping[str, Check]] = {
    "id": checks.node_id,
    "only": one_of(("admin",)),
    "width": checks.whole(1, 12),
}

KINDS: Final[Mapping[str, Kind]] = {
    "column": Kind(holds=True),
    "row": Kind(holds=True),
    "card": Kind({"title": text, "subtitle": text, "icon": icon}, holds=True),
    "text": Kind({"text": text, "kind": one_of(("body", "quiet", "strong", "heading", "mono"))}, ("text",)),
    "markdown": Kind({"text": checks.markdown}, ("text",)),
    "metric": Kind(
        {
            "label": text,
            "value": checks.text_or_number,
            "unit": text,
            "note": text,
            "icon": icon,
            "tone": tone,
            "share": share,
            "trend": list_of(number, 200),
        },
        ("label",),
    ),
    "table": Kind(
        {"caption": text, "columns": tables.columns, "rows": some_list(tables.MOST_ROWS), "empty": text}, ("columns",)
    ),
    "chart": Kind(
        {
            "label": text,
            "kind": one_of(("line", "area", "bar")),
            "x": one_of(("time", "category", "number")),
            "categories": list_of(text, tables.MOST_POINTS),
            "series": list_of(tables.SERIES, tables.MOST_SERIES),
            "unit": text,
            "min": number,
            "max": number,
            "height": one_of(("small", "medium", "large")),
        }
    ),
    "button": Kind(
        {
            "label": text,
            "kind": one_of(("primary", "plain", "quiet", "danger")),
            "icon": icon,
            "confirm": text,
            "disabled": flag,
        },
        ("label",),
    ),
    "form": Kind({"submit": text}, holds=True),
    "field": Kind(
        {
            "name": name,
            "label": text,
            "kind": one_of(FIELD_KINDS),
            "value": lambda value: value if isinstance(value, bool) else checks.text_or_number(value),
            "hint": text,
            "placeholder": text,
            "required": flag,
            "min": number,
            "max": number,
            "max_length": checks.whole(1, 10_000),
            "options": list_of(OPTION, 1_000),
        },
        ("name", "label"),
    ),
    "badge": Kind({"text": text, "tone": tone, "icon": icon}, ("text",)),
    "progress": Kind({"label": text, "value": share, "tone": tone}),
    "log": Kind({"lines": newest_lines, "label": text, "keep": checks.whole(1, MOST_LINES)}),
    "code": Kind({"text": text, "label": text}, ("text",)),
    "tabs": Kind(holds=True),
    "tab": Kind({"label": text, "icon": icon}, ("label",), holds=True),
    "link": Kind({"text": text, "href": checks.href, "icon": icon}, ("text", "href")),
}

HOLDERS: Final = frozenset(type_ for type_, kind in KINDS.items() if kind.holds)
PRESSED: Final = ("button", "form")
TOGETHER: Final[Mapping[str, Sequence[str]]] = {
    "table": ("columns", "rows"),
    "chart": ("x", "categories", "series"),
    "field": ("kind", "value", "options"),
    "log": ("lines", "keep"),
}
"""Fields that must fit together."""


def read_fields(type_: str, given: Mapping[str, Any]) -> Node:
    """The fields of a node that are known; those that are null are left out. Raises Wrong."""
    kind = KINDS.get(type_)
    known = EVERY if kind is None else {**EVERY, **kind.fields}
    found: Node = {}
    for field_, check in known.items():
        if given.get(field_) is not None:
            try:
                found[field_] = check(given[field_])
            except Wrong as error:
                raise Wrong(sentence(field_, error)) from None
    return found


def fit(node: Node, changed: Collection[str] | None = None) -> None:
    """Brings the fields of a whole node together. Raises Wrong where they do not fit.

    Args:
        changed: the fields that are new, None for all.
    """
    type_ = node["type"]
    kind = KINDS.get(type_)
    if kind is None:
        return
    for needed in kind.needed:
        if needed not in node:
            raise Wrong(f"{needed} is missing")
    if "id" not in node and (type_ in PRESSED or (type_ == "table" and tables.has_actions(node))):
        raise Wrong("id is missing, and without one nobody could tell that it was pressed")
    if changed is None or any(field_ in TOGETHER.get(type_, ()) for field_ in changed):
        _fit_together(type_, node)


def _fit_together(type_: str, node: Node) -> None:
    if type_ == "table":
        with _named("rows"):
            node["rows"] = tables.rows(node.get("rows", []), node["columns"])
    elif type_ == "chart":
        with _named("series"):
            node["series"] = tables.series(node)
    elif type_ == "log":
        node["lines"] = node.get("lines", [])[-node.get("keep", KEEP_LINES) :]
    elif type_ == "field":
        _fit_field(node)


def _fit_field(node: Node) -> None:
    kind, value = node.get("kind", "text"), node.get("value")
    if kind == "password":
        node.pop("value", None)  # it would be shown to everybody who looks
    elif kind == "switch" and value is not None and not isinstance(value, bool):
        raise Wrong("value must be true or false")
    elif kind in ("number", "integer") and value is not None:
        with _named("value"):
            number(value)
    elif kind not in ("switch", "number", "integer") and value is not None and not isinstance(value, str):
        raise Wrong("value must be text")
    if kind == "select" and "options" not in node:
        raise Wrong("options is missing")


@contextmanager
def _named(field_: str) -> Iterator[None]:
    """Puts the name of a field in front of what is wrong with it."""
    try:
        yield
    except Wrong as error:
        raise Wrong(sentence(field_, error)) from None
