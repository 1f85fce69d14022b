"""What comes over WebSockets: whatever it is, the socket answers it and stays; what we send is JSON, line by line."""

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import Malformed, NotFound
from app.core.permissions import Actor, Role
from app.runs.byte_socket import ByteSocket
from app.runs.schemas import Lines
from app.runs.task_socket import TaskSocket
from app.runs.texts import TextSender
from app.runs.wire import read_message, sse_text, task_texts
from tests.properties.support import JSON, examples, spoilt_text
from tests.support.evidence import Evidence

pytestmark = pytest.mark.timeout(1200)

ADMIN = Actor(None, "admin", "Administrator", Role.ADMIN)
KEYS = st.sampled_from(["type", "script", "task_id", "offset", "ack", "size", "ping"])
VALUES = JSON | st.sampled_from(
    ["run", "cancel", "follow", "hello.sh", -1, True, 2**70, [80, 24], [80, True], [1], ["a", "b"]]
)
MESSAGES = st.dictionaries(KEYS, VALUES, max_size=4).map(json.dumps) | JSON.map(json.dumps) | st.text(max_size=40)


class NoRuns:
    """Stands in for the service of runs of which there are none."""

    def __init__(self) -> None:
        self.sizes: list[tuple[int, int]] = []

    def __getattr__(self, name: str) -> Any:
        async def refuse(*_: object) -> None:
            raise NotFound("There is no such run.")

        return refuse

    async def resize(self, actor: Actor, run_id: str, cols: int, rows: int) -> None:
        self.sizes.append((cols, rows))


class Wire:
    """The ASGI side of one socket: gives the frames that it is made with, keeps what is sent."""

    def __init__(self, frames: list[dict[str, Any]]) -> None:
        self.frames = [{"type": "websocket.receive", **frame} for frame in frames] + [{"type": "websocket.disconnect"}]
        self.sent: list[str] = []

    async def receive(self) -> dict[str, Any]:
        return self.frames.pop(0)

    async def send(self, message: Any) -> None:
        self.sent += message["texts"] if "texts" in message else [message["text"]]


async def refused(*_: object) -> None:
    return None


@examples(40, 5_000)
@given(MESSAGES, st.integers(0))
def test_a_text_is_an_object_or_malformed(evidence: Evidence, text: str, seed: int) -> None:
    for odd in (text, *spoilt_text(text, seed)):
        evidence.inputs["WebSocket messages"] += 1
        try:
            assert isinstance(read_message(odd), dict)
        except Malformed:
            continue


@examples(30, 4_000)
@given(st.lists(MESSAGES | st.none(), min_size=1, max_size=12))
async def test_each_message_about_runs_gets_one_answer(evidence: Evidence, texts: list[str | None]) -> None:
    evidence.inputs["WebSocket messages"] += len(texts)
    wire = Wire([{"text": text} for text in texts])
    socket = TaskSocket(NoRuns(), lambda: ADMIN, TextSender({}, wire.send), wire.receive, refused)  # type: ignore[arg-type]
    async with asyncio.timeout(20):
        await socket.serve()
    answers = [json.loads(text) for text in wire.sent]
    assert [answer["type"] for answer in answers] == ["error"] * len(texts)
    assert all(isinstance(answer["data"], str) and len(answer["data"]) < 300 for answer in answers)


@examples(30, 4_000)
@given(st.lists(MESSAGES | st.none() | st.binary(max_size=40), min_size=1, max_size=12))
async def test_each_message_to_a_terminal_is_obeyed_or_answered(
    evidence: Evidence, frames: list[str | bytes | None]
) -> None:
    evidence.inputs["WebSocket messages"] += len(frames)
    runs = NoRuns()
    wire = Wire([{"bytes": frame} if isinstance(frame, bytes) else {"text": frame} for frame in frames])
    scope = {"path_params": {"run_id": "r"}, "query_string": b""}
    socket = ByteSocket(runs, ADMIN, scope, wire.receive, wire.send, refused)  # type: ignore[arg-type]
    async with asyncio.timeout(20):
        await socket._listen()
    answers = [json.loads(text) for text in wire.sent]
    assert all(set(answer) in ({"error"}, {"pong"}) for answer in answers)
    obeyed = sum(1 for frame in frames if isinstance(frame, str) and _is_acknowledgement(frame))
    assert len(answers) + len(runs.sizes) + obeyed == len(frames)
    assert all(type(side) is int for size in runs.sizes for side in size)


def _is_acknowledgement(text: str) -> bool:
    try:
        count = read_message(text).get("ack")
    except Malformed:
        return False
    return type(count) is int and count >= 0


@examples(60, 10_000)
@given(st.binary(max_size=200) | st.text(max_size=100).map(lambda text: text.encode("utf-8", "replace")), st.booleans())
def test_output_is_one_message_a_line_with_its_position(evidence: Evidence, data: bytes, stderr: bool) -> None:
    evidence.inputs["WebSocket messages"] += 1
    lines = Lines(stderr, data, 1000)
    messages = [json.loads(text) for text in task_texts("t", lines)]
    assert [message["data"] for message in messages] == [
        line.decode("utf-8", "replace").removesuffix("\r") for line in data.split(b"\n")
    ]
    position = 1000
    for message, line in zip(messages, data.split(b"\n"), strict=True):
        position += len(line) + 1
        assert message["offset"] == position
        assert message["type"] == ("stderr" if stderr else "stdout")
    events = sse_text(lines).split("\n\n")
    assert [json.loads(event.split("data: ", 1)[1])["data"] for event in events[:-1]] == [m["data"] for m in messages]
