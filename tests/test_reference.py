"""Whatever the product says or takes by name is documented, and whatever is documented is there.

The truth is read from the code (tests/support/truth.py). A message of these tests says which row to add to which page.
"""

import json
import re
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path

import click
import httpx
import pytest

from app.cli.start import toru
from app.plugins.pages.page import WAITING
from app.settings.catalog import SETTINGS
from tests.support import truth
from tests.test_every_route import TABLE
from tests.test_guides import variables as of_the_deployment
from ui.components.audit_words import FAILED_PHRASES, KINDS, PHRASES, picture

ROOT = Path(__file__).resolve().parents[1]
REST = "docs/rest.md"
CALLS = "docs/reference/rest.md"
CONFIGURATION = "docs/reference/configuration.md"
AUDIT = "docs/reference/audit.md"
LOG = "docs/reference/log.md"
METRICS = "docs/monitoring.md"
PAGES = re.compile(
    r"(GET|HEAD|POST) (/|/login|/\{rest:path\}|/(static|plugin-frame)/\{\w+\}|/[\w-]+\.(ico|png|webmanifest))"
)
"""What browsers ask for pages: no door for programs."""


def rows(page: str, chapter: str | None = None) -> dict[str, list[str]]:
    """The cells of the tables of a page, or of one of its chapters, by each name that their first cell has."""
    text = (ROOT / page).read_text()
    if chapter is not None:
        part = re.search(rf"(?m)^(#+) {re.escape(chapter)}\n(.*?)(?=^##? |^\1 |\Z)", text, re.DOTALL)
        assert part is not None, f"{page} has no chapter “{chapter}”"
        text = part[2]
    found: dict[str, list[str]] = {}
    for line in re.findall(r"(?m)^\| (`.*) \|$", text):
        cells = re.split(r"\s*\|\s*", line)
        for name in re.findall(r"`([^`]+)`", cells[0]):
            assert name not in found, f"{page} has {name} twice"
            found[name] = cells
    return found


def require_same(documented: set[str], there: set[str], page: str) -> None:
    """Names with a * stand for any that they match."""
    missing = sorted(name for name in there if not any(fnmatchcase(told, name) for told in documented))
    assert not missing, "Nobody can look these up. Add a row to " + page + " for: " + ", ".join(missing)
    invented = sorted(told for told in documented if not any(fnmatchcase(told, name) for name in there))
    assert not invented, f"{page} tells of what is not there: {', '.join(invented)}"


# -- configuration


def test_every_setting_is_documented() -> None:
    require_same(set(rows(CONFIGURATION, "Settings")), set(SETTINGS), CONFIGURATION)


@pytest.mark.parametrize("key", [key for key, setting in SETTINGS.items() if setting.choices])
def test_the_values_of_a_choice_are_those_that_it_has(key: str) -> None:
    values = rows(CONFIGURATION, "Settings")[key][2]
    assert set(re.findall(r"`([^`]+)`", values)) == set(SETTINGS[key].choices)


def test_every_variable_of_the_environment_is_documented() -> None:
    others = truth.variables() - of_the_deployment()
    require_same(set(rows(CONFIGURATION, "The environment")), others, CONFIGURATION)


# -- commands


def commands(group: click.Group, path: tuple[str, ...] = ()) -> dict[str, click.Command]:
    """Every command by how it is typed."""
    found: dict[str, click.Command] = {}
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            found |= commands(command, (*path, name))
        elif not command.hidden:
            found[" ".join((*path, name))] = command
    return found


