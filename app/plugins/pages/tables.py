"""Tables and charts of a page: columns and the cells below them, series and their points."""

from collections.abc import Mapping
from typing import Any, Final

from app.plugins.pages import checks
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
    text_or_number,
)

MOST_SERIES = 8
MOST_ROWS = 5_000
MOST_POINTS = 5_000
MOST_CELLS = 20_000
"""Of a table, and of all tables that come together: a browser draws each, be it empty."""

KEEP_POINTS = 500
RESERVED = ("key", "href")
"""Names that a row has besides its cells."""

CHIP = record({"text": text, "tone": one_of(checks.TONES), "icon": icon}, ("text",))
ACTION = record({"name": name, "label": text, "icon": icon, "danger": flag, "confirm": text}, ("name", "label"))

CELLS: Final[Mapping[str, Check]] = {
    "text": text_or_number,
    "strong": text_or_number,
    "mono": text_or_number,
    "number": number,
    "chip": CHIP,
    "time": checks.moment,
    "date": checks.day,
    "seconds": number,
    "bytes": number,
    "rate": number,
    "percent": number,
    "actions": list_of(ACTION),
}
COLUMN = record(
    {"key": name, "label": text, "kind": one_of(tuple(CELLS)), "sortable": flag, "wide": flag}, ("key", "label")
)
SERIES = record({"name": name, "data": some_list(MOST_POINTS)}, ("name", "data"))
AXES: Final[Mapping[str, Check]] = {"time": checks.moment, "number": number}


def columns(value: Any) -> list[dict[str, Any]]:
    """The columns of a table."""
    found: list[dict[str, Any]] = list_of(COLUMN, 100)(value)
    keys = [column["key"] for column in found]
    for one in keys:
        if one in RESERVED or keys.count(one) > 1:
            raise Wrong(f'must have each key once, and none called key or href: "{one}"')
    return found


def rows(value: Any, of: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows below these columns; what is below none is left out."""
    require_few_cells(len(some_list(MOST_ROWS)(value)), len(of))
    cells = {column["key"]: CELLS[column.get("kind", "text")] for column in of}
    allowed = {"key": checks.key, "href": checks.href, **cells}
    check = record(allowed, ("key",))
    found: list[dict[str, Any]] = list_of(check)(value)
    if len({row["key"] for row in found}) < len(found):
        raise Wrong("must have a key of its own in each row")
    return found


def require_few_cells(rows_: int, columns_: int) -> None:
    """Raises Wrong for more than a browser draws in a moment."""
    if rows_ * columns_ > MOST_CELLS:
        raise Wrong(f"must have at most {MOST_CELLS:,} cells, rows times columns")


def has_actions(node: Mapping[str, Any]) -> bool:
    """Whether something in the table can be pressed."""
    return any(column.get("kind") == "actions" for column in node["columns"])


def points(value: Any, x: str) -> list[list[Any]]:
    """Points of a line: [x, y], where y may be null for a gap."""
    some_list(MOST_POINTS)(value)
    axis = AXES[x]
    found = []
    for index, point in enumerate(value):
        if not isinstance(point, list) or len(point) != 2:
            raise Wrong(f"[{index}] must be [x, y]")
        try:
            found.append([axis(point[0]), None if point[1] is None else number(point[1])])
        except Wrong as error:
            raise Wrong(sentence(f"[{index}]", error)) from None
    return found


def series(node: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The series of a chart, by what stands below it."""
    x = node.get("x", "time")
    found = []
    for index, one in enumerate(node.get("series", ())):
        try:
            data = heights(one["data"], node.get("categories", ())) if x == "category" else points(one["data"], x)
        except Wrong as error:
            raise Wrong(sentence(f"[{index}].data", error)) from None
        found.append({"name": one["name"], "data": data})
    require_few_points(found)
    if len({one["name"] for one in found}) < len(found):
        raise Wrong("must have a name of its own for each")
    return found


def require_few_points(found: list[dict[str, Any]]) -> None:
    """Raises Wrong for a chart that has too many."""
    if sum(len(one["data"]) for one in found) > MOST_POINTS:
        raise Wrong(f"must have at most {MOST_POINTS:,} points together")


def heights(value: list[Any], categories: Any) -> list[Any]:
    """One number a category; null where there is none."""
    if len(value) > len(categories):
        raise Wrong("must not have more values than there are categories")
    found: list[Any] = list_of(lambda item: None if item is None else number(item))(value)
    return found
