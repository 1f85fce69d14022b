"""What of a page has changed and was not sent yet: changes of one component become one, the latest wins."""

from typing import Any

from toru_plugin.tree import KEEP_POINTS, MOST_LINES

MOST = 200
"""Changes that wait; with more of them the whole page is sent."""


class Changes:
    """Patches that wait, in their order."""

    def __init__(self) -> None:
        self.whole = False
        """Whether the whole page is to be sent in their place."""

        self._patches: list[dict[str, Any]] = []
        self._last: dict[str, dict[str, Any]] = {}

    def __bool__(self) -> bool:
        return self.whole or bool(self._patches)

    def add(self, patch: dict[str, Any]) -> None:
        """Notes one; it becomes a part of the last one of the same component where it is of the same kind."""
        if self.whole:
            return
        last = self._last.get(patch["id"])
        if last is not None and _merge(last, patch):
            return
        if len(self._patches) >= MOST:
            self.show_whole()
            return
        if not patch.keys() & {"set", "lines", "points", "rows", "drop"}:
            self._last.clear()  # what comes later may mean another component of that id
        self._patches.append(patch)
        self._last[patch["id"]] = patch

    def show_whole(self) -> None:
        """Has the whole page sent."""
        self.take()
        self.whole = True

    def take(self) -> list[dict[str, Any]]:
        """Those that wait; none waits any more."""
        patches, self._patches, self._last, self.whole = self._patches, [], {}, False
        return patches


def _merge(last: dict[str, Any], new: dict[str, Any]) -> bool:
    """Makes one patch of two; False when they are of different kinds."""
    if last.keys() - {"keep"} != new.keys() - {"keep"}:
        return False
    if "set" in new:
        last["set"] |= new["set"]
    elif "lines" in new:
        last["lines"] = (last["lines"] + new["lines"])[-MOST_LINES:]
    elif "points" in new:
        keep = new.get("keep") or KEEP_POINTS
        last |= {"keep": keep}
        for name, points in new["points"].items():
            last["points"][name] = (last["points"].get(name, []) + points)[-keep:]
    elif "rows" in new and "drop" not in new:
        rows = {row["key"]: row for row in last["rows"]} | {row["key"]: row for row in new["rows"]}
        last["rows"] = list(rows.values())
    elif "drop" in new and "rows" not in new:
        last["drop"] = list(dict.fromkeys(last["drop"] + new["drop"]))
    else:
        return False
    return True
