"""Small changes of a tree: what each does, what is refused, and that a refused message changes nothing."""

import copy
import time
from typing import Any

import orjson
import pytest

from app.plugins.pages.nodes import MOST_BYTES, MOST_DEPTH, MOST_NODES
from app.plugins.pages.patches import apply_patches
from app.plugins.pages.reader import PageRefused
from app.plugins.pages.tree import Tree
from app.plugins.pages.visible import for_clients


def badge(node_id: str, **fields: Any) -> dict[str, Any]:
    return {"type": "badge", "id": node_id, "text": node_id, **fields}


def a_tree() -> Tree:
    """One of each that patches are about."""
    columns = [{"key": "name", "label": "Name"}, {"key": "size", "label": "Size", "kind": "bytes"}]
    field = {"type": "field", "id": "f", "name": "f", "label": "F"}
    return Tree(
        {
            "type": "column",
            "id": "root",
            "children": [
                {"type": "card", "id": "card", "title": "Card", "children": [badge("one"), badge("two")]},
                {"type": "table", "id": "table", "columns": columns, "rows": [{"key": "a", "name": "A"}]},
                {"type": "chart", "id": "chart", "x": "number", "series": [{"name": "s", "data": [[1, 1]]}]},
                {"type": "log", "id": "log", "lines": ["a"], "keep": 3},
                {"type": "form", "id": "form", "children": [field, {"type": "row", "id": "row"}]},
                {"type": "hologram", "id": "unknown"},
                {"type": "card", "id": "secret", "only": "admin", "children": [badge("deep")]},
            ],
        }
    )


def decoded(patch: Any) -> Any:
    """As a viewer gets it."""
    return None if patch is None else orjson.loads(orjson.dumps(patch))


def after(tree: Tree, *patches: Any) -> list[Any]:
    """Applies; what admins are told."""
    changes, _ = apply_patches(tree, list(patches))
    return [decoded(change.admins) for change in changes]


def node(tree: Tree, node_id: str) -> Any:
    place = tree.find(node_id)
    assert place is not None
    return place.node


def test_fields_are_set_and_taken_away() -> None:
    tree = a_tree()
    given: dict[str, Any] = {"title": "New", "subtitle": "x", "icon": None, "style": "x", "width": 6}
    told = after(tree, {"id": "card", "set": given}, {"id": "card", "set": {"subtitle": None}})
    assert told[0] == {"id": "card", "set": {"title": "New", "subtitle": "x", "icon": None, "width": 6}}
    assert told[1] == {"id": "card", "set": {"subtitle": None}}
    shown = {name: value for name, value in node(tree, "card").items() if name != "children"}
    assert shown == {"type": "card", "id": "card", "title": "New", "width": 6}


def test_nodes_are_replaced_added_and_removed() -> None:
    tree = a_tree()
    told = after(
        tree,
        {"id": "one", "replace": {"type": "text", "text": "1"}},
        {"id": "card", "append": [badge("three")]},
        {"id": "two", "remove": True},
        {"id": "row", "children": [badge("in-a-form")]},
    )
    assert [child["id"] for child in node(tree, "card")["children"]] == ["one", "three"]
    assert node(tree, "one") == {"type": "text", "id": "one", "text": "1"}
    assert told[0] == {"id": "one", "replace": {"type": "text", "id": "one", "text": "1"}}
    assert told[1] == {"id": "card", "append": [badge("three")]}
    assert told[2:] == [{"id": "two", "remove": True}, {"id": "row", "children": [badge("in-a-form")]}]
    assert tree.find("two") is None
    assert after(tree, {"id": "one", "replace": badge("another")}) == [{"id": "one", "replace": badge("another")}]
    assert tree.find("one") is None
    assert node(tree, "another") == badge("another")


def test_the_root_can_be_replaced() -> None:
    tree = a_tree()
    after(tree, {"id": "root", "replace": {"type": "row", "children": [badge("one")]}})
    assert tree.root == {"type": "row", "id": "root", "children": [badge("one")]}
    assert (tree.count, tree.find("card")) == (2, None)


