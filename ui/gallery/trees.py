"""The gallery's trees: every type of node that pages of plugins are made of, in each of its states."""

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

Node = dict[str, Any]

TONES: Final = ("ok", "warn", "bad", "info", "neutral")
LONG: Final = "Another name that is much longer than anybody would have thought when this was drawn " * 2
UNBROKEN: Final = "without-a-single-place-where-it-could-be-broken-" * 3
BEGIN: Final = 1_763_834_400_000
"""22 November 2025, 18:00 UTC, in milliseconds."""


def _node(type_: str, *children: Node, **fields: Any) -> Node:
    return {"type": type_, **fields, **({"children": list(children)} if children else {})}


def _wave(step: float, height: float) -> list[list[float]]:
    return [[BEGIN + 60_000 * n, round(height * (1.2 + math.sin(n * step)), 2)] for n in range(60)]


TEXTS: Final = _node(
    "column",
    _node("text", text="A heading", kind="heading"),
    _node("text", text="Words as they are read: two sentences, perhaps three. This is the second."),
    _node("text", text="Quiet words, for what need not be read.", kind="quiet"),
    _node("text", text="Strong words.", kind="strong"),
    _node("text", text="/usr/lib/systemd/system/nginx.service", kind="mono"),
    _node("text", text=UNBROKEN),
    _node("link", text="A page of ours", href="/history", icon="history"),
    _node("link", text="Somewhere else", href="https://example.org/"),
    _node("link", text="No link, for nobody may be led there", href="javascript:alert(1)"),
)

MARKDOWN: Final = _node(
    "card",
    _node(
        "markdown",
        text=(
            "# A heading\n\nA paragraph with **bold**, *italic* and `code`, and a [link](https://example.org/).\n"
            "<b>HTML is text</b>, and so is [this](javascript:alert(1)).\n\n## A smaller one\n\n"
            "- one\n- two\n  - below two\n- three\n\n1. first\n2. second\n\n> Somebody said so.\n\n"
            '```\nfor line in $(cat list); do\n  echo "$line"\ndone\n```\n'
        ),
    ),
    title="Words of a plugin",
)

METRICS: Final = _node(
    "column",
    _node(
        "row",
        _node("metric", label="Visits", value=12_345, icon="users", note="since Monday"),
        _node("metric", label="Load", value=0.42, icon="gauge", trend=[3, 4, 2, 5, 6, 4, 7, 8, 6, 9], note="1 min"),
        _node("metric", label="Disk", value=93, unit="%", share=93, tone="bad", icon="hard-drive", note="1.2 GiB free"),
        _node("metric", label="Queue", value=71, share=71, tone="warn", icon="MX", note="waits"),
        _node("metric", label="Healthy", value="yes", tone="ok", share=100),
    ),
    _node(
        "row",
        _node("metric", label=LONG, value=UNBROKEN, unit="things", note=LONG, width=6),
        _node("metric", label="Nothing known", width=3),
        _node("metric", label="Below zero", value=-4.5, unit="°C", trend=[-1, -3, -2, -5, -4.5], width=3),
    ),
)

ACTIONS: Final = (
    {"name": "restart", "label": "Restart", "icon": "rotate-cw"},
    {"name": "stop", "label": "Stop", "icon": "square", "danger": True, "confirm": "It stops serving at once."},
)
COLUMNS: Final = (
    {"key": "name", "label": "Service", "kind": "strong", "sortable": True},
    {"key": "state", "label": "State", "kind": "chip"},
    {"key": "since", "label": "Since", "kind": "date", "wide": True},
    {"key": "memory", "label": "Memory", "kind": "bytes", "sortable": True},
    {"key": "cpu", "label": "CPU", "kind": "percent"},
    {"key": "do", "label": "", "kind": "actions"},
)


def _service(name: str, text: str, tone: str, memory: int) -> Node:
    state = {"text": text, "tone": tone, "icon": "dot" if tone == "info" else None}
    at = "2025-11-22T18:00:12Z"
    return {"key": name, "name": name, "state": state, "since": at, "memory": memory, "cpu": 1.5, "do": [*ACTIONS]}


TABLES: Final = _node(
    "column",
    _node(
        "card",
        _node(
            "table",
            id="services",
            caption="Services",
            columns=[*COLUMNS],
            rows=[
                _service("nginx", "Running", "ok", 48_318_382),
                _service("postgresql", "Starting", "info", 331_350_016),
                _service("backup", "Failed", "bad", 0),
            ],
        ),
        title="Services",
        subtitle="A table in a card reaches to its edges.",
        icon="server",
    ),
    _node("table", id="long", caption="Long", columns=[*COLUMNS], rows=[_service(LONG, "Running", "ok", 1024)]),
    _node("table", caption="Nothing", columns=[*COLUMNS], rows=[], empty="No services were found."),
)

