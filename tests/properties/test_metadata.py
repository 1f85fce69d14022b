"""What plugins say of themselves: any bytes are a description that keeps every rule, or one sentence."""

import json
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.plugins.metadata import ID, RESERVED, ROUTE, BadMetadata, Metadata, parse
from tests.properties.support import JSON, examples, spoilt
from tests.support.evidence import Evidence

pytestmark = pytest.mark.timeout(1200)

GOOD = {"id": "hello", "name": "Hello", "version": "1", "icon": "🧩", "route": "/hello", "protocol": "2"}
ODD = st.text(max_size=30) | st.sampled_from(
    [
        "",
        " ",
        "/",
        "//",
        "/..",
        "/a/b",
        "/API",
        "/api",
        "/%2e",
        "a\nb",
        "\u202e",
        "\u200b",
        "\ud800",
        "x" * 2000,
        "route",
    ]
)
FIELDS = st.sampled_from(
    [
        "id",
        "name",
        "version",
        "author",
        "icon",
        "route",
        "protocol",
        "page",
        "description",
        "license",
        "license_public_key",
    ]
)
CHANGES = st.dictionaries(
    FIELDS, ODD | JSON | st.sampled_from(["1", "2", "tree", "bundle", "required", "A" * 43]), max_size=4
)


def judged(printed: bytes) -> Metadata | None:
    """The description, or None after a refusal that a person can read."""
    try:
        return parse(printed)
    except BadMetadata as refused:
        sentence = str(refused)
        assert sentence.endswith(".")
        assert len(sentence) < 400
        assert all(sign.isprintable() for sign in sentence), sentence
        return None


def require_rules(found: Metadata) -> None:
    """Whatever was accepted can stand in an address, in a file name and on a page."""
    assert ID.fullmatch(found.id)
    assert found.id != "route"
    assert ROUTE.fullmatch(found.route)
    assert ".." not in found.route
    assert found.route.lower() not in RESERVED
    assert found.protocol in ("1", "2")
    assert found.page in ("bundle", "tree")
    for text in (found.name, found.version, found.icon, found.author or "-", found.description or "-"):
        assert text == text.strip()
        assert text
        assert not any(unicodedata.category(sign) in ("Cc", "Cs") for sign in text)


@examples(100, 8_000)
@given(CHANGES)
def test_a_changed_description_keeps_the_rules_or_is_refused(evidence: Evidence, changes: dict[str, Any]) -> None:
    evidence.inputs["metadata"] += 1
    found = judged(json.dumps(GOOD | changes).encode())
    if found is not None:
        require_rules(found)


@examples(20, 8_000)
@given(CHANGES, st.integers(0))
def test_a_spoilt_description_keeps_the_rules_or_is_refused(
    evidence: Evidence, changes: dict[str, Any], seed: int
) -> None:
    for text in spoilt(json.dumps(GOOD | changes, ensure_ascii=False).encode("utf-8", "surrogatepass"), seed):
        evidence.inputs["metadata"] += 1
        found = judged(text)
        if found is not None:
            require_rules(found)


@examples(50, 6_000)
@given(st.binary(max_size=100) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_refused_with_a_sentence(evidence: Evidence, printed: bytes) -> None:
    evidence.inputs["metadata"] += 1
    assert judged(printed) is None


@examples(50, 3_000)
@given(
    st.from_regex(ID, fullmatch=True),
    st.from_regex(ROUTE, fullmatch=True),
    st.text("abcä🧩 -", min_size=1).filter(str.strip),
)
def test_a_description_that_keeps_the_rules_is_taken_as_it_is(
    evidence: Evidence, plugin_id: str, route: str, name: str
) -> None:
    evidence.inputs["metadata"] += 1
    found = judged(json.dumps(GOOD | {"id": plugin_id, "route": route, "name": name[:100]}).encode())
    if plugin_id == "route" or ".." in route or route == "/." or route.lower() in RESERVED:
        assert found is None
    elif name[:100].strip():
        assert found is not None
        assert (found.id, found.route, found.name) == (plugin_id, route, name[:100].strip())
