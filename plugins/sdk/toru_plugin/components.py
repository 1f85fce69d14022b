"""The components of pages: one function each. All take `id`, `width` (columns of twelve in a row) and `only`."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, TypedDict, Unpack

from toru_plugin import right
from toru_plugin.events import Handler
from toru_plugin.tree import Node

Tone = Literal["ok", "warn", "bad", "info", "neutral"]
TextKind = Literal["body", "quiet", "strong", "heading", "mono"]
ButtonKind = Literal["primary", "plain", "quiet", "danger"]
ChartKind = Literal["line", "area", "bar"]
Axis = Literal["time", "category", "number"]
Height = Literal["small", "medium", "large"]
ColumnKind = Literal[
    "text", "strong", "mono", "number", "chip", "time", "date", "seconds", "bytes", "rate", "percent", "actions"
]
FieldKind = Literal[
    "text", "password", "multiline", "email", "url", "number", "integer", "switch", "select", "date", "time"
]
Cell = dict[str, Any]


class Place(TypedDict, total=False):
    """What every component takes.

    Attributes:
        id: names it, for `plugin.page.set` and the like: letters, digits and `_ . : -`, once on the page.
        width: columns of twelve within a row; on phones it is the whole row.
        only: `admin` shows it to administrators only, with all in it.
    """

    id: str | None
    width: int | None
    only: Literal["admin"] | None


def column(*children: Node, **place: Unpack[Place]) -> Node:
    """Components below each other."""
    return _node("column", {}, children, place)


def row(*children: Node, **place: Unpack[Place]) -> Node:
    """Components beside each other; those without a width take what they need, and wrap."""
    return _node("row", {}, children, place)


def card(title: str = "", *children: Node, subtitle: str = "", icon: str | None = None, **place: Unpack[Place]) -> Node:
    """A box with a title."""
    return _node("card", {"title": title, "subtitle": subtitle, "icon": icon}, children, place)


def text(text: str, kind: TextKind = "body", **place: Unpack[Place]) -> Node:
    """A paragraph; it is shown as it is."""
    return _node("text", {"text": text, "kind": kind}, (), place)


def markdown(text: str, **place: Unpack[Place]) -> Node:
    """Headings, paragraphs, bold, italics, code, lists, quotes and links. HTML in it is shown as text."""
    return _node("markdown", {"text": text}, (), place)


def metric(
    label: str,
    value: str | float,
    *,
    unit: str = "",
    note: str = "",
    icon: str | None = None,
    tone: Tone = "neutral",
    share: float | None = None,
    trend: Sequence[float] | None = None,
    **place: Unpack[Place],
) -> Node:
    """A number that matters.

    Args:
        share: 0 to 100, as a bar.
        trend: up to 200 numbers, as a small line.
    """
    fields = {"label": label, "value": value, "unit": unit, "note": note, "icon": icon, "tone": tone}
    return _node("metric", fields | {"share": share, "trend": trend}, (), place)


def table(
    caption: str,
    columns: Iterable[Cell],
    rows: Iterable[Mapping[str, Any]] = (),
    *,
    empty: str = "Nothing here yet.",
    on_action: Handler | None = None,
    **place: Unpack[Place],
) -> Node:
    """A table.

    Args:
        columns: made by `col`.
        rows: each with a `key`, unique in the table, and a value by the key of each column; perhaps an `href`.
        empty: what stands there without rows.
        on_action: is told `event.row` and `event.name` when an `action` of a row is pressed.
    """
    fields = {"caption": caption, "columns": list(columns), "rows": list(rows), "empty": empty}
    return _node("table", fields, (), place, action=on_action)


def col(key: str, label: str, kind: ColumnKind = "text", *, sortable: bool = False, wide: bool = False) -> Cell:
    """A column of a table. `wide` is for wide screens: phones leave it out."""
    return _part("col", {"key": key, "label": label, "kind": kind, "sortable": sortable, "wide": wide})


def chip(text: str, tone: Tone = "neutral", icon: str | None = None) -> Cell:
    """A value in a column of the kind `chip`."""
    return _part("chip", {"text": text, "tone": tone} | ({"icon": icon} if icon else {}))


def action(name: str, label: str, icon: str | None = None, *, danger: bool = False, confirm: str | None = None) -> Cell:
    """One of a list of values in a column of the kind `actions`. `confirm` is asked before."""
    told = {"name": name, "label": label, "icon": icon, "danger": danger, "confirm": confirm}
    return _part("action", {key: value for key, value in told.items() if value is not None})


def chart(
    label: str,
    *lines: Cell,
    kind: ChartKind = "line",
    x: Axis = "time",
    categories: Sequence[str] | None = None,
    unit: str = "",
    min: float | None = None,
    max: float | None = None,
    height: Height = "medium",
    **place: Unpack[Place],
) -> Node:
    """A chart of up to 8 series and 5,000 points together.

    Args:
        lines: made by `series`.
        categories: the texts below, where `x` is `category`.
    """
    fields = {"label": label, "series": list(lines), "kind": kind, "x": x, "categories": categories, "unit": unit}
    return _node("chart", fields | {"min": min, "max": max, "height": height}, (), place)


def series(name: str, data: Iterable[Any] = ()) -> Cell:
    """A series of a chart: pairs `(x, y)`, or plain numbers where `x` is `category`."""
    return _part("series", {"name": name, "data": list(data)})


def button(
    label: str,
    on_press: Handler,
    *,
    kind: ButtonKind = "plain",
    icon: str | None = None,
    confirm: str | None = None,
    disabled: bool = False,
    **place: Unpack[Place],
) -> Node:
    """A button. `confirm` is asked before."""
    fields = {"label": label, "kind": kind, "icon": icon, "confirm": confirm, "disabled": disabled}
    return _node("button", fields, (), place, press=on_press)


def form(*children: Node, on_submit: Handler, submit: str = "Save", **place: Unpack[Place]) -> Node:
    """Fields with a button. `event.values` has what was filled in; Toru has checked it by then.

    Fields that the viewer does not see (`only`) are not in it.
    """
    return _node("form", {"submit": submit}, children, place, submit=on_submit)


def field(
    name: str,
    label: str,
    kind: FieldKind = "text",
    value: str | float | bool | None = None,
    *,
    hint: str = "",
    placeholder: str = "",
    required: bool = False,
    min: float | None = None,
    max: float | None = None,
    max_length: int | None = None,
    options: Iterable[Cell] | None = None,
    **place: Unpack[Place],
) -> Node:
    """A field of a form. `options`, made by `option`, are for the kind `select`."""
    if kind == "select" and options is None:
        raise ValueError("field: options must be there for the kind select.")
    fields = {"name": name, "label": label, "kind": kind, "value": value, "hint": hint, "placeholder": placeholder}
    fields |= {"required": required, "min": min, "max": max, "max_length": max_length}
    return _node("field", fields | {"options": None if options is None else list(options)}, (), place)


def option(value: str, text: str = "") -> Cell:
    """A choice of a field of the kind `select`."""
    return _part("option", {"value": value, "text": text or value})


def badge(text: str, tone: Tone = "neutral", icon: str | None = None, **place: Unpack[Place]) -> Node:
    """A short word on a colour."""
    return _node("badge", {"text": text, "tone": tone, "icon": icon}, (), place)


def progress(value: float | None, label: str = "", tone: Tone = "info", **place: Unpack[Place]) -> Node:
    """How far something is: 0 to 100, None where nobody knows."""
    node = _node("progress", {"label": label, "tone": tone}, (), place)
    right.require("progress", {"value": value})
    node.fields["value"] = value
    return node


def log(lines: Iterable[str] = (), label: str = "", keep: int = 500, **place: Unpack[Place]) -> Node:
    """Lines, of which the last `keep` (at most 1,000) stay; `plugin.page.lines` adds some."""
    return _node("log", {"lines": list(lines)[-keep:], "label": label, "keep": keep}, (), place)


def code(text: str, label: str = "", **place: Unpack[Place]) -> Node:
    """Text to copy, with a button that does."""
    return _node("code", {"text": text, "label": label}, (), place)


def tabs(*children: Node, **place: Unpack[Place]) -> Node:
    """One `tab` at a time."""
    return _node("tabs", {}, children, place)


def tab(label: str, *children: Node, icon: str | None = None, **place: Unpack[Place]) -> Node:
    """One of several `tabs`."""
    return _node("tab", {"label": label, "icon": icon}, children, place)


def link(text: str, href: str, icon: str | None = None, **place: Unpack[Place]) -> Node:
    """A link: `https://…`, or a path of Toru's own such as `/plugins`."""
    return _node("link", {"text": text, "href": href, "icon": icon}, (), place)


def _node(
    type: str, fields: Mapping[str, Any], children: tuple[Node, ...], place: Place, **handlers: Handler | None
) -> Node:
    told = {**fields, "width": place.get("width"), "only": place.get("only")}
    given = {name: value for name, value in told.items() if value is not None}
    right.require(type, given)
    for event, handler in handlers.items():
        right.require_function(type, f"on_{event}", handler, optional=type == "table")
    return Node(type, given, children, place.get("id"), **handlers)


def _part(name: str, fields: Cell) -> Cell:
    right.require(name, fields)
    return fields