def test_what_grows_keeps_its_newest() -> None:
    tree = a_tree()
    told = after(tree, {"id": "log", "lines": ["b", "c", "d"]}, {"id": "chart", "points": {"s": [[2, 2], [3, None]]}})
    assert node(tree, "log")["lines"] == ["b", "c", "d"]
    assert node(tree, "chart")["series"] == [{"name": "s", "data": [[1, 1], [2, 2], [3, None]]}]
    assert told[1] == {"id": "chart", "points": {"s": [[2, 2], [3, None]]}, "keep": 500}
    after(tree, {"id": "chart", "points": {"s": [[4, 4]]}, "keep": 2})
    assert node(tree, "chart")["series"] == [{"name": "s", "data": [[3, None], [4, 4]]}]


def test_rows_are_replaced_added_and_dropped() -> None:
    tree = a_tree()
    after(tree, {"id": "table", "rows": [{"key": "b", "size": 1}, {"key": "a", "name": "new", "other": 7}]})
    assert node(tree, "table")["rows"] == [{"key": "a", "name": "new"}, {"key": "b", "size": 1}]
    told = after(tree, {"id": "table", "drop": ["a", "gone"], "rows": [{"key": "c"}]}, {"id": "table", "drop": ["b"]})
    assert node(tree, "table")["rows"] == [{"key": "c"}]
    assert told[1] == {"id": "table", "rows": [], "drop": ["b"]}


def test_what_has_to_follow_is_told() -> None:
    tree = a_tree()
    after(tree, {"id": "log", "lines": ["b", "c"]})
    assert after(tree, {"id": "log", "set": {"keep": 1}}) == [{"id": "log", "set": {"keep": 1, "lines": ["c"]}}]
    columns = [{"key": "size", "label": "Size"}]
    (told,) = after(tree, {"id": "table", "set": {"columns": columns}})
    assert told["set"] == {"columns": columns, "rows": [{"key": "a"}]}
    assert after(tree, {"id": "table", "set": {"caption": "C"}}) == [{"id": "table", "set": {"caption": "C"}}]


def test_an_unknown_node_takes_nothing_but_its_place() -> None:
    tree = a_tree()
    assert after(tree, {"id": "unknown", "set": {"text": "x"}}) == []
    assert after(tree, {"id": "unknown", "set": {"width": 3, "text": "x"}}) == [{"id": "unknown", "set": {"width": 3}}]


REFUSED: list[tuple[Any, str]] = [
    ("x", "A patch must be an object."),
    ({"set": {}}, "There is no node with the id None."),
    ({"id": "nobody", "set": {}}, "There is no node with the id 'nobody'."),
    ({"id": ["card"], "set": {}}, "There is no node with the id"),
    ({"id": "card"}, "card: a patch must have exactly one of set, replace,"),
    ({"id": "card", "set": {}, "remove": True}, "card: a patch must have exactly one of"),
    ({"id": "card", "set": []}, "card: set must be an object."),
    ({"id": "card", "set": {"id": "x"}}, "card: set cannot change type, id, children."),
    ({"id": "card", "set": {"type": "row"}}, "card: set cannot change type, id, children."),
    ({"id": "card", "set": {"children": []}}, "card: set cannot change type, id, children."),
    ({"id": "card", "set": {"title": 7}}, "card: title must be text."),
    ({"id": "one", "set": {"text": None}}, "one: text is missing."),
    ({"id": "table", "set": {"rows": [{"key": "a", "size": "large"}]}}, "table: rows[0].size must be a number."),
    ({"id": "table", "rows": [{"key": "a", "size": "large"}]}, "table: rows[0].size must be a number."),
    ({"id": "table", "drop": "a"}, "table: drop must be a list."),
    ({"id": "card", "rows": []}, "card: it is no table."),
    ({"id": "chart", "set": {"x": "time"}}, "chart: series[0].data[0] must be a time"),
    ({"id": "chart", "points": {"t": [[1, 1]]}}, "chart: the chart has no series called 't'."),
    ({"id": "chart", "points": {"s": [["now", 1]]}}, "chart: [0] must be a number."),
    ({"id": "chart", "points": [[1, 1]]}, "chart: points must be an object"),
    ({"id": "chart", "points": {"s": []}, "keep": 0}, "chart: keep must be a whole number from 1 to 5000."),
    ({"id": "card", "points": {}}, "card: it is no chart."),
    ({"id": "log", "lines": "x"}, "log: lines must be a list."),
    ({"id": "card", "lines": []}, "card: it is no log."),
    ({"id": "card", "remove": False}, "card: remove must be true."),
    ({"id": "root", "remove": True}, "root: the root cannot be removed; show another tree."),
    ({"id": "card", "append": [badge("one")]}, "one: this id is there twice."),
    ({"id": "card", "append": [{"type": "field", "name": "x", "label": "X"}]}, "card > field: a field must be within"),
    ({"id": "row", "append": [{"type": "field", "name": "f", "label": "X"}]}, 'fields with the name "f".'),
    ({"id": "row", "replace": {"type": "form", "id": "x"}}, "x: a form cannot be within a form."),
    ({"id": "one", "append": [badge("x")]}, "one: badge cannot have children."),
    ({"id": "unknown", "append": [badge("x")]}, "unknown: hologram cannot have children."),
    ({"id": "card", "children": badge("x")}, "card: children must be a list."),
    ({"id": "card", "append": [badge(f"n{n}") for n in range(MOST_NODES)]}, "more than 2,000 nodes."),
    ({"id": "one", "set": {"text": "x" * MOST_BYTES}}, "The tree is larger than 256 KiB."),
    ({"id": "one", "set": {"text": "x" * 3 * MOST_BYTES}}, "The patches are larger than 512 KiB."),
]


