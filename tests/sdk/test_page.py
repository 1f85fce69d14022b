"""Pages of plugins made with the SDK: built, changed, pressed."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest

from toru_plugin import (
    Done,
    Event,
    Node,
    Plugin,
    Problem,
    action,
    button,
    card,
    chart,
    col,
    column,
    field,
    form,
    log,
    metric,
    series,
    table,
    text,
)
from toru_plugin.changes import MOST
from toru_plugin.testing import Core, Screen, running


@pytest.fixture
def plugin() -> Plugin:
    return Plugin(id="made", name="Made", version="1.0")


@pytest.fixture
def opened(plugin: Plugin) -> Iterator[Callable[..., Screen]]:
    """Shows these components."""
    contexts: list[Any] = []

    def show(*nodes: Node) -> Screen:
        plugin.page(lambda: column(*nodes))
        context = running(plugin)
        contexts.append(context)
        core: Core = context.__enter__()
        return core.page()

    yield show
    for context in contexts:
        context.__exit__(None, None, None)


Show = Callable[..., Screen]


def test_a_change_is_seen_before_the_press_is_answered(plugin: Plugin, opened: Show) -> None:
    def count(event: Event) -> str:
        plugin.page.set("visits", value=plugin_count())
        return "Counted."

    def plugin_count() -> int:
        numbers.append(1)
        return len(numbers)

    numbers: list[int] = []
    page = opened(metric("Visits", 0, id="visits"), button("Count", count))
    began = time.monotonic()
    for number in range(1, 30):
        assert page.press("Count").message == "Counted."
        assert page.find("visits")["value"] == number
    assert time.monotonic() - began > 28 / 20 - 0.1, "and no more than 20 changes a second are sent"


@pytest.mark.parametrize(
    ("outcome", "message", "kind", "errors", "go"),
    [
        (None, None, "success", {}, None),
        ("Saved.", "Saved.", "success", {}, None),
        (Done("Going.", "info", go="/plugins"), "Going.", "info", {}, "/plugins"),
        (Problem("No."), "No.", "error", {}, None),
        (Problem("n" * 2001, {"a": "e" * 2001}), "n" * 2000, "error", {"a": "e" * 2000}, None),
        (Problem(errors={"name": "It is taken."}), None, "error", {"name": "It is taken."}, None),
    ],
)
def test_what_a_handler_returns_is_what_the_viewer_is_told(
    opened: Show, outcome: Any, message: str | None, kind: str, errors: dict[str, str], go: str | None
) -> None:
    reply = opened(button("Go", lambda event: outcome)).press("Go")
    assert (reply.message, reply.kind, reply.errors, reply.go) == (message, kind, errors, go)


@pytest.mark.parametrize("failure", [Problem("No."), ValueError("secret"), SystemExit(1)])
def test_what_a_handler_raises_is_told_too(opened: Show, failure: BaseException) -> None:
    def fail(event: Event) -> None:
        raise failure

    expected = "No." if isinstance(failure, Problem) else "Something went wrong in the plugin. Its log says what."
    reply = opened(button("Go", fail)).press("Go")
    assert (reply.ok, reply.message) == (False, expected)


def test_a_handler_that_returns_nonsense_is_told_and_the_page_goes_on(opened: Show) -> None:
    page = opened(button("Go", lambda event: 7), button("On", lambda event: "On."))  # type: ignore[arg-type, return-value]
    assert not page.press("Go").ok
    assert page.press("On").ok


def test_forms_and_tables_tell_their_handlers_what_was_done(opened: Show) -> None:
    def tell(event: Event) -> str:
        return f"{event.viewer.name} {event.values} {event.row} {event.name}".strip()

    page = opened(
        form(field("name", "Name", value="ada"), field("age", "Age", "integer"), on_submit=tell, submit="Keep"),
        table(
            "Disks",
            [col("does", "", "actions")],
            [{"key": "sda", "does": [action("wipe", "Wipe", danger=True)]}],
            on_action=tell,
        ),
    )
    assert page.submit("Keep", age=7).message == "ada {'name': 'ada', 'age': 7}"
    assert page.act("Disks", "sda", "wipe").message == "ada {} sda wipe"
    with pytest.raises(LookupError, match="no action “eat”: wipe"):
        page.act("Disks", "sda", "eat")
    with pytest.raises(LookupError, match="no field aeg"):
        page.submit("Keep", aeg=7)


def test_every_kind_of_change_is_seen(plugin: Plugin, opened: Show) -> None:
    page = opened(
        card("Box", text("one", id="one"), id="box"),
        log(["first"], keep=3, id="log"),
        chart("Load", series("1 min", [("2030-01-01T00:00:00Z", 1)]), id="chart"),
        table("Disks", [col("size", "Size", "bytes")], [{"key": "a", "size": 1}, {"key": "b", "size": 2}], id="table"),
        button("Done", lambda event: "done"),
    )
    plugin.page.append("box", text("two", id="two"))
    plugin.page.replace("one", text("three"))
    plugin.page.lines("log", "second\nthird", "fourth")
    plugin.page.points("chart", {"1 min": [(datetime(2030, 1, 1, 0, 1, tzinfo=UTC), 2)], "5 min": [(1, 1)]}, keep=2)
    plugin.page.rows("table", {"key": "a", "size": 3}, {"key": "c", "size": 4}, drop=["b"])
    page.press("Done")
    assert [child["text"] for child in page.find("box")["children"]] == ["three", "two"]
    assert page.find("one")["text"] == "three", "what is put in its place keeps its id"
    assert page.find("log")["lines"] == ["second", "third", "fourth"]
    points = {one["name"]: one["data"] for one in page.find("chart")["series"]}
    assert points["1 min"] == [["2030-01-01T00:00:00Z", 1], ["2030-01-01T00:01:00+00:00", 2]]
    assert points["5 min"] == [[1, 1]]
    assert page.find("table")["rows"] == [{"key": "a", "size": 3}, {"key": "c", "size": 4}]
    plugin.page.remove("two")
    plugin.page.children("box")
    page.press("Done")
    assert "children" not in page.find("box")


def test_many_changes_are_few_messages_and_the_latest_wins(
    plugin: Plugin, opened: Show, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = opened(metric("Now", 0, id="now"), log(id="log"), button("Done", lambda event: None))
    sent: list[dict[str, Any]] = []
    send = plugin._link.send

    def noted(kind: str, payload: dict[str, Any], request_id: str | None = None) -> None:
        sent.append(payload)
        send(kind, payload, request_id)

    monkeypatch.setattr(plugin._link, "send", noted)
    began = time.monotonic()
    while time.monotonic() < began + 0.5:
        plugin.page.set("now", value=time.monotonic())
        plugin.page.lines("log", "line")
    plugin.page.set("now", value="last")
    page.wait(lambda page: page.find("now")["value"] == "last")
    assert len(sent) <= (time.monotonic() - began) * 20 + 3
    assert all(len(message["patches"]) <= 2 for message in sent)
    assert len(page.find("log")["lines"]) == 500


@pytest.mark.parametrize("rounds", [3, MOST])
def test_changes_of_changing_components_end_as_the_latest_says(plugin: Plugin, opened: Show, rounds: int) -> None:
    """Whatever order: children come and go while they are changed, more often than is sent."""
    page = opened(card("Box", id="box"), button("Done", lambda event: None))
    for number in range(rounds):
        plugin.page.children("box", metric("Now", 0, id="now"), text("x"))
        plugin.page.set("now", value=number)
        plugin.page.append("box", text("y", id="y"))
        plugin.page.remove("y")
    page.press("Done")
    assert [child.get("value") for child in page.find("box")["children"]] == [rounds - 1, None]


def test_a_page_that_is_drawn_anew_keeps_the_ids_of_its_buttons(plugin: Plugin) -> None:
    times: list[int] = []

    @plugin.page
    def page() -> Node:
        times.append(1)
        same = [button("Go", lambda event: None) for _ in range(2)]
        return column(*same, text(f"{len(times)}", id="times"), form(on_submit=lambda event: None))

    with running(plugin) as core:
        screen = core.page()
        before = [child.get("id") for child in screen.tree["children"]]
        assert before == ["button-go", "button-go-2", "times", "form"]
        plugin.page.refresh()
        screen.wait(lambda page: page.find("times")["text"] == "2")
        assert [child.get("id") for child in screen.tree["children"]] == before


def test_what_changes_while_the_page_is_built_is_not_lost(plugin: Plugin) -> None:
    building, changed = threading.Event(), threading.Event()

    @plugin.page
    def page() -> Node:
        building.set()
        assert changed.wait(10)
        return column(metric("Now", "built", id="now"))

    with running(plugin) as core:
        assert building.wait(10)
        plugin.page.set("now", value="changed")
        plugin.page.set("unknown", value="dropped with a warning")
        changed.set()
        assert core.page().find("now")["value"] == "changed"


@pytest.mark.parametrize(
    "broken", [lambda: 1 / 0, lambda: "text", lambda: column(text("a", id="x"), text("b", id="x"))]
)
def test_a_page_that_cannot_be_built_says_so(plugin: Plugin, broken: Any, capfd: pytest.CaptureFixture[str]) -> None:
    plugin.page(broken)
    with running(plugin) as core:
        assert "This page could not be built" in core.page().texts()
    assert "The page could not be built." in capfd.readouterr().out


def test_mistakes_are_told_where_they_are_made(plugin: Plugin, opened: Show) -> None:
    page = opened(text("a", id="a"))
    with pytest.raises(LookupError, match="There is no component with the id “b” on the page"):
        plugin.page.set("b", text="c")
    with pytest.raises(ValueError, match="type cannot be set"):
        plugin.page.set("a", type="card")
    with pytest.raises(TypeError, match=r"holds components, not 'text'"):
        column("text")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="The id “a b”"):
        text("a", id="a b")
    with pytest.raises(RuntimeError, match="has no page"):
        Plugin(id="other", name="Other", version="1").page.set("a", text="b")
    assert page.find("a")["text"] == "a"


def test_what_json_cannot_say_is_logged_and_the_page_goes_on(
    plugin: Plugin, opened: Show, capfd: pytest.CaptureFixture[str]
) -> None:
    page = opened(metric("Now", 0, id="now"), button("Done", lambda event: None))
    plugin.page.set("now", value=float("nan"))
    page.press("Done")
    plugin.page.set("now", value=2)
    page.press("Done")
    assert page.find("now")["value"] == 2
    assert "cannot be said in JSON" in capfd.readouterr().out


def test_times_become_texts_with_their_zone(opened: Show) -> None:
    naive = datetime(2030, 1, 1, 12)  # noqa: DTZ001 - what beginners write
    page = opened(table("T", [col("at", "At", "time"), col("day", "Day", "date")],
                        [{"key": "a", "at": naive, "day": date(2030, 1, 2)}]))  # fmt: skip
    assert page.find("T")["rows"] == [{"key": "a", "at": "2030-01-01T12:00:00Z", "day": "2030-01-02"}]


def test_viewers_are_counted(plugin: Plugin) -> None:
    plugin.page(lambda: column(text(f"{plugin.page.viewers}", id="viewers")))
    with running(plugin) as core:
        core.page()
        core.watch(3)
        core.get("/")  # messages are taken in their order
        assert plugin.page.viewers == 3


def test_only_administrators_see_what_is_theirs(plugin: Plugin) -> None:
    plugin.page(lambda: column(card("Secret", button("Wipe", lambda event: "Gone."), only="admin"), text("open")))
    with running(plugin) as core:
        assert core.page().press("Wipe").message == "Gone."
        client = core.page("carla", role="client")
        assert client.texts() == ["open"]
        with pytest.raises(LookupError, match="no button “Wipe” on the page that carla sees"):
            client.press("Wipe")


def test_an_id_that_is_taken_changes_nothing(plugin: Plugin, opened: Show) -> None:
    page = opened(card("Box", text("a", id="a"), id="box"), text("b", id="b"), button("Done", lambda event: None))
    before = page.tree
    mistakes: list[Callable[[], None]] = [
        lambda: plugin.page.append("box", text("c", id="c"), text("again", id="b")),
        lambda: plugin.page.children("box", text("one", id="one"), text("two", id="one")),
        lambda: plugin.page.replace("a", card("Other", text("again", id="b"))),
    ]
    for mistake in mistakes:
        with pytest.raises(ValueError, match="is on the page twice"):
            mistake()
    plugin.page.children("box", text("a again", id="a"))
    plugin.page.append("box", text("c", id="c"))
    page.press("Done")
    assert [child["id"] for child in page.find("box")["children"]] == ["a", "c"]
    assert page.tree["children"][1:] == before["children"][1:]


def test_a_patch_that_was_refused_is_followed_by_the_whole_page(plugin: Plugin) -> None:
    plugin.page(lambda: column(metric("Now", 0, id="now"), button("Done", lambda event: None)))
    with running(plugin) as core:
        page = core.page()
        plugin.page.set("now", value=1)
        page.press("Done")
        core._shown.tree = None  # what Toru shows is another page than the plugin thinks
        core._frames.send("page", {"action": "refused", "reason": "There is no component “now”."})
        assert core.page().find("now")["value"] == 1


def test_a_function_that_still_builds_for_a_connection_that_has_ended_shows_nothing(plugin: Plugin) -> None:
    building, goes_on = threading.Semaphore(0), threading.Event()
    number: list[int] = []

    @plugin.page
    def page() -> Node:
        number.append(1)
        mine = len(number)
        building.release()
        if mine == 1:
            goes_on.wait(10)
        return text(f"{mine}")

    with running(plugin):
        assert building.acquire(timeout=10)
    with running(plugin) as core:
        screen = core.page()
        goes_on.set()
        plugin.page.refresh()
        assert building.acquire(timeout=10)
        assert building.acquire(timeout=10)
        screen.wait(lambda page: page.texts() == ["3"])
    assert len(number) == 3