CHARTS: Final = _node(
    "column",
    _node(
        "row",
        _node(
            "chart",
            label="Requests",
            kind="area",
            unit="/s",
            width=6,
            series=[{"name": "Answered", "data": _wave(0.2, 40)}],
        ),
        _node(
            "chart",
            label="Delays",
            unit="ms",
            width=6,
            series=[{"name": name, "data": _wave(0.1 + n / 20, 20 + 9 * n)} for n, name in enumerate(("p50", "p95"))],
        ),
    ),
    _node(
        "row",
        _node(
            "chart",
            label="By day",
            kind="bar",
            x="category",
            categories=["Mon", "Tue", "Wed", "Thu", "Fri"],
            series=[{"name": "Good", "data": [3, 5, 2, 6, 4]}, {"name": "Bad", "data": [1, 0, 2, 1, None]}],
            width=6,
        ),
        _node("chart", label="Nothing yet", series=[], height="small", width=6),
    ),
)

BUTTONS: Final = _node(
    "column",
    _node(
        "row",
        *(
            _node("button", id=f"press-{kind}", label=kind.capitalize(), kind=kind, icon="play")
            for kind in ("primary", "plain", "quiet", "danger")
        ),
        _node("button", id="asks", label="Restart", kind="danger", confirm="Everybody is cut off for a moment."),
        _node("button", id="waits", label="Press me to wait"),
        _node("button", id="off", label="Disabled", disabled=True),
    ),
    _node("row", *(_node("badge", text=tone, tone=tone, icon="info") for tone in TONES), _node("badge", text=LONG)),
    _node("progress", label="Copying", value=42),
    _node("progress", label="Nearly full", value=91, tone="warn"),
    _node("progress", label="Nobody knows how long"),
)

FIELDS: Final[Sequence[Node]] = (
    {"name": "name", "label": "Name", "required": True, "placeholder": "Any name"},
    {"name": "mail", "label": "Address", "kind": "email", "hint": "Where reports are sent."},
    {"name": "count", "label": "How many", "kind": "integer", "value": 3, "min": 1, "max": 9, "required": True},
    {"name": "day", "label": "Day", "kind": "date", "value": "2025-11-22", "required": True},
    {"name": "at", "label": "Time", "kind": "time", "value": "18:30", "required": True},
    {
        "name": "level",
        "label": "Level",
        "kind": "select",
        "value": "low",
        "required": True,
        "options": [{"value": "low", "text": "Low"}, {"value": "high", "text": "High"}],
    },
    {"name": "secret", "label": "Password", "kind": "password", "required": True},
    {"name": "often", "label": "Every night", "kind": "switch", "value": True, "hint": "Else only when asked."},
    {"name": "words", "label": "Notes", "kind": "multiline", "value": "Two\nlines"},
)
FORMS: Final = _node(
    "row",
    _node(
        "card",
        _node(
            "form",
            _node("row", _node("field", **FIELDS[0]), _node("field", **FIELDS[1])),
            *(_node("field", **field) for field in FIELDS[2:6]),
            id="good",
            submit="Plan it",
        ),
        title="A form",
        width=6,
    ),
    _node(
        "form",
        *(_node("field", **field) for field in (FIELDS[0], FIELDS[5], *FIELDS[6:])),
        id="bad",
        submit="Press me to be refused",
        width=6,
    ),
)

LOGS: Final = _node(
    "column",
    _node("log", label="Journal", lines=[f"18:00:{n:02} nginx[812]: request {n} was answered" for n in range(40)]),
    _node("log", label="An empty one", lines=[]),
    _node("code", text="[Unit]\nDescription=nginx\nAfter=network.target", label="nginx.service"),
)

TABS: Final = _node(
    "tabs",
    _node("tab", _node("text", text="What is shown first."), label="Overview", icon="layout-dashboard"),
    _node("tab", _node("text", text="What is shown second."), label="Details", icon="list"),
    _node("tab", _node("text", text="What is shown third."), label="Third"),
)

LAYOUT: Final = _node(
    "column",
    _node("row", *(_node("card", _node("text", text=f"{n} of 12"), width=n) for n in (3, 4, 5))),
    _node(
        "row",
        _node("card", _node("text", text="As wide"), title="One"),
        _node("card", _node("card", _node("text", text="A card in a card"), title="Inner"), title="Two"),
    ),
    _node("hologram", text="from the future"),
    _node("card", title="An empty card"),
)

TREES: Final[Mapping[str, Node]] = MappingProxyType(
    {
        "Texts and links": TEXTS,
        "Markdown": MARKDOWN,
        "Metrics": METRICS,
        "Tables of plugins": TABLES,
        "Charts": CHARTS,
        "Buttons, badges, progress": BUTTONS,
        "Forms": FORMS,
        "Logs and code": LOGS,
        "Tabs": TABS,
        "Layout": LAYOUT,
    }
)

REPLIES: Final[Mapping[str, Node | None]] = MappingProxyType(
    {
        "waits": None,
        "bad": {"ok": False, "errors": {"name": "Please fill this in.", "secret": "It is too short."}},
        "good": {"message": "It is planned.", "kind": "success"},
        "asks": {"message": "It was restarted.", "kind": "success"},
        "press-danger": {"ok": False, "message": "It did not work.", "kind": "error"},
    }
)
