"""What measuring processes see of plugins' pages: how old a change is when it arrives, and viewers that only look."""

import json
import select
import time
from collections.abc import Iterator
from typing import Any

from tests.bench.targets import Target
from tests.bench.wire import WebSocket


def ages(target: Target, name: str, count: int, seconds: float) -> list[float]:
    """Milliseconds from the plugin's clock in each of so many changes to their arrival, the newest of each message.

    It ends early when nothing comes for so many seconds.
    """
    socket = WebSocket(target.port, f"/api/plugins/{name}/page", target.headers)
    try:
        socket.next()  # the tree as it is
        return [1000 * (time.time() - stamp) for stamp in _stamps(socket, count, seconds)]
    finally:
        socket.close()


def _stamps(socket: WebSocket, count: int, seconds: float) -> Iterator[float]:
    while count and select.select([socket.socket], [], [], seconds)[0]:
        for _, payload in socket.receive():
            count -= 1
            yield float(_newest(json.loads(payload)))


def _newest(message: Any) -> str:
    node = message["tree"] if message["type"] == "tree" else message["patches"][-1]["set"]
    stamp: str = node["subtitle"] if "subtitle" in node else node["note"]
    return stamp


def fifty() -> dict[str, Any]:
    """A page of fifty components, such as a plugin would show."""
    day = [[f"2030-01-31T{minute // 60:02}:{minute % 60:02}:00Z", minute % 37] for minute in range(0, 1440, 12)]
    columns = [
        {"key": "name", "label": "Name", "kind": "strong"},
        {"key": "state", "label": "State", "kind": "chip"},
        {"key": "memory", "label": "Memory", "kind": "bytes"},
        {"key": "do", "label": "", "kind": "actions"},
    ]
    stop = [{"name": "stop", "label": "Stop", "confirm": "Stop it?"}]
    rows = [
        {"key": f"{n}", "name": f"service-{n}", "state": {"text": "runs", "tone": "ok"}, "memory": n << 20, "do": stop}
        for n in range(30)
    ]
    fields = [{"type": "field", "name": f"field-{n}", "label": f"Field {n}"} for n in range(6)]
    parts: list[dict[str, Any]] = [
        {"type": "metric", "id": "n", "label": "Number", "value": 0},
        {"type": "table", "id": "table", "columns": columns, "rows": rows},
        *({"type": "chart", "label": f"Chart {n}", "series": [{"name": "one", "data": day}]} for n in range(2)),
        {"type": "form", "id": "form", "children": fields},
        *({"type": "button", "id": f"button-{n}", "label": f"Button {n}"} for n in range(8)),
        *({"type": "metric", "id": f"m{n}", "label": f"Metric {n}", "value": n, "share": n} for n in range(16)),
        *({"type": "badge", "text": f"Badge {n}", "tone": "ok"} for n in range(8)),
        *({"type": "text", "text": f"Text {n}: some words that say what this is about."} for n in range(5)),
        {"type": "log", "id": "log", "lines": [f"line {n} of the journal" for n in range(50)]},
        {"type": "markdown", "text": "# Heading\n\nSome *words*.\n" * 10},
    ]
    return {"type": "card", "title": "Fifty", "subtitle": "", "children": parts}


def count_of(node: dict[str, Any]) -> int:
    """How many nodes a tree has."""
    return 1 + sum(count_of(child) for child in node.get("children", ()))
