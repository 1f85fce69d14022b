"""Frames of plugins: read where that costs little, skipped where it would not, and counted rightly on the way."""

import json
import random
import time

import pytest

from app.core.framing import FrameError
from app.plugins.frames import EDGE, MOST_VALUES, SMALL, PluginFrames, Unreadable, ValueCount, has_too_many_values
from app.plugins.wire import MAX_FRAME

PIECE = 256 << 10


def feed(frames: PluginFrames, body: bytes, piece: int = PIECE) -> list[object]:
    data = len(body).to_bytes(4, "big") + body
    return [found for start in range(0, len(data), piece) for found in frames.feed(data[start : start + piece])]


def random_text(chance: random.Random) -> str:
    return "".join(chance.choice('",[{}]:\\\\\\ab') for _ in range(chance.randrange(12)))


def test_values_are_counted_however_the_text_is_cut() -> None:
    chance = random.Random(7)
    for _ in range(300):
        value = {random_text(chance): [random_text(chance), {}, [], 7, {"a": random_text(chance)}] for _ in range(5)}
        text = json.dumps(value, separators=(",", ":")).encode()
        empty = {str(number): ["", {}, [], 7, {"a": ""}] for number in range(len(value))}
        whole = json.dumps(empty).encode()
        wanted = sum(whole.count(sign) for sign in (b",", b"[", b"{"))
        count = ValueCount()
        start = 0
        while start < len(text):
            end = start + chance.randrange(1, 9)
            count.feed(text[start:end])
            start = end
        assert count.values == wanted, text


@pytest.mark.parametrize("piece", [1, 3, 1000])
def test_frames_are_taken_however_they_are_cut(piece: int) -> None:
    bodies = [b"{}", b'{"a": "' + b"x" * 2000 + b'"}', b'{"b": 1}']
    frames = PluginFrames()
    stream = b"".join(len(body).to_bytes(4, "big") + body for body in bodies)
    found = [one for start in range(0, len(stream), piece) for one in frames.feed(stream[start : start + piece])]
    assert found == [json.loads(body) for body in bodies]
    assert not frames.is_amid


def test_a_large_text_may_hold_anything() -> None:
    text = '[{"a": "b\\\\"},' * 600_000
    (found,) = feed(PluginFrames(), json.dumps({"type": "http", "payload": {"body": text}}).encode())
    assert isinstance(found, dict)
    assert found["payload"]["body"] == text


@pytest.mark.parametrize("value", [b"[]", b"{}", b'""', b"1"])
def test_a_large_frame_has_a_number_of_values_and_a_small_one_need_not(value: bytes) -> None:
    head = b'{"type": "http", "request_id": "r", "payload": ['
    frames = PluginFrames()
    (found,) = feed(frames, head + value + (b"," + value) * 40_000 + b"]}")
    assert isinstance(found, dict)
    (refused,) = feed(frames, head + value + (b"," + value) * 1_000_000 + b"]}")
    assert refused == Unreadable("http", "r", "made of more than 100,000 values")
    assert feed(frames, b"{}") == [{}]


def test_what_is_skipped_is_not_kept() -> None:
    frames = PluginFrames()
    head, middle, end = b'{"payload":"', b"x" * (1 << 20), b'","request_id":"r","type":"http"}'
    frames.feed((len(head) + 60 * len(middle) + len(end)).to_bytes(4, "big") + head)
    for _ in range(60):
        assert frames.feed(middle) == []
        assert frames.is_amid
        assert frames._body is not None
        assert len(frames._body) <= 2 * EDGE
    assert frames.feed(end + b"\0\0\0\2{}") == [Unreadable("http", "r", "larger than 16 MiB"), {}]


def test_without_a_type_nobody_knows_whose_it_is() -> None:
    for body in (b"nonsense", b'{"type": "ready", "x": NaN}', b"[" + b" " * MAX_FRAME + b"]"):
        with pytest.raises(FrameError):
            feed(PluginFrames(), body)


@pytest.mark.parametrize("sign", ["x", "\\\\", '"', "\\n", ",", "é"])
def test_no_frame_takes_long(sign: str) -> None:
    body = json.dumps({"type": "http", "payload": sign * ((MAX_FRAME - 100) // len(json.dumps(sign)[1:-1]))}).encode()
    frames, slowest = PluginFrames(), 0.0
    data = len(body).to_bytes(4, "big") + body
    for start in range(0, len(data), PIECE):
        began = time.thread_time()
        frames.feed(data[start : start + PIECE])
        slowest = max(slowest, time.thread_time() - began)
    assert slowest < 0.15  # some 30 ms where nobody else works; values took 2 s


async def test_a_text_within_an_answer_is_counted_as_well() -> None:
    assert not await has_too_many_values("[" * 200_000)  # small
    assert not await has_too_many_values(json.dumps("[" * (SMALL + 1)))
    assert await has_too_many_values("[]," * (MOST_VALUES + 1))
