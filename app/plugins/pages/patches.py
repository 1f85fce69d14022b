"""Patches: small changes of a page's tree, all of a message or none."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from app.plugins.pages import tables
from app.plugins.pages.checks import Wrong, list_of, sentence, text, whole
from app.plugins.pages.nodes import KEEP_LINES, KINDS, TOGETHER, Node, fit, newest_lines, read_fields
from app.plugins.pages.reader import PageRefused, Reader, Spot
from app.plugins.pages.tree import MOST_MESSAGE, Place, Tree, nodes_below, require_small
from app.plugins.pages.visible import Change, Patch, for_clients, fragment, has_hidden

MOST_PATCHES = 2_000
FIXED = ("type", "id", "children")

keep_points = whole(1, tables.MOST_POINTS)


def apply_patches(tree: Tree, given: Any) -> tuple[list[Change], int]:
    """Changes the tree; what the viewers are to be told, and how many bytes of JSON that is at most.

    Raises:
        PageRefused: something is wrong; the tree is as it was.
    """
    if not isinstance(given, list) or len(given) > MOST_PATCHES:
        raise PageRefused(f"patches must be a list of at most {MOST_PATCHES:,}.")
    size = require_small(given, MOST_MESSAGE)
    changes: list[Change] = []

    def work() -> None:
        changes.extend(change for patch in given if (change := _apply(tree, patch)) is not None)

    tree.change(work, size)
    return changes, size


def _apply(tree: Tree, patch: Any) -> Change | None:
    if not isinstance(patch, dict):
        raise PageRefused("A patch must be an object.")
    place = tree.find(patch.get("id"))
    if place is None:
        raise PageRefused(f"There is no node with the id {ascii(patch.get('id'))[:80]}.")
    names = [name for name in WAYS if name in patch]
    if len(names) != 1 and names != ["rows", "drop"]:
        raise PageRefused(f"{patch['id']}: a patch must have exactly one of {', '.join(WAYS)}.")
    tree.spend(_work(place, names[0], patch))
    try:
        return WAYS[names[0]](tree, place, patch)
    except Wrong as error:
        raise PageRefused(f"{patch['id']}: {error}.") from None


def _set(tree: Tree, place: Place, patch: Patch) -> Change | None:
    given, node = patch["set"], place.node
    if not isinstance(given, dict):
        raise Wrong("set must be an object")
    if any(name in given for name in FIXED):
        raise Wrong(f"set cannot change {', '.join(FIXED)}")
    known = [name for name in given if name in ("only", "width") or name in _fields(node)]
    new = {name: value for name, value in node.items() if name not in known} | read_fields(node["type"], given)
    fit(new, known)
    if new.get("name") != node.get("name") and new.get("name") in (_names(place, node) or ()):
        raise Wrong(f'the form has two fields with the name "{new["name"]}"')
    # What had to be brought in line is told, too, such as the lines of a log that shall keep fewer.
    known += [name for name in TOGETHER.get(node["type"], ()) if name not in known and new.get(name) != node.get(name)]
    changed = {name: new.get(name) for name in known}
    was_hidden = place.is_hidden
    tree.put(node, **changed)
    told = {"id": patch["id"], "set": changed}
    if was_hidden != place.is_hidden:
        return Change(told, None, shows_anew=True)
    return _told(told, was_hidden) if changed else None


def _replace(tree: Tree, place: Place, patch: Patch) -> Change:
    old, above = place.node, place.above
    given = patch["replace"]
    if isinstance(given, dict) and given.get("id") is None:
        given = {**given, "id": patch["id"]}
    tree.forget(old)
    reader = Reader(tree, tree.count)
    new = reader.read(given, Spot() if above is None else _below(above, without=old))
    if above is None:
        tree.put_root(new)
    else:
        kept = [new if child is old else child for child in above.node["children"]]
        tree.put_children(above, kept, [new])
    told = {"id": patch["id"], "replace": fragment(new)}
    if place.is_below_hidden or ("only" in old and "only" in new):
        return Change(told, None)
    if "only" in old or "only" in new:
        return Change(told, None, shows_anew=True)
    return Change(told, {**told, "replace": fragment(for_clients(new) or new)} if has_hidden(new) else told)


def _children(tree: Tree, place: Place, patch: Patch) -> Change:
    for child in place.node.get("children", ()):
        tree.forget(child)
    tree.put(place.node, children=[])
    return _hold(tree, place, patch, "children")


def _append(tree: Tree, place: Place, patch: Patch) -> Change:
    return _hold(tree, place, patch, "append")


def _hold(tree: Tree, place: Place, patch: Patch, way: str) -> Change:
    """Has a node hold more."""
    reader = Reader(tree, tree.count)
    new = reader.read_all(patch[way], _below(place))
    tree.put_children(place, [*place.node.get("children", ()), *new], new)
    told = {"id": patch["id"], way: fragment(new)}
    if place.is_hidden or not any(has_hidden(node) for node in new):
        return _told(told, place.is_hidden)
    left = [found for node in new if (found := for_clients(node)) is not None]
    return Change(told, {**told, way: fragment(left)})


def _remove(tree: Tree, place: Place, patch: Patch) -> Change:
    if patch["remove"] is not True:
        raise Wrong("remove must be true")
    if place.above is None:
        raise Wrong("the root cannot be removed; show another tree")
    was_hidden = place.is_hidden
    tree.forget(place.node)
    kept = [child for child in place.above.node["children"] if child is not place.node]
    tree.put_children(place.above, kept, [])
    return _told({"id": patch["id"], "remove": True}, was_hidden)


def _lines(tree: Tree, place: Place, patch: Patch) -> Change:
    node = _of(place, "log")
    new = _checked("lines", newest_lines, patch["lines"])
    tree.put(node, lines=[*node["lines"], *new][-node.get("keep", KEEP_LINES) :])
    return _told({"id": patch["id"], "lines": new}, place.is_hidden)


def _points(tree: Tree, place: Place, patch: Patch) -> Change:
    node, given = _of(place, "chart"), patch["points"]
    keep = _checked("keep", keep_points, patch.get("keep", tables.KEEP_POINTS))
    x = node.get("x", "time")
    if not isinstance(given, dict) or x == "category":
        raise Wrong("points must be an object, and the chart's x must be time or number")
    known = [one["name"] for one in node["series"]]
    if stray := [name for name in given if name not in known]:
        raise Wrong(f"the chart has no series called {ascii(stray[0])[:80]}")
    new = {name: tables.points(points, x)[-keep:] for name, points in given.items()}
    series = [{**one, "data": [*one["data"], *new.get(one["name"], ())][-keep:]} for one in node["series"]]
    tables.require_few_points(series)
    tree.put(node, series=series)
    return _told({"id": patch["id"], "points": new, "keep": keep}, place.is_hidden)


def _rows(tree: Tree, place: Place, patch: Patch) -> Change:
    node = _of(place, "table")
    new = _checked("rows", lambda given: tables.rows(given, node["columns"]), patch.get("rows", []))
    drop = _checked("drop", list_of(text), patch.get("drop", []))
    gone = set(drop)
    rows = {row["key"]: row for row in node["rows"] if row["key"] not in gone}
    rows.update((row["key"], row) for row in new)
    tables.require_few_cells(len(rows), len(node["columns"]))
    tree.put(node, rows=list(rows.values()))
    return _told({"id": patch["id"], "rows": new, "drop": drop}, place.is_hidden)


WAYS: Final[Mapping[str, Callable[[Tree, Place, Patch], Change | None]]] = {
    "set": _set,
    "replace": _replace,
    "children": _children,
    "append": _append,
    "remove": _remove,
    "lines": _lines,
    "points": _points,
    "rows": _rows,
    "drop": _rows,
}


def _work(place: Place, way: str, patch: Patch) -> int:
    """What a patch touches, what stays as it is included."""
    node, work = place.node, 1
    given = patch["set"] if way == "set" and isinstance(patch["set"], dict) else {}
    if way in ("lines", "points", "rows", "drop") or any(name in TOGETHER.get(node["type"], ()) for name in given):
        work += len(node.get("lines", ())) + len(node.get("rows", ()))
        work += sum(len(one["data"]) for one in node.get("series", ()))
    if way in ("replace", "children", "append", "remove"):
        work += sum(1 for _ in nodes_below(node))
        work += 0 if place.above is None else len(place.above.node["children"])
    if (way in ("replace", "children", "append") or "name" in given) and (form := place.form) is not None:
        work += sum(1 for _ in nodes_below(form.node))
    return work


def _told(patch: Patch, is_hidden: bool) -> Change:
    return Change(patch, None if is_hidden else patch)


def _fields(node: Node) -> Mapping[str, Any]:
    kind = KINDS.get(node["type"])
    return {} if kind is None else kind.fields


def _of(place: Place, type_: str) -> Node:
    if place.node["type"] != type_:
        raise Wrong(f"it is no {type_}")
    return place.node


def _checked(what: str, check: Callable[[Any], Any], given: Any) -> Any:
    try:
        return check(given)
    except Wrong as error:
        raise Wrong(sentence(what, error)) from None


def _below(place: Place, without: Node | None = None) -> Spot:
    """Where a child of a node stands."""
    node = place.node
    return Spot(place.depth + 1, node["type"], _names(place, without), str(node.get("id", node["type"])))


def _names(place: Place, without: Node | None) -> set[str] | None:
    """Of the fields of the form around a place, but for those in `without`; None outside of forms."""
    form = place.form
    if form is None:
        return None
    skipped = set() if without is None else {id(without), *map(id, nodes_below(without))}
    return {node["name"] for node in nodes_below(form.node) if node["type"] == "field" and id(node) not in skipped}
