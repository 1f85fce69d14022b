"""`plugin.page`: makes the page, and changes it while people look at it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from toru_plugin.board import Board, Builder
from toru_plugin.tree import Node

STRUCTURE = {"type", "id", "children"}


class Page:
    """The plugin's one page. Every method may be called by any thread, and raises LookupError for an unknown id.

    Changes are sent at most 20 times a second; of those in between the latest wins.

    Args:
        board: does the work.
    """

    def __init__(self, board: Board) -> None:
        self._board = board

    def __call__(self, builder: Builder) -> Builder:
        """`@plugin.page` above a function without arguments that returns the page's first component."""
        self._board.builder = builder
        return builder

    @property
    def viewers(self) -> int:
        """How many look at the page now."""
        return self._board.viewers

    def refresh(self) -> None:
        """Calls the function of the page again and shows what it returns."""
        self._board.refresh()

    def set(self, id: str, **fields: Any) -> None:
        """Gives fields of a component other values: `set("visits", value=3)`."""
        if structure := sorted(STRUCTURE & fields.keys()):
            raise ValueError(f"{', '.join(structure)} cannot be set; replace() makes another component.")
        if fields:
            self._board.change({"id": id, "set": fields})

    def replace(self, id: str, node: Node) -> None:
        """Puts another component in the place of one."""
        self._board.change({"id": id, "replace": node})

    def children(self, id: str, *nodes: Node) -> None:
        """Gives a component other children."""
        self._board.change({"id": id, "children": list(nodes)})

    def append(self, id: str, *nodes: Node) -> None:
        """Adds children behind those that are there."""
        self._board.change({"id": id, "append": list(nodes)})

    def remove(self, id: str) -> None:
        """Takes a component away, with all in it."""
        self._board.change({"id": id, "remove": True})

    def lines(self, id: str, *lines: str) -> None:
        """Adds lines to a `log`."""
        self._board.change({"id": id, "lines": [line for text in lines for line in text.splitlines() or [""]]})

    def points(self, id: str, points: Mapping[str, Sequence[Sequence[Any]]], keep: int = 500) -> None:
        """Adds points to the series of a `chart`: `points("load", {"1 min": [(now(), 0.7)]})`.

        Args:
            keep: how many points of each series stay.
        """
        self._board.change({"id": id, "points": {name: list(some) for name, some in points.items()}, "keep": keep})

    def rows(self, id: str, *rows: Mapping[str, Any], drop: Iterable[str] = ()) -> None:
        """Adds rows to a `table`, or replaces those with the same `key`; takes away those whose keys `drop` names."""
        if any(not isinstance(row.get("key"), str) for row in rows):
            raise ValueError("A row of a table has a key, which is a text.")
        if keys := list(drop):
            self._board.change({"id": id, "drop": keys})
        if rows:
            self._board.change({"id": id, "rows": list(rows)})
