"""What may be shown on a page, and what is refused or left out."""

import math
from typing import Any

import orjson
import pytest

from app.plugins.pages.nodes import KINDS, MOST_BYTES, MOST_DEPTH, MOST_NODES
from app.plugins.pages.reader import PageRefused
from app.plugins.pages.tree import Tree

EVERY_KIND: dict[str, dict[str, Any]] = {
    "column": {},
    "row": {},
    "card": {"title": "Cards", "subtitle": "of all kinds", "icon": "activity"},
    "text": {"text": "<b>bold</b>", "kind": "mono"},
    "markdown": {"text": "# Heading\n<script>"},
    "metric": {
        "label": "Load",
        "value": 0.5,
        "unit": "%",
        "note": "of four",
        "icon": "🌡️",
        "tone": "warn",
        "share": 100,
        "trend": [1, 2.5, -3],
    },
    "table": {
        "id": "table",
        "caption": "Services",
        "columns": [{"key": kind, "label": kind, "kind": kind, "sortable": True, "wide": False} for kind in "CELLS"],
        "rows": [],
        "empty": "None.",
    },
    "chart": {
        "label": "Load",
        "kind": "area",
        "x": "time",
        "unit": "%",
        "min": 0,
        "max": 100,
        "height": "small",
        "series": [{"name": "one", "data": [["2030-01-31T12:00:00Z", 1], ["2030-01-31T12:00:01.5+01:00", None]]}],
    },
    "button": {"id": "button", "label": "Go", "kind": "danger", "icon": "play", "confirm": "Sure?", "disabled": True},
    "form": {"id": "form", "submit": "Save it"},
    "badge": {"text": "new", "tone": "ok", "icon": "check"},
    "progress": {"label": "Half", "value": 50, "tone": "bad"},
    "log": {"lines": ["one", "two"], "label": "Journal", "keep": 10},
    "code": {"text": "print()", "label": "Python"},
    "tabs": {"children": [{"type": "tab", "label": "One", "icon": "info"}]},
    "link": {"text": "Scripts", "href": "/scripts?x=1#y", "icon": "link"},
}
CELLS: dict[str, Any] = {
    "text": "<img src=x onerror=alert(1)>",
    "strong": 3,
    "mono": "sda",
    "number": 1.5,
    "chip": {"text": "runs", "tone": "ok", "icon": "check"},
    "time": "2030-01-31T12:00:00Z",
    "date": "2030-01-31",
    "seconds": 90,
    "bytes": 1 << 40,
    "rate": 5,
    "percent": 99.5,
    "actions": [{"name": "stop", "label": "Stop", "icon": "square", "danger": True, "confirm": "Sure?"}],
}
FIELDS: list[dict[str, Any]] = [
    {"kind": "text", "value": "x", "hint": "h", "placeholder": "p", "required": True, "max_length": 10},
    {"kind": "multiline", "value": "a\nb"},
    {"kind": "email"},
    {"kind": "url"},
    {"kind": "number", "value": 1.5, "min": 0, "max": 2},
    {"kind": "integer", "value": 3},
    {"kind": "switch", "value": False},
    {"kind": "select", "value": "a", "options": [{"value": "a", "text": "A"}]},
    {"kind": "date", "value": "2030-01-31"},
    {"kind": "time", "value": "12:00"},
]


def everything() -> dict[str, Any]:
    """A tree with every kind of node, every field, every cell."""
    nodes = [{"type": type_, "width": 6, **fields} for type_, fields in EVERY_KIND.items()]
    by_type = {node["type"]: node for node in nodes}
    by_type["table"]["columns"] = [{"key": kind, "label": kind, "kind": kind, "wide": True} for kind in CELLS]
    by_type["table"]["rows"] = [{"key": "one", "href": "https://example.com/x", **CELLS}, {"key": "two"}]
    by_type["form"]["children"] = [
        {"type": "field", "name": f"f{number}", "label": "Field", **field} for number, field in enumerate(FIELDS)
    ]
    return {"type": "column", "only": "admin", "children": nodes}


