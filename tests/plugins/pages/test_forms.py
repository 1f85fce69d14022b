"""What somebody typed becomes a value of the right kind, or a sentence."""

from typing import Any

import pytest

from app.plugins.pages.forms import judge

GOOD: list[tuple[dict[str, Any], Any, Any]] = [
    ({}, "text", "text"),
    ({}, "", None),
    ({}, None, None),
    ({"kind": "multiline"}, "a\nb", "a\nb"),
    ({"kind": "password"}, " secret ", " secret "),
    ({"kind": "email"}, "ada@example.com", "ada@example.com"),
    ({"kind": "email"}, "root@localhost", "root@localhost"),
    ({"kind": "url"}, "https://example.com/x?y", "https://example.com/x?y"),
    ({"kind": "number"}, "1.5", 1.5),
    ({"kind": "number"}, 1.5, 1.5),
    ({"kind": "number"}, "-.5e1", -5.0),
    ({"kind": "number"}, "2.", 2.0),
    ({"kind": "integer"}, "9007199254740993", 9007199254740993),
    ({"kind": "number", "min": 0, "max": 3}, "3", 3),
    ({"kind": "integer"}, "7", 7),
    ({"kind": "number"}, "99999999999999999999", 1e20),
    ({"kind": "integer"}, 7.0, 7),
    ({"kind": "integer"}, "", None),
    ({"kind": "switch"}, True, True),
    ({"kind": "switch"}, None, False),
    ({"kind": "switch", "required": True}, False, False),
    ({"kind": "select", "options": [{"value": "a", "text": "A"}]}, "a", "a"),
    ({"kind": "date"}, "2030-01-31", "2030-01-31"),
    ({"kind": "time"}, "23:59", "23:59"),
    ({"kind": "time"}, "23:59:59", "23:59:59"),
]
BAD: list[tuple[dict[str, Any], Any, str]] = [
    ({"required": True}, "", "This is needed."),
    ({"required": True}, None, "This is needed."),
    ({}, ["x"], "This must be text."),
    ({}, 7, "This must be text."),
    ({}, "a\nb", "This must be one line."),
    ({}, "x" * 10_001, "This must have at most 10,000 characters."),
    ({"max_length": 3}, "four", "This must have at most 3 characters."),
    ({"kind": "email"}, "ada", "This must be an e-mail address."),
    ({"kind": "email"}, "a@b@c", "This must be an e-mail address."),
    ({"kind": "url"}, "javascript:alert(1)", "This must be an address that begins with http:// or https://."),
    ({"kind": "url"}, "/scripts", "This must be an address that begins with http:// or https://."),
    ({"kind": "url"}, "https://exa mple", "This must be an address that begins with http:// or https://."),
    ({"kind": "number"}, "many", "This must be a number."),
    ({"kind": "number"}, "1_000", "This must be a number."),
    ({"kind": "number"}, ".", "This must be a number."),
    ({"kind": "number"}, "nan", "This must be a number."),
    ({"kind": "number"}, "1e999", "This must be a number."),
    ({"kind": "number"}, "9" * 41, "This must be a number."),
    ({"kind": "number"}, True, "This must be a number."),
    ({"kind": "number"}, [1], "This must be a number."),
    ({"kind": "number", "min": 1}, "0.5", "This must be at least 1."),
    ({"kind": "number", "max": 2.5}, "3", "This must be at most 2.5."),
    ({"kind": "number", "max": 1234567}, "9999999", "This must be at most 1234567."),
    ({"kind": "integer"}, "1.5", "This must be a whole number."),
    ({"kind": "integer"}, "99999999999999999999", "This is too large a number."),
    ({"kind": "integer"}, "1e300", "This is too large a number."),
    ({"kind": "switch"}, "yes", "This is on or off."),
    ({"kind": "select", "options": [{"value": "a", "text": "A"}]}, "b", "Choose one of these."),
    ({"kind": "select", "required": True, "options": []}, "", "This is needed."),
    ({"kind": "date"}, "31.1.2030", "This must be a date."),
    ({"kind": "date"}, "2030-02-31", "This must be a date."),
    ({"kind": "time"}, "25:00", "This must be a time."),
    ({"kind": "time"}, "noon", "This must be a time."),
]


@pytest.mark.parametrize(("field", "typed", "value"), GOOD, ids=[str(number) for number in range(len(GOOD))])
def test_a_good_value_arrives_as_what_it_is(field: dict[str, Any], typed: Any, value: Any) -> None:
    values, problems = judge([{"type": "field", "name": "f", "label": "F", **field}], {"f": typed})
    assert (values, problems) == ({"f": value}, {})
    assert type(values["f"]) is type(value)


@pytest.mark.parametrize(("field", "typed", "sentence"), BAD, ids=[str(number) for number in range(len(BAD))])
def test_a_wrong_one_is_told(field: dict[str, Any], typed: Any, sentence: str) -> None:
    _, problems = judge([{"type": "field", "name": "f", "label": "F", **field}], {"f": typed})
    assert problems == {"f": sentence}


def test_a_form_is_judged_as_a_whole() -> None:
    fields: list[dict[str, Any]] = [
        {"type": "field", "name": "name", "label": "Name", "required": True},
        {"type": "field", "name": "size", "label": "Size", "kind": "integer"},
        {"type": "field", "name": "on", "label": "On", "kind": "switch"},
    ]
    assert judge(fields, {"size": "x", "stray": "y"})[1] == {
        "name": "This is needed.",
        "size": "This must be a number.",
    }
    assert judge(fields, {"name": "n", "stray": "y"}) == ({"name": "n", "size": None, "on": False}, {})
