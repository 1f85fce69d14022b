"""What of a page clients may see: everything but the nodes that are for admins only."""

from dataclasses import dataclass
from typing import Any

import orjson

from app.plugins.pages.nodes import Node

Patch = dict[str, Any]

NOTHING: Node = {"type": "column"}
"""What clients see of a page that is for admins only."""


@dataclass(frozen=True, slots=True)
class Change:
    """A patch on its way to the viewers.

    Attributes:
        admins: what admins get.
        clients: what clients get, None for nothing.
        shows_anew: whether clients need the whole tree instead.
    """

    admins: Patch
    clients: Patch | None
    shows_anew: bool = False


def has_hidden(node: Node) -> bool:
    """Whether it or something below it is for admins only."""
    return "only" in node or any(has_hidden(child) for child in node.get("children", ()))


def for_clients(node: Node) -> Node | None:
    """The node without what is for admins only; None when nothing is left."""
    if "only" in node:
        return None
    if "children" not in node or not has_hidden(node):
        return node
    left = [found for child in node["children"] if (found := for_clients(child)) is not None]
    return {**node, "children": left}


def fragment(nodes: Node | list[Node]) -> orjson.Fragment:
    """Nodes as they are now, for they may change before they are sent."""
    return orjson.Fragment(orjson.dumps(nodes))