def test_every_kind_of_node_is_shown_as_it_was_sent() -> None:
    given = everything()
    shown = {node["type"] for node in given["children"]} | {"field", "tab"}
    assert shown == set(KINDS)
    assert Tree(given).root == given


def test_what_is_null_or_unknown_is_left_out() -> None:
    given = {
        "type": "card",
        "title": None,
        "style": "position: fixed",
        "onclick": "alert(1)",
        "html": "<b>",
        "children": [{"type": "badge", "text": "b", "class": "x", "tone": None}],
    }
    assert Tree(given).root == {"type": "card", "children": [{"type": "badge", "text": "b"}]}


def test_an_unknown_type_is_kept_for_a_placeholder() -> None:
    given = {
        "type": "hologram",
        "id": "h",
        "only": "admin",
        "width": 3,
        "text": "x",
        "src": "javascript:alert(1)",
        "children": [{"type": "nonsense", "value": math.nan}],
    }
    assert Tree(given).root == {"type": "hologram", "id": "h", "only": "admin", "width": 3}


def column(*children: Any) -> dict[str, Any]:
    return {"type": "column", "children": list(children)}


def deep(levels: int) -> dict[str, Any]:
    node: dict[str, Any] = {"type": "column"}
    for _ in range(levels - 1):
        node = column(node)
    return node


def sized(size: int) -> dict[str, Any]:
    """A tree of exactly so many bytes."""
    empty = len(orjson.dumps({"type": "code", "text": ""}))
    return {"type": "code", "text": "x" * (size - empty)}


def test_as_much_as_is_allowed_is_shown() -> None:
    badges = [{"type": "badge", "text": ""} for _ in range(MOST_NODES - 1)]
    assert Tree(column(*badges)).count == MOST_NODES
    Tree(deep(MOST_DEPTH))
    Tree(sized(MOST_BYTES))
    Tree({"type": "markdown", "text": "x" * (64 << 10)})


def link(href: Any) -> dict[str, Any]:
    return {"type": "link", "text": "l", "href": href}


def form(*fields: Any) -> dict[str, Any]:
    return {"type": "form", "id": "form", "children": list(fields)}


def chart(data: Any, **fields: Any) -> dict[str, Any]:
    return {"type": "chart", "series": [{"name": "s", "data": data}], **fields}


def many_cells(tables: int, rows: int) -> dict[str, Any]:
    """Tables of 100 columns."""
    columns = [{"key": f"c{number}", "label": ""} for number in range(100)]
    keys = [{"key": str(number)} for number in range(rows)]
    many = [{"type": "table", "id": f"t{number}", "columns": columns, "rows": keys} for number in range(tables)]
    return {"type": "column", "children": many}


def table(*rows: Any, **column_: Any) -> dict[str, Any]:
    return {"type": "table", "id": "t", "columns": [{"key": "c", "label": "C", **column_}], "rows": list(rows)}