@pytest.mark.parametrize(("patch", "sentence"), REFUSED, ids=[str(number) for number in range(len(REFUSED))])
def test_a_message_with_one_wrong_patch_changes_nothing(patch: Any, sentence: str) -> None:
    tree = a_tree()
    before, count = copy.deepcopy(tree.root), tree.count
    patches: list[Any] = [
        {"id": "two", "remove": True},
        {"id": "secret", "set": {"only": None, "title": "Open"}},
        {"id": "deep", "replace": badge("deeper")},
        {"id": "card", "append": [badge("three")]},
        {"id": "log", "lines": ["b"]},
        patch,
    ]
    with pytest.raises(PageRefused) as refused:
        apply_patches(tree, patches)
    assert sentence in str(refused.value)
    assert (tree.root, tree.count) == (before, count)
    assert tree.find("three") is None
    assert tree.find("deeper") is None
    assert node(tree, "deep") is node(tree, "secret")["children"][0]
    assert after(tree, {"id": "two", "set": {"text": "still"}}, {"id": "deep", "remove": True})


ROWS = [{"key": f"{number}"} for number in range(5_000)]
COLUMNS = [{"key": "name", "label": "N"}]
STORMS: dict[str, tuple[Any, Any]] = {
    "columns of a long table": (
        {"type": "table", "id": "n", "columns": COLUMNS, "rows": ROWS},
        {"id": "n", "set": {"columns": COLUMNS}},
    ),
    "rows of a long table": (
        {"type": "table", "id": "n", "columns": COLUMNS, "rows": ROWS},
        {"id": "n", "rows": [{"key": "1"}]},
    ),
    "points of a long chart": (
        {"type": "chart", "id": "n", "x": "number", "series": [{"name": "s", "data": [[n, 0] for n in range(5_000)]}]},
        {"id": "n", "points": {"s": [[1, 1]]}, "keep": 5_000},
    ),
    "lines of a long log": (
        {"type": "log", "id": "n", "keep": 1_000, "lines": ["x"] * 1_000},
        {"id": "n", "lines": ["y"]},
    ),
    "children of a large form": (
        {"type": "form", "id": "f", "children": [badge("n"), *({"type": "badge", "text": ""} for _ in range(1_990))]},
        {"id": "n", "replace": {"type": "row"}},
    ),
    "the root, again and again": (
        {"type": "column", "id": "n", "children": [{"type": "badge", "text": ""} for _ in range(1_990)]},
        {"id": "n", "replace": {"type": "row"}},
    ),
}


@pytest.mark.parametrize("name", STORMS)
def test_no_message_holds_up_everything_else(name: str) -> None:
    given, one_patch = STORMS[name]
    tree = Tree(given)
    began = time.perf_counter()
    try:
        apply_patches(tree, [one_patch] * 2_000)
    except PageRefused as error:
        assert "touch more than 20,000" in str(error)  # noqa: PT017 - either is right
    assert time.perf_counter() - began < 0.3
    apply_patches(tree, [one_patch])


