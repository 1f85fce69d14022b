"""The tree of one page: which node has which id, who may see it, and what it weighs."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from app.plugins.pages.nodes import MOST_BYTES, Node
from app.plugins.pages.reader import PageRefused, Reader, Spot

MOST_MESSAGE = 2 * MOST_BYTES
"""Bytes of JSON of the patches of one message."""

MOST_WORK = 20_000
"""What the patches of one message may touch: nodes, rows, points and lines, those included that stay as they are."""


@dataclass(slots=True, eq=False)
class Place:
    """A node in the tree."""

    node: Node
    above: "Place | None"
    depth: int

    def ancestors(self) -> Iterator["Place"]:
        """The nodes above it, the nearest first."""
        place = self.above
        while place is not None:
            yield place
            place = place.above

    @property
    def is_below_hidden(self) -> bool:
        """Whether something above it is for admins only."""
        return any("only" in place.node for place in self.ancestors())

    @property
    def is_hidden(self) -> bool:
        """Whether it is for admins only."""
        return "only" in self.node or self.is_below_hidden

    @property
    def form(self) -> "Place | None":
        """The form that it is or stands in."""
        return next((place for place in (self, *self.ancestors()) if place.node["type"] == "form"), None)


class Tree:
    """Nodes, found by their ids. What hangs on a node is replaced, never changed, so that it can be handed out.

    Args:
        given: the root as the plugin sent it.

    Raises:
        PageRefused: it breaks a rule.
    """

    def __init__(self, given: Any) -> None:
        self._size = require_small(given, MOST_BYTES)
        self._work = 0
        self.root = Reader((), 0).read(given, Spot())
        self.count = 0
        self._places: dict[str, Place] = {}
        self._before: list[tuple[Node, Node]] = []
        self._index(self.root, None)

    def find(self, node_id: object) -> Place | None:
        """The node with this id."""
        return self._places.get(node_id) if isinstance(node_id, str) else None

    def __contains__(self, node_id: object) -> bool:
        return node_id in self._places

    def change(self, work: Callable[[], None], size: int) -> None:
        """Does `work`, which makes the tree at most `size` bytes larger, wholly or not at all. Raises PageRefused."""
        root, weighed = self.root, self._size
        self._work = 0
        try:
            work()
            self.require_room(size)
        except PageRefused:
            for node, before in reversed(self._before):
                node.clear()
                node.update(before)
            self.root, self.count, self._size = root, 0, weighed
            self._places.clear()
            self._index(root, None)
            raise
        finally:
            self._before.clear()

    def spend(self, work: int) -> None:
        """Counts what a patch touches; one patch is always allowed. Raises PageRefused."""
        if self._work and self._work + work > MOST_WORK:
            raise PageRefused(f"The patches of a message touch more than {MOST_WORK:,} rows, points, lines and nodes.")
        self._work += work

    def put(self, node: Node, **fields: Any) -> None:
        """Sets fields of a node; those that are None are taken away."""
        self._before.append((node, dict(node)))
        for name, value in fields.items():
            if value is None:
                node.pop(name, None)
            else:
                node[name] = value

    def put_children(self, place: Place, children: list[Node], new: Sequence[Node]) -> None:
        """Changes what a node holds; what it holds no more is forgotten already."""
        self.put(place.node, children=children)
        for node in new:
            self._index(node, place)

    def put_root(self, node: Node) -> None:
        """Changes the whole tree; what was there is forgotten already."""
        self.root = node
        self._index(node, None)

    def forget(self, node: Node) -> None:
        """Frees the ids of a node that goes, and of everything below it."""
        self.count -= 1
        self._places.pop(node.get("id", ""), None)
        for child in node.get("children", ()):
            self.forget(child)

    def require_room(self, more: int) -> None:
        """Raises PageRefused for a tree that has become too large; it is weighed only when that may be so."""
        self._size += more
        if self._size > MOST_BYTES:
            self._size = len(orjson.dumps(self.root))
        if self._size > MOST_BYTES:
            raise PageRefused(f"The tree is larger than {MOST_BYTES >> 10} KiB.")

    def _index(self, node: Node, above: Place | None) -> None:
        self.count += 1
        place = Place(node, above, 1 if above is None else above.depth + 1)
        if "id" in node:
            self._places[node["id"]] = place
        for child in node.get("children", ()):
            self._index(child, place)


def require_small(given: Any, most: int) -> int:
    """How many bytes of JSON this is. Raises PageRefused for too many."""
    try:
        size = len(orjson.dumps(given))
    except TypeError:  # orjson's own limit; far above ours
        raise PageRefused("The tree is too deep.") from None
    if size > most:
        raise PageRefused(f"{'The tree is' if most == MOST_BYTES else 'The patches are'} larger than {most >> 10} KiB.")
    return size


def nodes_below(node: Node) -> Iterator[Node]:
    """All nodes that a node holds, at whatever depth."""
    for child in node.get("children", ()):
        yield child
        yield from nodes_below(child)
