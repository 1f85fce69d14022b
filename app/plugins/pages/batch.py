"""Patches that wait for the next delivery, merged: of what is set twice the latest wins."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson

from app.plugins.pages.nodes import MOST_BYTES, MOST_LINES
from app.plugins.pages.visible import Patch

MOST_PATCHES = 2_000


class Batch:
    """Those of one delivery. What would take more than a whole tree becomes one: `is_whole`."""

    def __init__(self) -> None:
        self.is_whole = False
        self._patches: list[Patch] = []
        self._last: dict[str, Patch] = {}
        self._size = 0

    def __bool__(self) -> bool:
        return self.is_whole or bool(self._patches)

    def add(self, patch: Patch, size: int) -> None:
        """Adds a patch of so many bytes; what hangs on it is never changed."""
        if self.is_whole:
            return
        self._size += size
        merge = next((MERGES[way] for way in MERGES if way in patch), None)
        last = self._last.get(patch["id"])
        if merge is None:
            self._last.clear()  # nodes come and go: what follows must stay behind
            self._patches.append(patch)
        elif last is None or not merge(last, patch):
            self._last[patch["id"]] = added = dict(patch)
            self._patches.append(added)
        if self._size > MOST_BYTES or len(self._patches) > MOST_PATCHES:
            self.become_whole()

    def become_whole(self) -> None:
        """Whoever gets this batch gets the whole tree."""
        self.clear()
        self.is_whole = True

    def clear(self) -> None:
        """Begins the next one."""
        self.is_whole = False
        self._patches.clear()
        self._last.clear()
        self._size = 0

    def text(self) -> str:
        """The message to the viewers."""
        return orjson.dumps({"type": "patches", "patches": self._patches}).decode()


# Each merges a later patch into an earlier one of the same node, unless that one is of another kind.


def _set(last: Patch, patch: Patch) -> bool:
    if "set" in last:
        last["set"] = {**last["set"], **patch["set"]}
    return "set" in last


def _lines(last: Patch, patch: Patch) -> bool:
    if "lines" in last:
        last["lines"] = [*last["lines"], *patch["lines"]][-MOST_LINES:]
    return "lines" in last


def _points(last: Patch, patch: Patch) -> bool:
    if last.get("keep") != patch["keep"]:
        return False
    points: dict[str, list[Any]] = last["points"]
    last["points"] = {
        name: [*points.get(name, ()), *patch["points"].get(name, ())][-patch["keep"] :]
        for name in {**points, **patch["points"]}
    }
    return True


def _rows(last: Patch, patch: Patch) -> bool:
    """What is dropped is dropped first, within one patch."""
    if "rows" in last:
        gone = set(patch["drop"])
        rows = {row["key"]: row for row in last["rows"] if row["key"] not in gone}
        rows.update((row["key"], row) for row in patch["rows"])
        last["rows"] = list(rows.values())
        last["drop"] = list(dict.fromkeys((*last["drop"], *patch["drop"])))
    return "rows" in last


MERGES: Final[Mapping[str, Callable[[Patch, Patch], bool]]] = {
    "set": _set,
    "lines": _lines,
    "points": _points,
    "rows": _rows,
}
