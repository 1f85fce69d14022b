"""Answers of plugins: both shapes of protocol 1, the one of protocol 2, and what is none."""

import base64
import json

import pytest

from app.plugins.answers import read_answer1, read_answer2
from app.plugins.wire import MAX_BODY, PluginAnswer, PluginRefused


def wrapped(inner: object) -> dict[str, object]:
    body = inner if isinstance(inner, str) else json.dumps(inner)
    payload = {"method": "RESPONSE", "path": "", "headers": {}, "body": body}
    return {"type": "http", "request_id": "r", "payload": payload}


@pytest.mark.parametrize("shape", [lambda inner: inner, wrapped], ids=["direct", "wrapped"])
def test_both_shapes_of_protocol_1_say_the_same(shape: object) -> None:
    inner = {"status": 201, "headers": {"A": "b", "C": "d"}, "body": "grüße"}
    assert read_answer1(shape(inner)) == PluginAnswer(201, [("A", "b"), ("C", "d")], "grüße".encode())  # type: ignore[operator]


@pytest.mark.parametrize("shape", [lambda inner: inner, wrapped], ids=["direct", "wrapped"])
def test_a_missing_status_is_500_and_missing_headers_are_none(shape: object) -> None:
    assert read_answer1(shape({"body": "x"})) == PluginAnswer(500, [], b"x")  # type: ignore[operator]
    assert read_answer1(shape({})) == PluginAnswer(500, [], b"")  # type: ignore[operator]


@pytest.mark.parametrize(
    ("body", "content"),
    [("text", b"text"), (None, b""), ({"a": 1}, b'{"a":1}'), ([1, 2], b"[1,2]"), (7, b"7"), (True, b"true"), ("", b"")],
)
def test_the_body_within_a_wrapped_answer_may_be_any_json(body: object, content: bytes) -> None:
    assert read_answer1(wrapped({"status": 200, "body": body})).body == content


def test_a_wrapped_answer_is_told_by_its_payload_never_by_its_method() -> None:
    direct = {"status": 200, "method": "RESPONSE", "payload": "not an object", "body": "direct"}
    assert read_answer1(direct).body == b"direct"
    other = wrapped({"status": 200, "body": "wrapped"})
    other["payload"] = {**other["payload"], "method": "GET"}  # type: ignore[dict-item]
    assert read_answer1(other).body == b"wrapped"


@pytest.mark.fault("G24")
@pytest.mark.parametrize("status", [0, 99, 100, 101, 199, 600, 1000, -1, "200", 200.0, True, None, [200]])
@pytest.mark.parametrize("read", [read_answer1, read_answer2])
def test_a_status_is_a_number_from_200_to_599(read: object, status: object) -> None:
    with pytest.raises(PluginRefused, match="status"):
        read({"status": status, "body": ""})  # type: ignore[operator]


@pytest.mark.parametrize("payload", [None, "text", 5, [], [{"status": 200}]])
@pytest.mark.parametrize("read", [read_answer1, read_answer2])
def test_an_answer_is_an_object(read: object, payload: object) -> None:
    with pytest.raises(PluginRefused):
        read(payload)  # type: ignore[operator]


@pytest.mark.parametrize("inner", ["no JSON", "", "[]", '"text"', '{"status": NaN}'])
def test_a_wrapped_answer_without_one_in_it_is_refused(inner: str) -> None:
    with pytest.raises(PluginRefused):
        read_answer1(wrapped(inner))


def test_headers_are_texts_and_a_list_is_several() -> None:
    told = read_answer1({"status": 200, "headers": {"set": ["a", "b"], "length": 5}})
    assert told.headers == [("set", "a"), ("set", "b"), ("length", "5")]
    for bad in (["a"], "a", {"a": {"b": "c"}}, {"a": None}, {"a": [None]}):
        with pytest.raises(PluginRefused):
            read_answer1({"status": 200, "headers": bad})


def test_a_body_has_at_most_8_mib() -> None:
    assert len(read_answer1({"status": 200, "body": "x" * MAX_BODY}).body) == MAX_BODY
    with pytest.raises(PluginRefused, match="larger than 8 MiB"):
        read_answer1({"status": 200, "body": "x" * (MAX_BODY + 1)})
    with pytest.raises(PluginRefused, match="larger than 8 MiB"):
        read_answer1({"status": 200, "body": "ü" * (MAX_BODY // 2 + 1)})


def test_protocol_2_carries_bytes() -> None:
    content = bytes(range(256))
    payload = {"status": 200, "body": base64.b64encode(content).decode(), "body_encoding": "base64"}
    assert read_answer2(payload).body == content
    assert read_answer2({"status": 200, "body": "text", "body_encoding": "text"}).body == b"text"
    assert read_answer2({"status": 200, "body": "text"}).body == b"text"
    for bad in ({"body": "===", "body_encoding": "base64"}, {"body": "a b c d", "body_encoding": "base64"}):
        with pytest.raises(PluginRefused, match="base64"):
            read_answer2({"status": 200, **bad})
    with pytest.raises(PluginRefused, match="body_encoding"):
        read_answer2({"status": 200, "body": "x", "body_encoding": "gzip"})
