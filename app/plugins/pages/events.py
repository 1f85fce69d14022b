"""What is pressed on a page: whether that may be, what the plugin is asked then, and how its answer is read."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from app.core.errors import BadValue, Conflict, NotFound
from app.core.permissions import Actor
from app.plugins.pages import messages
from app.plugins.pages.checks import MOST_NAME, Wrong, own_path
from app.plugins.pages.forms import judge
from app.plugins.pages.nodes import Node
from app.plugins.pages.tree import Tree

EVENTS: Final = {"button": "press", "form": "submit", "table": "action"}
REPLY_KINDS = ("success", "error", "info")
MOST_MESSAGE, MOST_ERRORS, MOST_PATH = 2_000, 200, 2_000
GONE = "This is no longer there."
NOT_TAKEN = "This was not accepted."


@dataclass(frozen=True, slots=True)
class PageEvent:
    """What a viewer did, as it came."""

    node: object
    event: object
    value: object


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of it.

    Attributes:
        ok: whether it was done.
        message: a sentence for people, None for nothing to say.
        kind: success, error or info.
        errors: a sentence for each field of the form that is wrong.
        go: a path of ours to go to.
    """

    ok: bool
    message: str | None = None
    kind: str = "success"
    errors: dict[str, str] = field(default_factory=dict)
    go: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Its fields."""
        return asdict(self)


class WrongValues(Exception):
    """The form is not filled in as it must be."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__("The form is not filled in as it must be.")
        self.errors = errors


def question(tree: Tree | None, actor: Actor, event: PageEvent) -> dict[str, Any]:
    """What the plugin is asked.

    Raises:
        NotFound: there is nothing there that this viewer could press.
        BadValue: it cannot be pressed like that.
        Conflict: the button is disabled.
        WrongValues: of a form.
    """
    place = tree.find(event.node) if tree is not None else None
    if place is None or (place.is_hidden and not actor.is_admin):
        raise NotFound(GONE)
    node = place.node
    if event.event != EVENTS.get(node["type"]):
        raise BadValue("This cannot be done here.")
    value = event.value if isinstance(event.value, dict) else {}
    if event.event == "press":
        if node.get("disabled"):
            raise Conflict("This cannot be pressed now.")
        value = {}
    elif event.event == "action":
        value = _action(node, value)
    else:
        value = {"values": _values(node, actor, value.get("values"))}
    viewer = {"name": actor.username, "role": "admin" if actor.is_admin else "client"}
    return messages.event(node["id"], str(event.event), value, viewer)


def _action(node: Node, value: dict[str, Any]) -> dict[str, Any]:
    row = next((row for row in node["rows"] if row["key"] == value.get("row")), None)
    columns = [column["key"] for column in node["columns"] if column.get("kind") == "actions"]
    if row is None or all(action["name"] != value.get("name") for column in columns for action in row.get(column, ())):
        raise NotFound(GONE)
    return {"row": value["row"], "name": value["name"]}


def _values(form: Node, actor: Actor, given: object) -> dict[str, Any]:
    fields = [node for node in _seen(form, actor) if node["type"] == "field"]
    values, errors = judge(fields, given if isinstance(given, dict) else {})
    if errors:
        raise WrongValues(errors)
    return values


def _seen(node: Node, actor: Actor) -> Iterator[Node]:
    return _inside(node, lambda child: actor.is_admin or "only" not in child)


def _inside(node: Node, wanted: Callable[[Node], bool] = lambda _: True) -> Iterator[Node]:
    for child in filter(wanted, node.get("children", ())):
        yield child
        yield from _inside(child, wanted)


def read_reply(payload: Any) -> Reply:
    """What the plugin answered. Raises Wrong."""
    message, kind = payload.get("message"), payload.get("kind") or "success"
    errors, go = payload.get("errors") or {}, payload.get("go")
    if message is not None and not isinstance(message, str):
        raise Wrong("done: message must be text.")
    if kind not in REPLY_KINDS:
        raise Wrong(f"done: kind must be one of {', '.join(REPLY_KINDS)}.")
    if not isinstance(errors, dict) or len(errors) > MOST_ERRORS or not all(map(_is_error, errors.items())):
        raise Wrong(f"done: errors must be an object of at most {MOST_ERRORS} sentences.")
    if go is not None:
        try:
            go = own_path(go)[:MOST_PATH]
        except Wrong as error:
            raise Wrong(f"done: go {error}.") from None
    if message is not None:
        message = message[:MOST_MESSAGE]
    is_ok = kind != "error" and not errors
    return Reply(is_ok, message, kind if is_ok else "error", errors, go)


def seen_by(actor: Actor, reply: Reply, tree: Tree | None, event: PageEvent) -> Reply:
    """The reply without what it says of fields that this viewer has not; what is wrong with no field is its message."""
    if reply.ok:
        return reply
    place = tree.find(event.node) if tree is not None else None
    form = place.form.node if place is not None and place.form is not None else {}
    fields = {node["name"] for node in _inside(form) if node["type"] == "field"}
    seen = {node["name"] for node in _seen(form, actor) if node["type"] == "field"}
    errors = {name: says for name, says in reply.errors.items() if name in seen}
    if reply.message or errors:
        return replace(reply, errors=errors)
    nowhere = (says for name, says in reply.errors.items() if name not in fields)
    return replace(reply, errors={}, message=" ".join(dict.fromkeys((NOT_TAKEN, *nowhere)))[:MOST_MESSAGE])


def _is_error(pair: tuple[str, Any]) -> bool:
    name, sentence = pair
    return len(name) <= MOST_NAME and isinstance(sentence, str) and len(sentence) <= MOST_MESSAGE
