"""The JSON of sockets and event streams."""

import json
import time
from typing import Any

import pytest

from app.core.errors import Malformed
from app.runs.schemas import Lines, Skipped
from app.runs.texts import TextSender
from app.runs.wire import read_message, sse_text, task_texts
from app.websocket_protocol import BATCHES

DATA = b'plain\n"quoted" \\ back\r\n\x00\x1b[1m\t\n' + "ünïcödé 🚀 \u2028".encode() + b"\n\xff\xfe\n"


def test_every_line_is_one_json_message_with_its_position() -> None:
    messages = [json.loads(text) for text in task_texts("t", Lines(False, DATA, 100))]
    assert [message["data"] for message in messages] == [
        line.decode("utf-8", "replace").removesuffix("\r") for line in DATA.split(b"\n")
    ]
    assert all(message["type"] == "stdout" and message["task_id"] == "t" for message in messages)
    assert messages[0]["offset"] == 106
    assert messages[-1]["offset"] == 100 + len(DATA) + 1


def test_a_piece_keeps_its_bytes_and_its_own_position() -> None:
    [message] = [json.loads(text) for text in task_texts("t", Lines(True, b"part\r", 7, 7))]
    assert message == {"type": "stderr", "task_id": "t", "data": "part\r", "offset": 7}


def test_what_was_skipped_is_said_as_an_error_line() -> None:
    [message] = [json.loads(text) for text in task_texts("t", Skipped(1000, 5000))]
    assert (message["type"], message["offset"], message["skipped"]) == ("stderr", 5000, 1000)
    assert "1000 bytes" in message["data"]


def test_events_of_a_stream_take_one_line_each() -> None:
    text = sse_text(Lines(True, DATA, 0))
    events = text.split("\n\n")
    assert events.pop() == ""
    assert len(events) == len(DATA.split(b"\n"))
    for event in events:
        position, name, data = event.split("\n")
        assert (position[:4], name) == ("id: ", "event: stderr")
        assert json.loads(data.removeprefix("data: "))["data"] is not None


@pytest.mark.parametrize("text", [None, "", "x", "[]", "1", '"s"', "[" * 100_000])
def test_only_objects_are_messages(text: str | None) -> None:
    with pytest.raises(Malformed):
        read_message(text)


@pytest.mark.parametrize("extensions", [{BATCHES: {}}, {}, None])
async def test_with_and_without_batches_the_same_texts_are_sent(extensions: dict[str, Any] | None) -> None:
    sent: list[str] = []

    async def send(message: Any) -> None:
        sent.extend(message["texts"] if "texts" in message else [message["text"]])

    texts = [str(number) for number in range(100)]
    await TextSender({"extensions": extensions}, send).send(texts)
    assert sent == texts


def test_lines_are_encoded_fast() -> None:
    """The floor of what sockets must carry is 15 MB/s for all of the work; encoding may take a small part of it."""
    block = Lines(False, (b"x" * 99 + b"\n") * 300 + b"x" * 99, 0)
    start = time.process_time()
    for _ in range(100):
        task_texts("0" * 32, block)
    assert 100 * len(block.data) / (time.process_time() - start) > 30e6