def test_patches_are_a_list_with_an_end() -> None:
    for given in (None, dict[str, Any](), [{"id": "one", "set": {}}] * 2_001):
        with pytest.raises(PageRefused, match="patches must be a list of at most 2,000"):
            apply_patches(a_tree(), given)


def test_no_patch_grows_a_tree_past_its_depth() -> None:
    tree = Tree({"type": "column", "id": "c1"})
    for depth in range(2, MOST_DEPTH + 1):
        apply_patches(tree, [{"id": f"c{depth - 1}", "append": [{"type": "column", "id": f"c{depth}"}]}])
    with pytest.raises(PageRefused, match="c17: deeper than 16 levels"):
        apply_patches(tree, [{"id": "c16", "append": [{"type": "column", "id": "c17"}]}])


def test_a_tree_that_shrinks_has_room_again() -> None:
    tree = Tree({"type": "column", "children": [badge("one"), badge("two")]})
    for _ in range(5):
        apply_patches(tree, [{"id": "one", "set": {"text": "x" * 200_000}}])
    with pytest.raises(PageRefused, match="larger than 256 KiB"):
        apply_patches(tree, [{"id": "two", "set": {"text": "x" * 100_000}}])
    patches = [{"id": "one", "set": {"text": "short"}}, {"id": "two", "set": {"text": "x" * 200_000}}]
    apply_patches(tree, patches)
    assert len(orjson.dumps(tree.root)) < MOST_BYTES


CLIENTS: list[tuple[Any, Any]] = [
    ({"id": "deep", "set": {"text": "x"}}, None),
    ({"id": "secret", "set": {"title": "x"}}, None),
    ({"id": "deep", "remove": True}, None),
    ({"id": "secret", "remove": True}, None),
    ({"id": "secret", "append": [badge("x")]}, None),
    ({"id": "secret", "replace": badge("secret", only="admin")}, None),
    ({"id": "deep", "replace": badge("deep")}, None),
    ({"id": "deep", "set": {"only": "admin"}}, None),
    ({"id": "secret", "replace": badge("secret")}, "anew"),
    ({"id": "secret", "set": {"only": None}}, "anew"),
    ({"id": "one", "set": {"only": "admin"}}, "anew"),
    ({"id": "one", "replace": badge("one", only="admin")}, "anew"),
    ({"id": "one", "set": {"text": "x"}}, {"id": "one", "set": {"text": "x"}}),
    ({"id": "one", "remove": True}, {"id": "one", "remove": True}),
    (
        {"id": "card", "append": [badge("x"), badge("y", only="admin")]},
        {"id": "card", "append": [badge("x")]},
    ),
    (
        {"id": "card", "replace": {"type": "row", "children": [badge("x"), badge("y", only="admin")]}},
        {"id": "card", "replace": {"type": "row", "id": "card", "children": [badge("x")]}},
    ),
]


@pytest.mark.parametrize(("patch", "expected"), CLIENTS, ids=[str(number) for number in range(len(CLIENTS))])
def test_clients_are_told_what_they_may_see(patch: Any, expected: Any) -> None:
    tree = a_tree()
    (change,), _ = apply_patches(tree, [patch])
    assert ("anew" if change.shows_anew else decoded(change.clients)) == expected
    seen = orjson.dumps(for_clients(tree.root)).decode()
    assert '"only"' not in seen


def test_what_was_handed_out_does_not_change_later() -> None:
    """A patch waits for its delivery while the tree goes on."""
    tree = a_tree()
    changes, _ = apply_patches(
        tree,
        [
            {"id": "card", "append": [{"type": "log", "id": "new", "lines": ["1"]}]},
            {"id": "new", "lines": ["2"]},
            {"id": "table", "set": {"rows": [{"key": "x"}]}},
            {"id": "table", "rows": [{"key": "y"}]},
        ],
    )
    apply_patches(tree, [{"id": "new", "lines": ["3"]}, {"id": "table", "drop": ["x", "y"]}])
    told = [decoded(change.admins) for change in changes]
    assert told[0]["append"][0]["lines"] == ["1"]
    assert told[1]["lines"] == ["2"]
    assert told[2]["set"]["rows"] == [{"key": "x"}]
    assert told[3]["rows"] == [{"key": "y"}]
