"""Events of a run as the JSON texts that sockets and event streams carry. Line by line this is the hot path."""

from json.encoder import encode_basestring as quoted
from typing import Any

import orjson

from app.core.errors import Malformed
from app.runs.schemas import Lines, RunView, Skipped


def message(**fields: object) -> str:
    """One JSON object."""
    return orjson.dumps(fields).decode()


def read_message(text: str | None) -> dict[str, Any]:
    """The JSON object of a text frame (None for a binary one). Raises Malformed."""
    try:
        request = orjson.loads(text or "")
    except ValueError:
        raise Malformed("This is not JSON.") from None
    if not isinstance(request, dict):
        raise Malformed("A message is a JSON object.")
    return request


def outcome(run: RunView) -> dict[str, object]:
    """How a run ended: `code` is -1 for whatever the script did not end by itself."""
    return {"state": run.state.value, "code": run.code, "signal": run.signal, "reason": run.reason}


def task_texts(task_id: str, event: Lines | Skipped) -> list[str]:
    """Messages of /api/ws, one a line."""
    if isinstance(event, Skipped):
        note = f"[{event.count} bytes of output are not kept: the run's output is larger than its limit]"
        return [message(type="stderr", task_id=task_id, data=note, offset=event.offset, skipped=event.count)]
    head = f'{{"type":"{_stream(event)}","task_id":"{task_id}","data":'
    return [f'{head}{text},"offset":{position}}}' for text, position in _numbered(event)]


def sse_text(event: Lines | Skipped) -> str:
    """Server-Sent Events, one a line."""
    if isinstance(event, Skipped):
        return sse_event("skipped", event.offset, message(skipped=event.count, offset=event.offset))
    name = _stream(event)
    return "".join(f'id: {position}\nevent: {name}\ndata: {{"data":{text}}}\n\n' for text, position in _numbered(event))


def sse_event(name: str, offset: int, data: str) -> str:
    """One Server-Sent Event; `data` is one line."""
    return f"id: {offset}\nevent: {name}\ndata: {data}\n\n"


def _stream(lines: Lines) -> str:
    return "stderr" if lines.stderr else "stdout"


def _numbered(lines: Lines) -> list[tuple[str, int]]:
    """(the line as JSON text, the position after it) of each line: U+FFFD for what is no UTF-8, CRLF is a line end."""
    if lines.end is not None:
        return [(quoted(lines.data.decode("utf-8", "replace")), lines.end)]
    position = lines.start
    told = []
    if lines.data.isascii():  # a character is a byte: the block is decoded at once
        for line in lines.data.decode("ascii").split("\n"):
            position += len(line) + 1
            told.append((quoted(line[:-1] if line[-1:] == "\r" else line), position))
    else:
        for raw in lines.data.split(b"\n"):
            position += len(raw) + 1
            told.append((quoted(raw.decode("utf-8", "replace").removesuffix("\r")), position))
    return told
