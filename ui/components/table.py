"""Tables of plain data: a real table on wide screens, one card a row on phones, and one element for the server."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from nicegui.element import Element

from ui.components.action_icon import Picture
from ui.components.badge import Tone
from ui.components.parts import PARTS
from ui.static import static_url

CellKind = Literal[
    "text",
    "strong",
    "mono",
    "number",
    "chip",
    "icon",
    "time",
    "date",
    "elapsed",
    "seconds",
    "bytes",
    "rate",
    "percent",
    "actions",
]


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        key: where a row has its value.
        label: what its head says.
        kind: what the values are. chip: `Cell`; icon: `Picture`; time (how long ago) and date: ISO 8601; elapsed:
            (since, until or None); seconds, bytes, rate, percent: numbers; actions: a list of `Action`.
        sortable: whether its head is a button; the table then calls `on_sort(key)`.
        classes: `wide` hides it on phones, `grow` gives it what room there is, `labelled` has phones name it.
        none: what stands for no value.
    """

    key: str
    label: str
    kind: CellKind = "text"
    sortable: bool = False
    classes: str = ""
    none: str = "–"


@dataclass(frozen=True, slots=True)
class Cell:
    """The value of a chip cell."""

    text: str
    tone: Tone = "neutral"
    icon: str | None = None


@dataclass(frozen=True, slots=True)
class Action:
    """A button in a row."""

    name: str
    icon: str
    label: str
    classes: str = ""
    disabled: bool = False


@dataclass(frozen=True, slots=True)
class Pressed:
    """Which button of which row was pressed."""

    row: str
    name: str


Row = Mapping[str, Any]
OnAction = Callable[[Pressed], Awaitable[None] | None]
OnSort = Callable[[str], Awaitable[None] | None]


class DataTable(Element, component="data_table.js", dependencies=list(PARTS)):
    """One table; `set_rows` shows others."""

    def __init__(
        self, columns: Sequence[Column], rows: Sequence[Row], caption: str, *, stack: bool, marked: str | None
    ) -> None:
        super().__init__()
        self.props["columns"] = [asdict(column) for column in columns]
        self.props["caption"] = caption
        self.props["icons"] = static_url("icons.svg")
        self.props["stack"] = stack
        self.props["marked"] = marked
        self.set_rows(rows)

    def set_rows(self, rows: Sequence[Row]) -> None:
        """Shows these rows."""
        self.props["rows"] = [{key: _plain(value) for key, value in row.items()} for row in rows]
        self.update()

    def set_sort(self, key: str | None, *, descending: bool = False) -> None:
        """Marks the column that the rows are sorted by."""
        self.props["sort"] = key
        self.props["descending"] = descending
        self.update()


def data_table(
    columns: Sequence[Column],
    rows: Sequence[Row],
    *,
    caption: str,
    on_action: OnAction | None = None,
    on_sort: OnSort | None = None,
    stack: bool = True,
    marked: str | None = None,
) -> DataTable:
    """A table.

    Args:
        columns: from left to right; the first names the row and carries its link.
        rows: mappings with `key` (unique text), the values, optionally `href` (the whole row is that link) and `mark`
            (a `Cell` after the strong value).
        caption: what the table is, for screen readers.
        on_action: called with which button was pressed; `acting_on(…)` fits.
        on_sort: called with a column's key.
        stack: whether phones get one card a row; else the table scrolls sideways within its card.
        marked: key of the row to scroll to and mark.
    """
    made = DataTable(columns, rows, caption, stack=stack, marked=marked)
    if on_action is not None:
        made.on("action", lambda event: on_action(Pressed(str(event.args["row"]), str(event.args["name"]))))
    if on_sort is not None:
        made.on("sort", lambda event: on_sort(str(event.args)))
    return made


def _plain(value: Any) -> Any:
    if isinstance(value, Cell | Action | Picture):
        return asdict(value)
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
