"""Frames on local sockets, the runner's and the plugins': however they are cut, and whatever comes instead of one."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.framing import FrameError, FrameReader, encode
from app.plugins.channel import encode as encode_for_plugin
from app.plugins.frames import PluginFrames, Unreadable, ValueCount
from tests.properties.support import FINITE, JSON, cut, examples, spoilt
from tests.support.evidence import Evidence

pytestmark = pytest.mark.timeout(1200)

OBJECTS = st.dictionaries(st.text(max_size=8), JSON, max_size=4)
PLACES = st.lists(st.integers(0, 10_000), max_size=8)
LIMIT = 4096


def framed(body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + body


def read(reader: FrameReader | PluginFrames, pieces: list[bytes]) -> tuple[list[Any], bool]:
    """What a reader makes of the pieces, and whether it gave up."""
    found: list[Any] = []
    try:
        for piece in pieces:
            found += reader.feed(piece)
    except FrameError:
        return found, True
    return found, False


@examples(50, 4_000)
@given(st.lists(OBJECTS, max_size=4), PLACES)
def test_what_is_written_is_read_however_it_is_cut(evidence: Evidence, messages: list[Any], places: list[int]) -> None:
    evidence.inputs["frames"] += 1
    stream = b"".join(encode(message) for message in messages)
    reader = FrameReader()
    found, failed = read(reader, cut(stream, places))
    assert not failed
    assert repr(found) == repr(messages)  # NaN is not equal to itself
    assert not reader.is_amid


@examples(40, 4_000)
@given(st.lists(OBJECTS, min_size=1, max_size=3), st.integers(0), PLACES)
def test_a_spoilt_stream_gives_messages_or_one_error(
    evidence: Evidence, messages: list[Any], seed: int, places: list[int]
) -> None:
    for stream in spoilt(b"".join(encode(message) for message in messages), seed):
        evidence.inputs["frames"] += 1
        whole, failed = read(FrameReader(LIMIT), [stream])
        pieces, failed_too = read(FrameReader(LIMIT), cut(stream, places))
        assert failed == failed_too
        assert all(isinstance(message, dict) for message in pieces)
        assert whole == [] or repr(pieces) == repr(whole)


@examples(40, 4_000)
@given(st.binary(max_size=200), st.integers(0), PLACES)
def test_any_bytes_are_messages_or_an_error_and_no_more_is_kept_than_a_frame(
    evidence: Evidence, data: bytes, seed: int, places: list[int]
) -> None:
    for stream in (data, *spoilt(data, seed)):
        evidence.inputs["frames"] += 1
        reader = FrameReader(64)
        try:
            for piece in cut(stream, places):
                reader.feed(piece)
                assert len(reader._buffer) <= 64 + 4
        except FrameError:
            assert len(reader._buffer) <= len(stream)


@examples(100, 4_000)
@given(st.lists(st.tuples(st.sampled_from(["http", "kv", "event", "page"]), FINITE), max_size=3), PLACES)
def test_plugins_are_read_as_they_are_written_to(
    evidence: Evidence, messages: list[tuple[str, Any]], places: list[int]
) -> None:
    evidence.inputs["frames of plugins"] += 1
    stream = b"".join(encode_for_plugin(kind, payload) for kind, payload in messages)
    frames = PluginFrames()
    found, failed = read(frames, cut(stream, places))
    assert not failed
    assert [(message["type"], message["payload"]) for message in found] == [
        (kind, orjson.loads(orjson.dumps(payload))) for kind, payload in messages
    ]
    assert not frames.is_amid


@examples(40, 5_000)
@given(st.binary(max_size=60) | OBJECTS.map(lambda value: json.dumps(value).encode()), st.integers(0), PLACES)
def test_a_plugins_frame_is_read_the_same_however_it_is_cut(
    evidence: Evidence, body: bytes, seed: int, places: list[int]
) -> None:
    for stream in (framed(body), body, *spoilt(framed(body), seed)):
        evidence.inputs["frames of plugins"] += 1
        whole, failed = read(PluginFrames(), [stream])
        pieces, failed_too = read(PluginFrames(), cut(stream, places))
        assert failed == failed_too
        assert whole == [] or repr(whole) == repr(pieces)
        assert all(isinstance(message, dict | Unreadable) for message in pieces)


@examples(50, 4_000)
@given(JSON, PLACES)
def test_values_are_counted_the_same_however_the_text_is_cut(evidence: Evidence, value: Any, places: list[int]) -> None:
    text = json.dumps(value).encode()
    evidence.inputs["frames of plugins"] += 1
    whole, pieces = ValueCount(), ValueCount()
    whole.feed(text)
    for piece in cut(text, places):
        pieces.feed(piece)
    assert whole.values == pieces.values == _values(value)


def _values(value: Any) -> int:
    """Commas and opening brackets of a JSON text."""
    if isinstance(value, dict):
        return 1 + max(0, len(value) - 1) + sum(map(_values, value.values()))
    if isinstance(value, list):
        return 1 + max(0, len(value) - 1) + sum(map(_values, value))
    return 0
