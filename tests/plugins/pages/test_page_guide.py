"""What plugins/PROTOCOL.md says about pages is true: its examples, its tables of nodes and cells, its numbers."""

import json
import re
from typing import Any

import pytest

from app.plugins.pages import checks, events, forms, link, messages, nodes, patches, sockets, tables, tree
from app.plugins.pages.audience import INTERVAL
from app.plugins.wire import ANSWER_SECONDS
from tests.support.server import ROOT

GUIDE = (ROOT / "plugins" / "PROTOCOL.md").read_text()
PART = GUIDE.partition("\n## Pages\n")[2].partition("\n## ")[0]
EXAMPLES = [json.loads(text) for text in re.findall(r"```json\n(.*?)```", PART, re.DOTALL)]
SHOW, PATCH, EVENT, DONE, WATCHED, REFUSED = EXAMPLES
TEXTS = ("body", "quiet", "strong", "heading", "mono")


def table(head: str) -> list[list[str]]:
    """The rows below a line that begins a table."""
    body = PART.partition(f"\n{head}")[2].partition("\n\n")[0]
    lines = [line for line in body.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line[1:-1].split("|")] for line in lines]


def named(text: str) -> list[str]:
    return re.findall(r"`(\w+)`", text)


def shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items()}
    return type(value).__name__


def test_the_examples_are_good() -> None:
    shown = tree.Tree(SHOW["payload"]["tree"])
    assert shown.root == SHOW["payload"]["tree"]
    patches.apply_patches(shown, PATCH["payload"]["patches"])
    assert '"value": 82' in json.dumps(shown.root)
    assert events.read_reply(DONE["payload"]).message == "3 packages were removed."
    assert DONE["request_id"] == EVENT["request_id"]


def test_what_toru_says_is_said_like_that() -> None:
    asked = EVENT["payload"]
    assert messages.event(asked["id"], asked["event"], asked["value"], asked["viewer"]) == asked
    assert messages.watched(1) == WATCHED["payload"]
    assert shape(messages.refused("x")) == shape(REFUSED["payload"])


def test_every_node_is_told_with_its_fields() -> None:
    rows = {row[0].strip("`"): row for row in table("| type |")}
    assert rows.keys() == nodes.KINDS.keys()
    for type_, (_, fields, children, event, *_) in rows.items():
        kind = nodes.KINDS[type_]
        told = set(named(fields))
        assert kind.fields.keys() <= told, type_
        assert set(re.findall(r"\*\*`(\w+)`\*\*", fields)) == set(kind.needed), type_
        assert bool(children) == kind.holds, type_
        assert named(event) == ([events.EVENTS[type_]] if type_ in events.EVENTS else []), type_
    assert {row[0].strip("`") for row in table("| field | |")} == {*nodes.EVERY, "children"}


def test_every_choice_is_told() -> None:
    words = set(re.findall(r"[a-z]+", PART))
    for choices in (
        checks.TONES,
        nodes.FIELD_KINDS,
        events.REPLY_KINDS,
        ("body", "quiet", "strong", "heading", "mono"),
    ):
        assert set(choices) <= words
    assert f"`{' '.join(nodes.FIELD_KINDS)}`" in PART
    assert f"`{' '.join(checks.TONES)}`" in PART
    cells = [name for row in table("| `kind` | cell |") for name in named(row[0])]
    assert sorted(cells) == sorted(tables.CELLS)


def test_every_way_of_patches_is_told() -> None:
    rows = re.findall(
        r"(?m)^\| ((?:`\w+`(?:, )?)+) \|", PART.partition("**Patches.**")[2].partition("**Delivery.**")[0]
    )
    assert [name for row in rows for name in named(row)] == list(patches.WAYS)


@pytest.mark.parametrize(
    ("sentence", "holds"),
    [
        ("2,000 nodes, 16 levels, 256 KiB",
         (nodes.MOST_NODES, nodes.MOST_DEPTH, nodes.MOST_BYTES) == (2000, 16, 1 << 18)),
        ("| patches in a message | 2,000, 512 KiB", (patches.MOST_PATCHES, tree.MOST_MESSAGE) == (2_000, 512 << 10)),
        ("touch at most 20,000 nodes, rows, points and lines", tree.MOST_WORK == 20_000),
        ("`rows` are at most 5,000 objects", tables.MOST_ROWS == 5_000),
        ("| messages about a page | 200 a second, 200 at once |",
         (link.MESSAGES_A_SECOND, link.MESSAGES_AT_ONCE) == (200, 200)),
        ("It may send 200 `page` messages a second, 200 more at once", link.MESSAGES_A_SECOND == 200),
        ("| events on pages under way at a plugin | 64 |", link.MOST_EVENTS == 64),
        ("while at most 64 events are under way", link.MOST_EVENTS == 64),
        ("at most 5 times a second", link.WATCHED_SECONDS == 0.2),
        ("at most once a second", link.REFUSED_SECONDS == 1),
        ("at most 20 times a second", INTERVAL == 0.05),
        ("answers within 30 seconds, in any order", ANSWER_SECONDS == 30),
        ("at most 64 KiB: headings", checks.MOST_MARKDOWN == 64 << 10),
        ("`keep`: 500, at most 1,000", (nodes.KEEP_LINES, nodes.MOST_LINES) == (500, 1_000)),
        ("500 when missing", tables.KEEP_POINTS == 500),
        ('at most 8 objects `{"name": …, "data": […]}` with 5,000 points together',
         (tables.MOST_SERIES, tables.MOST_POINTS) == (8, 5_000)),
        ("`key` or `href`; at most 100 columns", tables.RESERVED == ("key", "href")),
        ("a **`key`** of 1 to 200 characters", checks.MOST_KEY == 200),
        ("an emoji or text of at most 8 characters", checks.MOST_ICON == 8),
        ("`max_length` (10,000 at most)", forms.MOST_LENGTH == 10_000),
        ("with a whole number n, at most 10 a second", sockets.EVENTS_A_SECOND == 10),
    ],
)  # fmt: skip
def test_every_number_is_the_cores(sentence: str, holds: bool) -> None:
    assert sentence in GUIDE
    assert holds
