"""Routes of plugins made with the SDK: what they are asked and what they answer."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from toru_plugin import Plugin, Problem, Request, Response
from toru_plugin.testing import Core, running
from toru_plugin.values import Values
from toru_plugin.wire import Link, Offline
from toru_plugin.workers import Workers


@pytest.fixture
def plugin() -> Plugin:
    return Plugin(id="made", name="Made", version="1.0")


@pytest.fixture
def core(plugin: Plugin) -> Iterator[Core]:
    with running(plugin) as core:
        yield core


def test_what_was_asked_reaches_the_function(plugin: Plugin, core: Core) -> None:
    @plugin.put("/disks/{name}/parts/{part}")
    def tell(request: Request) -> dict[str, Any]:
        return {
            "method": request.method,
            "path": request.path,
            "params": request.params,
            "query": dict(request.query),
            "every": request.query.every("a"),
            "header": request.headers["x-note"],
            "body": request.json(),
            "viewer": [request.viewer.name, request.viewer.role, request.viewer.is_admin],
        }

    answer = core.request(
        "PUT",
        "/disks/s%2Fd%20a/parts/1?a=1&a=2&b=",
        json_body=[1],
        headers={"X-Note": "é"},
        user="carla",
        role="client",
    )
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {
        "method": "PUT",
        "path": "/disks/s%2Fd%20a/parts/1",
        "params": {"name": "s/d a", "part": "1"},
        "query": {"a": "2", "b": ""},
        "every": ["1", "2"],
        "header": "é",
        "body": [1],
        "viewer": ["carla", "client", False],
    }


@pytest.mark.parametrize(
    ("answer", "status", "body", "kind"),
    [
        ({"a": 1}, 200, b'{"a": 1}', "application/json"),
        ([1, None], 200, b"[1, null]", "application/json"),
        (True, 200, b"true", "application/json"),
        ("é", 200, "é".encode(), "text/plain; charset=utf-8"),
        (b"\xff\0", 200, b"\xff\0", "application/octet-stream"),
        (None, 204, b"", None),
        (Response(418, {"X-Note": ["one", "two"]}, "tea"), 418, b"tea", None),
        (Response(200, {"Content-Type": "image/png"}, b"\x89PNG"), 200, b"\x89PNG", "image/png"),
    ],
)
def test_what_a_function_returns_is_the_answer(
    plugin: Plugin, core: Core, answer: Any, status: int, body: bytes, kind: str | None
) -> None:
    plugin.get("/")(lambda request: answer)
    told = core.get("/")
    assert (told.status, told.body, told.headers.get("content-type")) == (status, body, kind)


def test_methods_and_paths_that_nobody_answers(plugin: Plugin, core: Core) -> None:
    plugin.get("/disks/{name}")(lambda request: {})
    plugin.delete("/disks/{name}")(lambda request: {})
    assert core.get("/disks").status == 404
    assert core.get("/disks/").status == 404
    assert core.get("/disks/a/b").json() == {"error": "There is nothing at this address."}
    refused = core.post("/disks/a")
    assert (refused.status, refused.headers["allow"]) == (405, "GET, DELETE")
    assert core.request("HEAD", "/disks/a").status == 200


@pytest.mark.parametrize(("role", "status"), [("admin", 200), ("client", 403)])
def test_a_route_for_administrators_refuses_others(plugin: Plugin, core: Core, role: Any, status: int) -> None:
    plugin.post("/wipe", only="admin")(lambda request: {})
    assert core.post("/wipe", role=role).status == status


def test_a_problem_is_a_refusal_with_its_sentence(plugin: Plugin, core: Core) -> None:
    @plugin.post("/")
    def refuse(request: Request) -> None:
        request.json()
        raise Problem("There is no such disk.", status=404)

    assert core.post("/", {}).json() == {"error": "There is no such disk."}
    assert core.post("/", {}).status == 404
    unreadable = core.request("POST", "/", b"{")
    assert (unreadable.status, unreadable.json()) == (400, {"error": "The body is not JSON."})
    assert core.request("POST", "/", b"\xff").status == 400


@pytest.mark.parametrize("failure", [ZeroDivisionError("secret"), SystemExit(3)])
def test_a_failing_function_is_a_500_and_its_traceback_is_in_the_log(
    plugin: Plugin, core: Core, failure: BaseException, capfd: pytest.CaptureFixture[str]
) -> None:
    @plugin.get("/fail")
    def fail(request: Request) -> None:
        raise failure

    answer = core.get("/fail?x=1")
    assert (answer.status, answer.json()) == (500, {"error": "Something went wrong in the plugin. Its log says what."})
    (line,) = [line for line in capfd.readouterr().out.splitlines() if '"level": "error"' in line]
    assert '"message": "GET /fail failed."' in line
    assert "in fail" in line
    assert core.get("/other").status == 404, "and it goes on"


@pytest.mark.parametrize(
    "answer", [object(), float("nan"), {"a": object()}, Response(200, {}, b"a" * (8 << 20) + b"b")]
)
def test_what_is_no_answer_is_a_500(plugin: Plugin, core: Core, answer: Any) -> None:
    plugin.get("/")(lambda request: answer)
    assert core.get("/").status == 500


def test_half_a_surrogate_pair_does_not_end_the_connection(plugin: Plugin, core: Core) -> None:
    plugin.get("/")(lambda request: Response(200, {"X-Note": "\ud800"}, "a\udfffb"))
    assert core.get("/").text == "a?b"


def test_64_requests_are_answered_at_once_and_values_are_kept_amid_them(plugin: Plugin, core: Core) -> None:
    all_there = threading.Barrier(64, timeout=10)

    @plugin.get("/{number}")
    def wait(request: Request) -> str | None:
        plugin.kv.set(request.params["number"], "kept")
        all_there.wait()
        return plugin.kv.get(request.params["number"])

    with ThreadPoolExecutor(64) as pool:
        answers = list(pool.map(lambda number: core.get(f"/{number}").text, range(64)))
    assert answers == ["kept"] * 64
    assert len(core.kv) == 64


def test_two_requests_that_come_when_one_thread_is_idle_are_answered_at_once() -> None:
    workers, first, both = Workers("test", 64), threading.Event(), threading.Barrier(3, timeout=10)
    workers.do(first.set)
    assert first.wait(10)
    deadline = time.monotonic() + 10
    while not workers._idle:
        assert time.monotonic() < deadline
        time.sleep(0.001)

    def meet() -> None:
        both.wait()

    workers.do(meet)
    workers.do(meet)
    both.wait()
    workers.close()


def test_a_value_that_is_waited_for_when_the_connection_ends_is_not_waited_for() -> None:
    class Silent(Link):
        def send(self, kind: str, payload: dict[str, Any], request_id: str | None = None) -> None:
            threading.Timer(0.05, values.hang_up).start()

    values = Values(Silent())
    began = time.monotonic()
    with pytest.raises(Offline):
        values.get("a")
    assert time.monotonic() - began < 5


def test_values_are_texts_and_errors_are_sentences(plugin: Plugin, core: Core) -> None:
    with pytest.raises(TypeError, match="A value is a text, not int"):
        plugin.kv.set("a", 1)  # type: ignore[arg-type]
    plugin.kv.set("a", "1")
    assert plugin.kv.get("a") == "1"
    plugin.kv.delete("a")
    assert plugin.kv.get("a") is None


def test_without_a_connection_values_say_so() -> None:
    with pytest.raises(RuntimeError, match="There is no connection to Toru"):
        Plugin(id="made", name="Made", version="1.0").kv.get("a")


def test_what_is_repeated_goes_on_after_a_failure(plugin: Plugin, capfd: pytest.CaptureFixture[str]) -> None:
    calls: list[float] = []
    three = threading.Event()

    @plugin.every(0.01)
    def tick() -> None:
        calls.append(time.monotonic())
        if len(calls) == 3:
            three.set()
        raise ValueError("again")

    with running(plugin):
        assert three.wait(10)
    assert '"message": "tick failed."' in capfd.readouterr().out


def test_toasts_reach_toru(plugin: Plugin, core: Core) -> None:
    plugin.get("/")(lambda request: plugin.toast("Done.", "success"))
    core.get("/")
    assert core.toasts == [("Done.", "success")]


@pytest.mark.parametrize("wrong", ["", "a b", "route", "ä", "a" * 49])
def test_ids_that_toru_would_refuse_are_refused_at_once(wrong: str) -> None:
    with pytest.raises(ValueError, match="The id "):
        Plugin(id=wrong, name="Made", version="1.0")


@pytest.mark.parametrize("wrong", ["made", "/a/b", "/api", "/login", "/é"])
def test_routes_that_toru_would_refuse_are_refused_at_once(wrong: str) -> None:
    with pytest.raises(ValueError, match="The route "):
        Plugin(id="made", name="Made", version="1.0", route=wrong)