@pytest.mark.parametrize("guide", sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md")))
def test_commands_that_a_page_shows_exist(guide: str) -> None:
    known = commands(toru)
    groups = {name.partition(" ")[0] for name in known if " " in name} | {"test"}
    shown = re.findall(r"(?m)(?:^|`)(?:\./)?toru ((?:[a-z][a-z-]+ ?){1,2})", (ROOT / guide).read_text())
    wrong = [
        line
        for line in map(str.split, shown)
        if not (line[0] in known or (line[0] in groups and (len(line) == 1 or " ".join(line[:2]) in known)))
        if line[0] != "test"
    ]
    assert not wrong, f"{guide} shows commands that are not there: {wrong}"


# -- REST


def test_every_call_is_documented() -> None:
    """The table of tests/test_every_route.py, which holds it against the application's own router."""
    there = {name for name in TABLE if "_nicegui" not in name and not PAGES.fullmatch(name)}
    there = {name for name in there if not re.search(r" /api(/\{rest:path\})?$", name)}
    require_same(set(rows(CALLS)), {re.sub(r"^[A-Z]+ (/api/plugins/route/)", r"ANY \1", name) for name in there}, CALLS)


SPECIAL = {"POST /api/runs", "POST /api/runs/{run_id}/cancel"}
"""Theirs depends on what is run, and by whom; tests/tokens and tests/runs show it."""


def test_who_may_ask_is_told_as_it_is() -> None:
    """By what tests/test_every_route.py gets when it asks."""
    calls = rows(CALLS)
    wrong = {call: problem for call in calls.keys() - SPECIAL if (problem := misjudged(call, *calls[call][1:3]))}
    assert not wrong


def misjudged(call: str, who: str, scope: str) -> str | None:
    """What of a row is not so."""
    expected, refused = TABLE[call.replace("ANY ", "GET ")].expected, (401, 403)
    told = scope.strip("`")
    if (who == "everybody") != (expected.nobody not in refused):
        return "whether everybody may"
    if who == "everybody":
        return "the scope" if told else None
    if (who == "admin") != (expected.client == 403):
        return "whether clients may"
    if told not in {"admin": ("admin", "read"), "person": ("",), "client": ("read", "run:…")}[who]:
        return "the scope"
    both = call.startswith("WS /api/ws") and told == "run:…"
    if (expected.reads not in refused) != (told == "read" or both):
        return "whether the scope read is enough"
    return "whether the scope run is enough" if (expected.runs not in refused) != (told == "run:…") else None


async def test_what_only_a_person_may_do_no_token_does(admin: httpx.AsyncClient) -> None:
    made = await admin.post("/api/tokens", json={"name": "reference", "scopes": ["admin"]})
    headers = {"Authorization": f"Bearer {made.json()['token']}"}
    async with httpx.AsyncClient(base_url=admin.base_url, headers=headers, trust_env=False, verify=False) as program:
        for call, (_, who, *_) in rows(CALLS).items():
            if who == "person":
                method, path = call.split(" ")
                row = TABLE[call]
                answer = await program.request(method, re.sub(r"\{\w+\}", "x", path), json=row.body)
                assert answer.status_code == 403, call
                assert "token" in answer.json()["error"], call


# -- sockets and streams


SOCKETS: dict[str, tuple[Callable[[], set[str]], Callable[[], set[str]]]] = {
    # chapter of docs/rest.md: (what clients say, what is said to them)
    "The WebSocket /api/ws": (
        lambda: truth.compared("kind", "app/runs/task_socket.py", "_obey"),
        lambda: (
            truth.told_types("app/runs/task_socket.py", "app/runs/wire.py")
            | (truth.texts_in("app/runs/wire.py", "_stream"))
        ),
    ),
    "The WebSocket of one run": (
        lambda: truth.fields_read("request", "app/runs/byte_socket.py", "_obey"),
        lambda: truth.keywords("tell", "app/runs/byte_socket.py") - {"offset"},
    ),
    "The WebSocket of a plugin's page": (
        lambda: {"event"},
        lambda: truth.told_types("app/plugins/pages") - {"column"} | {json.loads(WAITING)["type"]},
    ),
}


@pytest.mark.parametrize("chapter", SOCKETS)
def test_every_message_of_a_socket_is_documented(chapter: str) -> None:
    said, told = SOCKETS[chapter]
    table = rows(REST, chapter)
    ours = {name for name, cells in table.items() if cells[1] == "you"}
    require_same(ours, said(), f"{REST}, {chapter}, from you")
    require_same(set(table) - ours, told(), f"{REST}, {chapter}, from Toru")


def test_every_event_of_a_stream_is_documented() -> None:
    table = rows(REST, "Server-Sent Events")
    of_runs = truth.first_arguments("sse_event", "app/runs") | truth.texts_in("app/runs/wire.py", "_stream")
    of_logs = truth.first_arguments("_event", "app/plugins/log_routes.py")
    require_same(set(table), of_runs | of_logs, f"{REST}, Server-Sent Events")
    assert {name for name, cells in table.items() if "run" in cells[1]} == of_runs
    assert {name for name, cells in table.items() if "log" in cells[1]} == of_logs


# -- the protocol of plugins

PROTOCOL = (ROOT / "plugins" / "PROTOCOL.md").read_text()


def test_every_message_of_protocol_2_is_documented_with_its_direction() -> None:
    table = PROTOCOL.partition("| message | direction |")[2].partition("\n\n")[0]
    told = set(re.findall(r"(?m)^\| `(\w+)` \| (\S+ → \S+) \|", table))
    sent = truth.first_arguments(
        "encode", "app/plugins/protocol2.py", "app/plugins/calls.py", "app/plugins/pages/link.py"
    )
    heard = truth.compared("kind", "app/plugins/protocol2.py", "_heard")
    heard |= truth.compared("kind", "app/plugins/calls.py", "take")
    assert {name for name, way in told if way == "Toru → plugin"} == sent
    assert {name for name, way in told if way == "plugin → Toru"} == heard


def test_every_action_within_a_message_is_documented() -> None:
    lifecycle = truth.told_actions("app/plugins/protocol1.py", "app/plugins/protocol2.py")
    assert lifecycle == {"init", "shutdown"}
    pages = truth.told_actions("app/plugins/pages/messages.py")
    pages |= truth.compared("action", "app/plugins/pages/link.py", "take")
    assert len(pages) == 6
    missing = [name for name in lifecycle | pages if f'{{"action": "{name}"' not in PROTOCOL]
    assert not missing, "plugins/PROTOCOL.md does not tell of them."
    told = set(re.findall(r"(?m)^\| (\w+) \| `\{\"action\": ", PROTOCOL))
    assert told == pages


# -- what is written down


def test_every_kind_of_audit_row_is_documented() -> None:
    heads = {name.partition(".")[0] for name in (*PHRASES, *FAILED_PHRASES, *KINDS)}
    written = {name for name in truth.audit_kinds() if name.partition(".")[0] in heads}
    require_same(set(rows(AUDIT)), written | set(PHRASES) | set(FAILED_PHRASES), AUDIT)


def test_every_kind_of_audit_row_has_a_picture_and_can_be_looked_for() -> None:
    kinds = set(rows(AUDIT))
    assert {what for what in kinds if picture(what) == picture("none.such")} == set()
    assert {what for what in kinds if what.partition(".")[0] not in KINDS} == set()


def test_every_event_of_the_logs_is_documented() -> None:
    require_same(set(rows(LOG)), truth.log_events(), LOG)


@pytest.mark.parametrize("event", ["plugin_enabled", "sign_in", "log_lines_lost", "plugin_crashed", "audit_head"])
def test_events_are_found_in_each_way_that_they_are_written(event: str) -> None:
    assert any(fnmatchcase(event, name) for name in truth.log_events())


async def test_every_metric_is_documented(admin: httpx.AsyncClient) -> None:
    text = (await admin.get("/metrics")).text
    told = set(re.findall(r"(?m)^# TYPE (\S+) ", text))
    assert len(told) > 15
    documented = {name for name in rows(METRICS) if name.startswith("toru_")}
    missing = sorted(told - documented)
    assert not missing, f"Add a row to {METRICS} for: {', '.join(missing)}"
    invented = sorted(name for name in documented - told if not truth.names_metric(name))
    assert not invented, f"{METRICS} tells of what is not there: {', '.join(invented)}"
