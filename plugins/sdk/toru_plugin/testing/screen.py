"""A page as a test sees it: what stands there, and what can be pressed."""

import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from toru_plugin.events import Viewer
from toru_plugin.tree import Node, Tree

SECONDS = 10.0


class Shown:
    """The page that the plugin has described so far."""

    def __init__(self) -> None:
        self.tree: Tree | None = None

    def take(self, payload: Mapping[str, Any]) -> None:
        """Takes `show` and `patch`."""
        if payload["action"] == "show":
            self.tree = Tree(_node(payload["tree"]))
        elif payload["action"] == "patch" and self.tree is not None:
            for patch in payload["patches"]:
                self.tree.apply(_with_nodes(patch))


class Reply:
    """What a viewer is told after an event.

    Attributes:
        message: a sentence, None without one.
        kind: `success`, `error` or `info`.
        errors: a sentence by the name of a field.
        go: where the browser goes, None for nowhere.
    """

    def __init__(self, payload: Mapping[str, Any]) -> None:
        self.message: str | None = payload.get("message")
        self.kind = str(payload.get("kind") or "success")
        self.errors: dict[str, str] = payload.get("errors") or {}
        self.go: str | None = payload.get("go")

    @property
    def ok(self) -> bool:
        """Whether it went well."""
        return self.kind != "error"


class Screen:
    """The page before one viewer.

    Args:
        shown: what the plugin described.
        news: tells when that changes.
        viewer: who looks.
        press: sends an event and waits for its reply.
    """

    def __init__(
        self, shown: Shown, news: threading.Condition, viewer: Viewer, press: Callable[[dict[str, Any]], Reply]
    ) -> None:
        self._shown = shown
        self._news = news
        self._viewer = viewer
        self._press = press

    @property
    def tree(self) -> dict[str, Any]:
        """The page from its first component on, as this viewer sees it."""

        def seen(told: dict[str, Any]) -> dict[str, Any]:
            children = [seen(child) for child in told.get("children", ()) if self._may_see(child.get("only"))]
            return {**told, "children": children} if children else told

        with self._news:
            if self._shown.tree is None:
                raise LookupError("The plugin shows no page.")
            return seen(self._shown.tree.root.as_json())

    def find(self, name: str) -> dict[str, Any]:
        """The component with this id, else the first one with this label, title, caption or text.

        Raises:
            LookupError: this viewer sees none.
        """
        return self._find(name).as_json()

    def texts(self) -> list[str]:
        """The words on the page, from top to bottom."""
        with self._news:
            nodes = list(self._seen())
        names = ("title", "subtitle", "label", "caption", "text", "value", "submit")
        return [str(node.fields[name]) for node in nodes for name in names if node.fields.get(name) not in (None, "")]

    def press(self, button: str) -> Reply:
        """Presses a button, by its id or label."""
        return self._send(self._find(button, "button"), "press", {})

    def submit(self, form: str, **values: Any) -> Reply:
        """Fills in a form, by its id or the words on its button, and sends it; other fields keep their values."""
        node = self._find(form, "form")
        fields = {one.fields["name"]: one.fields.get("value") for one in node.walk() if one.type == "field"}
        if unknown := sorted(values.keys() - fields.keys()):
            raise LookupError(f"The form has no field {', '.join(unknown)}, but {', '.join(fields)}.")
        return self._send(node, "submit", {"values": fields | values})

    def act(self, table: str, row: str, name: str) -> Reply:
        """Presses an action in a row of a table, by the table's id or caption."""
        node = self._find(table, "table")
        cells = [cell for one in node.fields["rows"] if one["key"] == row for cell in one.values()]
        offered = [action["name"] for cell in cells if isinstance(cell, list) for action in cell]
        if name not in offered:
            raise LookupError(f"The row “{row}” has no action “{name}”: {', '.join(offered) or 'it has none'}.")
        return self._send(node, "action", {"row": row, "name": name})

    def wait(self, is_so: Callable[["Screen"], object], seconds: float = SECONDS) -> None:
        """Waits until something is so: `page.wait(lambda page: page.find("load")["value"])`."""
        with self._news:
            if not self._news.wait_for(lambda: is_so(self), seconds):
                raise AssertionError(f"It did not come true within {seconds:.0f} seconds.")

    def _find(self, name: str, type: str | None = None) -> Node:
        with self._news:
            nodes = [node for node in self._seen() if type in (None, node.type)]
        names = ("label", "title", "caption", "text", "submit", "name")
        found = [node for node in nodes if node.id == name]
        found += [node for node in nodes if name in (node.fields.get(field) for field in names)]
        if not found:
            raise LookupError(f"There is no {type or 'component'} “{name}” on the page that {self._viewer.name} sees.")
        return found[0]

    def _seen(self) -> Iterator[Node]:
        def walk(node: Node) -> Iterator[Node]:
            if self._may_see(node.fields.get("only")):
                yield node
                for child in node.children:
                    yield from walk(child)

        return walk(self._shown.tree.root) if self._shown.tree is not None else iter(())

    def _may_see(self, only: object) -> bool:
        return only != "admin" or self._viewer.is_admin

    def _send(self, node: Node, event: str, value: dict[str, Any]) -> Reply:
        if node.fields.get("disabled"):
            raise AssertionError(f"“{node.fields.get('label')}” is disabled.")
        viewer = {"name": self._viewer.name, "role": self._viewer.role}
        return self._press({"id": node.id, "event": event, "value": value, "viewer": viewer})


def _node(told: Mapping[str, Any]) -> Node:
    fields = {name: value for name, value in told.items() if name not in ("type", "id", "children")}
    return Node(told["type"], fields, tuple(_node(child) for child in told.get("children", ())), told.get("id"))


def _with_nodes(patch: Mapping[str, Any]) -> dict[str, Any]:
    """A patch as it was sent, with nodes in the place of their JSON."""
    made = dict(patch)
    if "replace" in made:
        made["replace"] = _node(made["replace"])
    for name in ("children", "append"):
        if name in made:
            made[name] = [_node(child) for child in made[name]]
    return made
