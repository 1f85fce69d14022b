"""A page as a tree of components: its nodes, their ids, and how patches change it."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from toru_plugin import right
from toru_plugin.events import Handler

ID = re.compile(r"[A-Za-z0-9_.:-]{1,64}", re.ASCII)
MOST_LINES = 1000
KEEP_LINES = KEEP_POINTS = 500
NAMED = ("button", "form", "table")
"""What gets an id by itself: viewers do something with it."""


class NoSuchComponent(LookupError):
    """There is nothing with this id on the page."""

    def __init__(self, id: str) -> None:
        super().__init__(f"There is no component with the id “{id}” on the page.")

    def __str__(self) -> str:
        return str(self.args[0])


class Node:
    """One component; the functions of `toru_plugin` make them.

    Attributes:
        handlers: what answers, by the name of the event: `press`, `submit`, `action`.
    """

    __slots__ = ("children", "fields", "handlers", "id", "parent", "type")

    def __init__(
        self,
        type: str,
        fields: Mapping[str, Any],
        children: tuple["Node", ...] = (),
        id: str | None = None,
        **handlers: Handler | None,
    ) -> None:
        self.type = type
        for child in children:
            if not isinstance(child, Node):
                raise TypeError(f"A {type} holds components, not {child!r}: text(…) makes one of a text.")
            if (child.type == "tab") != (type == "tabs"):
                raise ValueError(f"tabs holds only tab, and nothing else holds one: {type} cannot hold {child.type}.")
        if id is not None and ID.fullmatch(id) is None:
            raise ValueError(f"The id “{id}” must be 1 to 64 letters, digits and _ . : -")
        self.fields = {name: plain(value) for name, value in fields.items()}
        self.children = list(children)
        self.handlers: dict[str, Handler] = {name: one for name, one in handlers.items() if one is not None}
        self.id = id
        self.parent: Node | None = None

    def walk(self) -> Iterator["Node"]:
        """This one and all below it."""
        yield self
        for child in self.children:
            yield from child.walk()

    def as_json(self) -> dict[str, Any]:
        """What Toru is sent: nothing in it changes afterwards."""
        told: dict[str, Any] = {"type": self.type}
        if self.id is not None:
            told["id"] = self.id
        told |= {name: plain(value) for name, value in self.fields.items()}
        if self.children:
            told["children"] = [child.as_json() for child in self.children]
        return told


class Tree:
    """The page as it is now.

    Args:
        root: its first node. Raises ValueError for an id that is there twice, as every change does.
    """

    def __init__(self, root: Node) -> None:
        self.root = root
        self._index: dict[str, Node] = {}
        self._require_free([root], [])
        self._enter([root], None)

    def find(self, id: str) -> Node:
        """The component with this id. Raises NoSuchComponent."""
        node = self._index.get(id)
        if node is None:
            raise NoSuchComponent(id)
        return node

    def apply(self, change: Mapping[str, Any]) -> dict[str, Any]:
        """Does what a patch says; new components are nodes in it. Answers the patch as Toru is sent it.

        Raises:
            NoSuchComponent: it is not on the page.
            ValueError: an id would be there twice, the root would go, or a field would be no right one.
        """
        node = self.find(change["id"])
        right.require(node.type, change.get("set", {}))
        for name in ("replace", "children", "append", "remove"):
            if name in change:
                return {"id": node.id, name: getattr(self, f"_{name}")(node, change[name])}
        for name, value in change.items():
            if name in KEEPERS:
                KEEPERS[name](node.fields, value, change.get("keep"))
        return {name: plain(value) for name, value in change.items()}

    def _replace(self, node: Node, new: Node) -> dict[str, Any]:
        parent = node.parent
        new.id = new.id or node.id
        self._require_free([new], [node])
        self._leave([node])
        if parent is None:
            self.root = new
        else:
            parent.children[parent.children.index(node)] = new
        self._enter([new], parent)
        return new.as_json()

    def _children(self, node: Node, new: list[Node]) -> list[dict[str, Any]]:
        self._require_free(new, node.children)
        self._leave(node.children)
        node.children = list(new)
        self._enter(new, node)
        return [child.as_json() for child in new]

    def _append(self, node: Node, new: list[Node]) -> list[dict[str, Any]]:
        self._require_free(new, [])
        node.children += new
        self._enter(new, node)
        return [child.as_json() for child in new]

    def _remove(self, node: Node, _: object) -> bool:
        if node.parent is None:
            raise ValueError("The page's first component cannot be removed.")
        self._leave([node])
        node.parent.children.remove(node)
        return True

    def _require_free(self, new: list[Node], leaving: list[Node]) -> None:
        """Raises ValueError where an id of the new ones is taken, also by one of them; nothing has changed then."""
        taken = self._index.keys() - {node.id for top in leaving for node in top.walk()}
        for node in (node for top in new for node in top.walk() if node.id is not None):
            if node.id in taken:
                raise ValueError(f"The id “{node.id}” is on the page twice.")
            taken.add(str(node.id))

    def _enter(self, nodes: list[Node], parent: Node | None) -> None:
        for top in nodes:
            top.parent = parent
            for node in top.walk():
                for child in node.children:
                    child.parent = node
                if node.id is not None:
                    self._index[node.id] = node
        for top in nodes:
            for node in top.walk():
                if node.id is None and node.type in NAMED:
                    node.id = self._free_id(node)
                    self._index[node.id] = node

    def _leave(self, nodes: list[Node]) -> None:
        for top in nodes:
            for node in top.walk():
                if node.id is not None and self._index.get(node.id) is node:
                    del self._index[node.id]

    def _free_id(self, node: Node) -> str:
        """An id for what can be pressed: by its words, so that it is the same when the page is drawn anew."""
        words = str(node.fields.get("label") or node.fields.get("caption") or "")
        name = re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")[:48]
        name = f"{node.type}-{name}" if name else node.type
        number, free = 1, name
        while free in self._index:
            number += 1
            free = f"{name}-{number}"
        return free


def plain(value: Any) -> Any:
    """A copy that JSON can say: times become their ISO 8601 texts; one without a zone is meant in UTC."""
    if isinstance(value, Mapping):
        return {str(name): plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if hasattr(value, "isoformat"):
        is_moment = hasattr(value, "astimezone")
        return f"{value.isoformat()}Z" if is_moment and value.tzinfo is None else value.isoformat()
    return value


def _set(fields: dict[str, Any], new: Mapping[str, Any], _: object) -> None:
    fields.update(plain(new))


def _lines(fields: dict[str, Any], new: list[str], _: object) -> None:
    keep = min(fields.get("keep") or KEEP_LINES, MOST_LINES)
    fields["lines"] = [*(fields.get("lines") or []), *new][-keep:]


def _points(fields: dict[str, Any], new: Mapping[str, list[Any]], keep: int | None) -> None:
    series = fields.setdefault("series", [])
    for name, points in new.items():
        one = next((one for one in series if one["name"] == name), None)
        if one is None:
            series.append(one := {"name": name, "data": []})
        one["data"] = [*one["data"], *plain(points)][-(keep or KEEP_POINTS) :]


def _rows(fields: dict[str, Any], new: list[Mapping[str, Any]], _: object) -> None:
    rows = {row["key"]: row for row in fields.get("rows") or []}
    rows.update((row["key"], plain(row)) for row in new)
    fields["rows"] = list(rows.values())


def _drop(fields: dict[str, Any], keys: list[str], _: object) -> None:
    fields["rows"] = [row for row in fields.get("rows") or [] if row["key"] not in keys]


KEEPERS: dict[str, Callable[[dict[str, Any], Any, int | None], None]] = {
    "set": _set,
    "lines": _lines,
    "points": _points,
    "rows": _rows,
    "drop": _drop,
}
