"""Frames: what goes in comes out, however it is cut; what is no frame is refused before it costs memory."""

import json
import tracemalloc

import pytest

from app.core.framing import FrameError, FrameReader, FrameTooLarge, encode


def test_messages_come_back_in_order_whole_or_byte_by_byte() -> None:
    messages: list[dict[str, object]] = [{"cmd": "start", "n": 1}, {}, {"text": "grüße 🚀", "list": [1, None, True]}]
    stream = b"".join(encode(message) for message in messages)

    assert FrameReader().feed(stream) == messages

    reader = FrameReader()
    assert [message for at in range(len(stream)) for message in reader.feed(stream[at : at + 1])] == messages


def test_a_frame_is_a_big_endian_length_and_json() -> None:
    frame = encode({"a": 1})
    assert frame[:4] == b"\0\0\0\x07"
    assert json.loads(frame[4:]) == {"a": 1}


def test_a_file_name_that_is_no_utf8_survives() -> None:
    name = b"caf\xe9.sh".decode("utf-8", "surrogateescape")
    (message,) = FrameReader().feed(encode({"argv": [name]}))
    assert message["argv"] == [name]


def test_a_frame_of_just_the_limit_passes_and_one_more_byte_does_not() -> None:
    message = {"data": "x" * 100}
    size = len(encode(message)) - 4
    assert FrameReader(size).feed(encode(message)) == [message]
    assert len(encode(message, size)) == size + 4
    with pytest.raises(FrameTooLarge):
        FrameReader(size - 1).feed(encode(message))
    with pytest.raises(FrameTooLarge):
        encode(message, size - 1)


def test_a_huge_length_is_refused_at_the_header_without_memory() -> None:
    reader = FrameReader()
    tracemalloc.start()
    with pytest.raises(FrameTooLarge):
        reader.feed(b"\xff\xff\xff\xff")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10_000


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"3", b"\xff\xfe", b"{'a': 1}", b"[" * 100_000])
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(FrameError):
        FrameReader().feed(len(body).to_bytes(4, "big") + body)


def test_half_a_frame_waits_for_the_rest() -> None:
    frame = encode({"a": 1})
    reader = FrameReader()
    assert reader.feed(frame[:-1]) == []
    assert reader.feed(b"") == []
    assert reader.feed(frame[-1:] + frame) == [{"a": 1}, {"a": 1}]
