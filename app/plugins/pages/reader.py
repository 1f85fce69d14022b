"""Reads nodes as a plugin sends them: each is known or a placeholder, stands where it may, and is not one too many."""

from collections.abc import Container
from dataclasses import dataclass
from typing import Any

from app.plugins.pages import tables
from app.plugins.pages.checks import ID, Wrong
from app.plugins.pages.nodes import HOLDERS, KINDS, MOST_DEPTH, MOST_NODES, Node, fit, read_fields

MOST_TYPE = 64
SHARED = {type_: type_ for type_ in KINDS}


class PageRefused(Exception):
    """A tree or a patch broke a rule; the text is a sentence for whoever writes the plugin."""


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a node stands.

    Attributes:
        depth: of the node, 1 for the root.
        within: the type of the node that holds it, None for the root.
        names: of the fields of the form around it so far, None outside of forms.
        path: of the node that holds it, for sentences.
    """

    depth: int = 1
    within: str | None = None
    names: set[str] | None = None
    path: str = ""


class Reader:
    """Reads some nodes that come into one tree together.

    Args:
        taken: ids that are in the tree already.
        count: how many nodes are.
    """

    def __init__(self, taken: Container[str], count: int) -> None:
        self.count = count
        self._cells = 0
        self._taken = taken
        self._new: set[str] = set()

    def read(self, given: Any, spot: Spot, number: int | None = None) -> Node:
        """A node with everything below it, without what is not known. Raises PageRefused.

        Args:
            number: of the node among its neighbours, None without any.
        """
        type_ = given.get("type") if isinstance(given, dict) else None
        if not isinstance(type_, str) or not 0 < len(type_) <= MOST_TYPE or not type_.isprintable():
            raise PageRefused(f"{spot.path or 'The tree'}: each node must be an object with a type.")
        path = f"{spot.path}{' > ' if spot.path else ''}{type_}{'' if number is None else f'[{number}]'}"
        if isinstance(given.get("id"), str) and ID.fullmatch(given["id"]) is not None:
            path = given["id"]
        try:
            node = {"type": SHARED.get(type_, type_), **read_fields(type_, given)}
            fit(node)
            self._place(node, spot)
        except Wrong as error:
            raise PageRefused(f"{path}: {error}.") from None
        if type_ in KINDS and given.get("children") is not None:
            names = set() if type_ == "form" else spot.names
            if children := self.read_all(given["children"], Spot(spot.depth + 1, type_, names, path)):
                node["children"] = children
        return node

    def read_all(self, given: Any, spot: Spot) -> list[Node]:
        """The children of the node that `spot` is within. Raises PageRefused."""
        if not isinstance(given, list):
            raise PageRefused(f"{spot.path}: children must be a list.")
        if given and spot.within not in HOLDERS:
            raise PageRefused(f"{spot.path}: {spot.within} cannot have children.")
        many = len(given) > 1
        return [self.read(child, spot, number if many else None) for number, child in enumerate(given, 1)]

    def _place(self, node: Node, spot: Spot) -> None:
        """Whether the node may stand there. Raises Wrong."""
        self.count += 1
        if self.count > MOST_NODES:
            raise Wrong(f"more than {MOST_NODES:,} nodes")
        if spot.depth > MOST_DEPTH:
            raise Wrong(f"deeper than {MOST_DEPTH} levels")
        type_ = node["type"]
        if type_ == "table":
            self._cells += len(node["rows"]) * len(node["columns"])
            tables.require_few_cells(self._cells, 1)
        if (type_ == "tab") != (spot.within == "tabs"):
            raise Wrong("tabs hold only tab, and nothing else holds it")
        if type_ == "form" and spot.names is not None:
            raise Wrong("a form cannot be within a form")
        if type_ == "field":
            if spot.names is None:
                raise Wrong("a field must be within a form")
            if node["name"] in spot.names:
                raise Wrong(f'the form has two fields with the name "{node["name"]}"')
            spot.names.add(node["name"])
        if (node_id := node.get("id")) is not None:
            if node_id in self._new or node_id in self._taken:
                raise Wrong("this id is there twice")
            self._new.add(node_id)