REFUSED: list[tuple[Any, str]] = [
    (None, "The tree: each node must be an object with a type."),
    ([], "The tree: each node must be an object with a type."),
    ({"type": 7}, "The tree: each node must be an object with a type."),
    ({"type": "x" * 65}, "The tree: each node must be an object with a type."),
    ({"type": "a\nb"}, "The tree: each node must be an object with a type."),
    (column("text"), "column: each node must be an object with a type."),
    ({"type": "column", "children": {}}, "column: children must be a list."),
    ({"type": "column", "children": "x"}, "column: children must be a list."),
    (
        column(*({"type": "badge", "text": ""} for _ in range(MOST_NODES))),
        "column > badge[2000]: more than 2,000 nodes.",
    ),
    (deep(MOST_DEPTH + 1), "deeper than 16 levels."),
    (deep(500), "The tree is too deep."),
    (sized(MOST_BYTES + 1), "The tree is larger than 256 KiB."),
    ({"type": "column", "junk": "x" * MOST_BYTES}, "The tree is larger than 256 KiB."),
    (
        column({"type": "badge", "text": "a", "id": "x"}, {"type": "badge", "text": "b", "id": "x"}),
        "x: this id is there twice.",
    ),
    ({"type": "column", "id": "a b"}, "column: id must be 1 to 64 letters, digits and _ . : -."),
    ({"type": "column", "id": "ä"}, "column: id must be"),
    ({"type": "column", "only": "client"}, "column: only must be one of admin."),
    ({"type": "column", "width": 13}, "column: width must be a whole number from 1 to 12."),
    ({"type": "column", "width": True}, "column: width must be a whole number from 1 to 12."),
    ({"type": "text"}, "text: text is missing."),
    ({"type": "text", "text": ["<b>"]}, "text: text must be text."),
    ({"type": "text", "text": "x", "children": [{"type": "text", "text": "y"}]}, "text: text cannot have children."),
    ({"type": "markdown", "text": "ä" * (33 << 10)}, "markdown: text must be text of at most 64 KiB."),
    ({"type": "metric", "label": "m", "value": math.nan}, "metric: value must be text or a number."),
    ({"type": "metric", "label": "m", "value": math.inf}, "metric: value must be text or a number."),
    ({"type": "metric", "label": "m", "value": True}, "metric: value must be text or a number."),
    ({"type": "metric", "label": "m", "share": 101}, "metric: share must be a number from 0 to 100."),
    ({"type": "metric", "label": "m", "trend": [1] * 201}, "metric: trend must have at most 200 items."),
    ({"type": "metric", "label": "m", "trend": [1, math.nan]}, "metric: trend[1] must be a number."),
    ({"type": "metric", "label": "m", "tone": "red"}, "metric: tone must be one of ok, warn, bad, info, neutral."),
    (
        {"type": "metric", "label": "m", "icon": "<svg onload=x>"},
        "metric: icon must be an icon's name, or text of at most 8",
    ),
    (link("javascript:alert(1)"), "link: href must begin with http://, https:// or one slash."),
    (link("JavaScript://x/%0aalert(1)"), "link: href must begin with"),
    (link("data:text/html,x"), "link: href must begin with"),
    (link("//evil.example"), "link: href must begin with"),
    (link("/\\evil.example"), "link: href must be an address without spaces."),
    (link("/\t/evil.example"), "link: href must be an address without spaces."),
    (link("\x01javascript:alert(1)"), "link: href must be an address without spaces."),
    (link("https://"), "link: href must begin with"),
    (link("scripts"), "link: href must begin with"),
    (link(None), "link: href is missing."),
    (table({"key": "a", "href": "//evil"}), "t: rows[0].href must begin with"),
    (table({"c": "x"}), "t: rows[0].key is missing."),
    (table(*({"key": str(number)} for number in range(5_001))), "t: rows must have at most 5,000 items."),
    (many_cells(1, 201), "t0: rows must have at most 20,000 cells, rows times columns."),
    (many_cells(3, 100), "t2: must have at most 20,000 cells, rows times columns."),
    (table({"key": "a"}, {"key": "a"}), "t: rows must have a key of its own in each row."),
    (table({"key": "a", "c": ["x"]}), "t: rows[0].c must be text or a number."),
    (table({"key": "a", "c": "x"}, kind="number"), "t: rows[0].c must be a number."),
    (table({"key": "a", "c": "yesterday"}, kind="time"), "t: rows[0].c must be a time such as 2030-01-31T12:00:00Z."),
    (table({"key": "a", "c": "2030-02-31T12:00:00Z"}, kind="time"), "t: rows[0].c must be a time"),
    (table({"key": "a", "c": "2030-01-31T12:00:00"}, kind="time"), "t: rows[0].c must be a time"),
    (table({"key": "a", "c": "2030-02-31"}, kind="date"), "t: rows[0].c must be a day such as 2030-01-31."),
    (table({"key": "a", "c": {"tone": "ok"}}, kind="chip"), "t: rows[0].c.text is missing."),
    (table({"key": "a", "c": [{"name": "n"}]}, kind="actions"), "t: rows[0].c[0].label is missing."),
    (table(kind="html"), "t: columns[0].kind must be one of text, strong,"),
    ({"type": "table", "columns": [{"key": "href", "label": ""}]}, "table: columns must have each key once"),
    (
        {"type": "table", "columns": [{"key": "a", "label": "", "kind": "actions"}]},
        "table: id is missing, and without one",
    ),
    ({"type": "button", "label": "b"}, "button: id is missing, and without one nobody could tell that it was pressed."),
    ({"type": "form"}, "form: id is missing"),
    (chart([["2030-01-31T12:00:00Z", "1"]]), "chart: series[0].data[0] must be a number."),
    (chart([[1, 1]]), "chart: series[0].data[0] must be a time"),
    (chart([[1]], x="number"), "chart: series[0].data[0] must be [x, y]."),
    (chart([[1, math.inf]], x="number"), "chart: series[0].data[0] must be a number."),
    (
        chart([1, 2], x="category", categories=["a"]),
        "chart: series[0].data must not have more values than there are categories.",
    ),
    (chart([[n, 0] for n in range(5_001)], x="number"), "chart: series[0].data must have at most 5,000 items."),
    (
        {"type": "chart", "series": [{"name": f"{n}", "data": []} for n in range(9)]},
        "chart: series must have at most 8 items.",
    ),
    (
        {"type": "chart", "series": [{"name": "s", "data": []}] * 2},
        "chart: series must have a name of its own for each.",
    ),
    (column({"type": "field", "name": "f", "label": "F"}), "column > field: a field must be within a form."),
    (
        form(*[{"type": "field", "name": "f", "label": "F"}] * 2),
        'form > field[2]: the form has two fields with the name "f".',
    ),
    (form(column({"type": "form", "id": "inner"})), "inner: a form cannot be within a form."),
    (form({"type": "field", "name": "", "label": "F"}), "form > field: name must be text of 1 to 100 characters."),
    (form({"type": "field", "name": "f", "label": "F", "kind": "select"}), "form > field: options is missing."),
    (
        form({"type": "field", "name": "f", "label": "F", "kind": "number", "value": "1"}),
        "form > field: value must be a number.",
    ),
    (
        form({"type": "field", "name": "f", "label": "F", "kind": "switch", "value": 1}),
        "form > field: value must be true or false.",
    ),
    (form({"type": "field", "name": "f", "label": "F", "value": True}), "form > field: value must be text."),
    (
        form({"type": "field", "name": "f", "label": "F", "max_length": 10_001}),
        "form > field: max_length must be a whole",
    ),
    (column({"type": "tab", "label": "t"}), "column > tab: tabs hold only tab, and nothing else holds it."),
    ({"type": "tabs", "children": [{"type": "text", "text": "x"}]}, "tabs > text: tabs hold only tab"),
    ({"type": "log", "lines": "x"}, "log: lines must be a list."),
    ({"type": "log", "lines": [1]}, "log: lines[0] must be text."),
    ({"type": "log", "keep": 1_001}, "log: keep must be a whole number from 1 to 1000."),
    (
        column({"type": "card", "children": [{"type": "badge", "text": "b"}, {"type": "metric"}]}),
        "column > card > metric[2]: label is missing.",
    ),
]


@pytest.mark.parametrize(("given", "sentence"), REFUSED, ids=[str(number) for number in range(len(REFUSED))])
def test_what_breaks_a_rule_is_refused_with_its_place(given: Any, sentence: str) -> None:
    with pytest.raises(PageRefused) as refused:
        Tree(given)
    assert sentence in str(refused.value)
    assert str(refused.value).endswith(".")


def test_series_have_few_points_together() -> None:
    data = [[number, 0] for number in range(2_501)]
    with pytest.raises(PageRefused, match="series must have at most 5,000 points together"):
        Tree({"type": "chart", "x": "number", "series": [{"name": name, "data": data} for name in "ab"]})


def test_a_log_keeps_its_newest_lines() -> None:
    lines = [str(number) for number in range(700)]
    assert Tree({"type": "log", "lines": lines}).root["lines"] == lines[-500:]
    assert Tree({"type": "log", "lines": lines, "keep": 3}).root["lines"] == lines[-3:]


def test_a_password_is_never_shown_again() -> None:
    field = {"type": "field", "name": "p", "label": "P", "kind": "password", "value": "secret"}
    assert "secret" not in str(Tree(form(field)).root)
