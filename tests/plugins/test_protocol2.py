"""Protocol 2: one connection, many requests at once, bytes, pings, and what a plugin asks of us."""

import asyncio
import json
import time
import tracemalloc

import psutil
import pytest

from app.plugins import calls, life, protocol2
from app.plugins.schemas import PluginEvent, PluginState
from app.plugins.wire import MAX_BODY, PluginBusy, PluginDown, PluginLate, PluginRefused
from tests.plugins.support import ADMIN, Plugged, connection_of
from tests.support.waiting import eventually

ECHO = """
def handle(connection, message):
    request = message["payload"]
    return {**answer(request, request["body"]), "body_encoding": request["body_encoding"]}
serve2(handle)
"""


async def test_init_says_what_there_is_to_know(plugged: Plugged) -> None:
    code = """
seen = []
def handle(connection, message):
    return answer(message, json.dumps(seen))
def other(connection, message):
    seen.append([message["type"], message["payload"]])
serve2(handle, other)
"""
    view = await plugged.ready("two", code, protocol="2")
    assert view.protocol == "2"
    assert json.loads((await plugged.ask("two")).body) == [
        [
            "lifecycle",
            {
                "action": "init",
                "protocols": ["2"],
                "instance_id": plugged.settings.instance_id,
                "plugin_socket": view.socket_path,
                "log_path": str(plugged.logs.path("two")),
                "license_key": None,
            },
        ]
    ]


@pytest.mark.fault("G30")
async def test_bytes_travel_both_ways(plugged: Plugged) -> None:
    await plugged.ready("echo", ECHO, protocol="2")
    for body in (b"", b"text", "grüße".encode(), bytes(range(256)) * 10, b"\xff" * 100_000, b"\x01" * MAX_BODY):
        assert (await plugged.ask("echo", "/", "POST", body)).body == body


@pytest.mark.fault("G19")
async def test_200_requests_answered_in_reverse_order_find_their_way(plugged: Plugged) -> None:
    """At most 64 are at the plugin; it answers each heap of them in reverse."""
    code = """
heap = []
def handle(connection, message):
    heap.append(message)
    if len(heap) == 50:
        for late in reversed(heap):
            say(connection, "http", answer(late, late["payload"]["path"]), late["request_id"])
        heap.clear()
serve2(handle)
"""
    await plugged.ready("two", code, protocol="2")
    answers = await asyncio.gather(*(plugged.ask("two", f"/{number}") for number in range(200)))
    assert [answer.body for answer in answers] == [f"/{number}".encode() for number in range(200)]


@pytest.mark.fault("G19")
async def test_at_most_64_are_under_way_and_the_queue_has_an_end(plugged: Plugged) -> None:
    code = """
most = under_way = 0
heap = []
def handle(connection, message):
    global most, under_way
    if message["payload"]["path"] == "/most":
        for late in heap:
            say(connection, "http", answer(late, str(len(heap))), late["request_id"])
        heap.clear()
        return answer(message, "0")
    heap.append(message)
    if len(heap) == 64:
        time.sleep(0.3)
        for late in heap:
            say(connection, "http", answer(late, str(len(heap))), late["request_id"])
        heap.clear()
serve2(handle)
"""
    await plugged.ready("two", code, protocol="2")
    done = await asyncio.gather(*(plugged.ask("two") for _ in range(330)), return_exceptions=True)
    assert len([one for one in done if isinstance(one, PluginBusy)]) == 330 - 64 - 256
    assert {one.body for one in done if not isinstance(one, BaseException)} == {b"64"}


@pytest.mark.fault("G18")
@pytest.mark.parametrize(
    "stray",
    [
        "say(connection, 'http', answer(message, 'stray'), 'another')",
        "say(connection, 'http', answer(message, 'stray'))",
        "say(connection, 'http', answer(message, 'stray'), 7)",
        "say(connection, 'http', answer(message, 'stray'), ['x'])",
        "say(connection, 'nonsense', answer(message, 'stray'), message['request_id'])",
    ],
    ids=["another", "none", "a number", "a list", "another type"],
)
async def test_what_answers_no_request_is_dropped_and_counted(plugged: Plugged, stray: str) -> None:
    await plugged.ready("two", f"serve2(lambda connection, message: {stray} or answer(message, 'right'))", protocol="2")
    for _ in range(3):
        assert (await plugged.ask("two")).body == b"right"
    assert connection_of(plugged, "two").stray == 3


@pytest.mark.fault("G18")
async def test_a_second_answer_is_for_nobody(plugged: Plugged) -> None:
    code = """
def handle(connection, message):
    say(connection, "http", answer(message, message["payload"]["path"]), message["request_id"])
    return answer(message, "again")
serve2(handle)
"""
    await plugged.ready("two", code, protocol="2")
    answers = await asyncio.gather(*(plugged.ask("two", f"/{number}") for number in range(20)))
    assert [answer.body for answer in answers] == [f"/{number}".encode() for number in range(20)]
    assert (await plugged.ask("two", "/last")).body == b"/last"
    assert connection_of(plugged, "two").stray >= 20


@pytest.mark.fault("G20")
async def test_a_late_answer_is_dropped_and_the_plugin_told(plugged: Plugged, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol2, "ANSWER_SECONDS", 0.3)
    code = """
cancelled, late = [], []
def handle(connection, message):
    if message["payload"]["path"] == "/slow":
        late.append(message)
        return None
    return answer(message, json.dumps([[one["request_id"] for one in late], cancelled]))
def other(connection, message):
    if message["type"] == "cancel":
        cancelled.append(message["request_id"])
        say(connection, "http", answer(message, "late"), message["request_id"])
serve2(handle, other)
"""
    view = await plugged.ready("two", code, protocol="2")
    began = time.monotonic()
    with pytest.raises(PluginLate):
        await plugged.ask("two", "/slow")
    assert time.monotonic() - began < 10
    late, cancelled = json.loads((await plugged.ask("two")).body)
    assert late == cancelled
    assert len(late) == 1
    assert connection_of(plugged, "two").stray == 1
    assert connection_of(plugged, "two").under_way == 0
    assert (await plugged.plugins.get(ADMIN, "two")).pid == view.pid


@pytest.mark.fault("G23")
async def test_a_thousand_that_leave_leave_nothing(plugged: Plugged) -> None:
    await plugged.ready("two", "serve2(lambda connection, message: None)", protocol="2")
    for _ in range(5):
        left = [asyncio.create_task(plugged.ask("two")) for _ in range(200)]
        await eventually(lambda: connection_of(plugged, "two").under_way == 64)
        for one in left:
            one.cancel()
        await asyncio.gather(*left, return_exceptions=True)
    connection = connection_of(plugged, "two")
    assert (connection.under_way, connection._turns.inside, connection._turns._bytes) == (0, 0, 0)


@pytest.mark.parametrize("protocol", ['"3"', "2", "None", '["2"]'])
async def test_a_version_that_was_not_offered_is_refused_by_name(plugged: Plugged, protocol: str) -> None:
    plugged.write("two", f"serve2(protocol={protocol})", protocol="2")
    await plugged.until("two", lambda view: True)
    await plugged.plugins.enable(ADMIN, "two")
    view = await plugged.until_state("two", PluginState.GIVEN_UP)
    assert view.reason is not None
    assert 'of "2", which this version of Toru speaks' in view.reason


BAD_FRAMES = """
def handle(connection, message):
    path = message["payload"]["path"]
    whole = {"type": "http", "request_id": message["request_id"], "payload": answer(message, "good")}
    good = json.dumps(whole).encode()
    if path == "/little":
        connection.sendall(len(good).to_bytes(4, "little") + good)
    elif path == "/zero":
        connection.sendall(bytes(4))
    elif path == "/4gib":
        connection.sendall(b"\\xff\\xff\\xff\\xff")
    elif path == "/16mib":
        padded = good + b" " * ((16 << 20) - len(good))
        connection.sendall(len(padded).to_bytes(4, "big") + padded)
    elif path == "/65mib":
        connection.sendall((65 << 20).to_bytes(4, "big") + good)
    elif path == "/close":
        connection.sendall(len(good).to_bytes(4, "big") + good[:10])
        connection.close()
        wait()
    elif path == "/half":
        connection.sendall(len(good).to_bytes(4, "big") + good[:10])
    elif path == "/slowly":
        for byte in len(good).to_bytes(4, "big") + good:
            connection.sendall(bytes([byte]))
            time.sleep(0.005)
    elif path != "/never":
        return answer(message, "good")
serve2(handle)
"""


@pytest.mark.fault("G14")
@pytest.mark.parametrize("path", ["/little", "/zero", "/4gib", "/65mib", "/close"])
async def test_what_is_no_frame_ends_the_connection_and_counts_as_a_crash(plugged: Plugged, path: str) -> None:
    first = await plugged.ready("two", BAD_FRAMES, protocol="2")
    waiting = [asyncio.create_task(plugged.ask("two", "/never")) for _ in range(3)]
    await eventually(lambda: connection_of(plugged, "two").under_way == 3)
    tracemalloc.start()
    try:
        with pytest.raises(PluginDown):
            await plugged.ask("two", path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 << 20  # whatever else happened meanwhile included; the frames claim up to 4 GiB
    assert all(isinstance(one, PluginDown) for one in await asyncio.gather(*waiting, return_exceptions=True))
    view = await plugged.until_crashed("two")
    assert view.reason is not None
    assert "frame" in view.reason or "closed" in view.reason
    view = await plugged.until_state("two", PluginState.READY)
    assert (view.restarts, view.pid != first.pid) == (1, True)


@pytest.mark.fault("G14")
async def test_a_frame_of_16_mib_and_one_that_comes_slowly_pass(plugged: Plugged) -> None:
    await plugged.ready("two", BAD_FRAMES, protocol="2")
    assert (await plugged.ask("two", "/16mib")).body == b"good"
    assert (await plugged.ask("two", "/slowly")).body == b"good"


UNREADABLE = """
def frame(kind, request_id, payload, turned):
    fields = [b'"type": "%s"' % kind, b'"request_id": "%s"' % request_id.encode(), b'"payload": ' + payload]
    body = b"{" + b", ".join(fields[::-1] if turned else fields) + b"}"
    connection.sendall(len(body).to_bytes(4, "big") + body)
def handle(connection_, message):
    global connection
    connection, path = connection_, message["payload"]["path"]
    body = {
        "surrogate": lambda: b'"\\\\ud800"',
        "nan": lambda: b"NaN",
        "control": lambda: json.dumps("\\x01" * (3 << 20)).encode(),
        "values": lambda: b"[" + b"[]," * 5200000 + b"[]]",
        "nothing": lambda: b"}{",
    }[path.split("/")[1]]()
    if "kv" in path:
        frame(b"kv", "k", body, False)
        while (told := read(connection))["type"] != "kv":
            pass
        return answer(message, json.dumps(told["payload"]))
    if "event" in path:
        frame(b"event", "", body, False)
        return answer(message, "good")
    frame(b"http", message["request_id"], b'{"status": 200, "body": ' + body + b"}", "turned" in path)
serve2(handle)
"""


@pytest.mark.parametrize("order", ["", "/turned"])
@pytest.mark.parametrize("body", ["surrogate", "nan", "control", "values", "nothing"])
async def test_an_answer_that_cannot_be_read_is_the_end_of_its_request_alone(
    plugged: Plugged, body: str, order: str
) -> None:
    """A browser may have sent what is wrong with it: nobody else may be hurt by that."""
    first = await plugged.ready("two", UNREADABLE, protocol="2")
    with pytest.raises(PluginRefused):
        await plugged.ask("two", f"/{body}{order}")
    again = asyncio.create_task(plugged.ask("two", f"/{body}{order}"))
    again.cancel()  # nobody waits for it any more when it comes
    assert (await plugged.ask("two", "/nan/event")).body == b"good"
    assert json.loads((await plugged.ask("two", "/nan/kv")).body)["status"] == 400
    view = await plugged.plugins.get(ADMIN, "two")
    assert (view.state, view.pid) == (PluginState.READY, first.pid)


async def test_an_answer_of_many_values_does_not_block_and_takes_no_memory(plugged: Plugged) -> None:
    await plugged.ready("two", UNREADABLE, protocol="2")
    tracemalloc.start()
    try:
        with pytest.raises(PluginRefused, match="values"):
            await plugged.ask("two", "/values")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 << 20


@pytest.mark.fault("G16")
async def test_a_frame_that_does_not_end_ends_the_process(plugged: Plugged, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(life, "LOOK_SECONDS", 0.1)
    monkeypatch.setattr(protocol2, "FRAME_SECONDS", 0.5)
    await plugged.ready("two", BAD_FRAMES, protocol="2")
    with pytest.raises(PluginDown):
        await plugged.ask("two", "/half")
    view = await plugged.until_crashed("two")
    assert view.reason == "It began a frame and did not end it within 0 seconds."


@pytest.mark.fault("G40")
async def test_who_answers_no_pings_is_unhealthy_and_then_started_anew(
    plugged: Plugged, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(life, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(protocol2, "PING_SECONDS", 0.1)
    monkeypatch.setattr(protocol2, "SILENT_SECONDS", 1.5)
    code = """
def handle(connection, message):
    time.sleep(float(message["payload"]["path"][1:]))
    return answer(message)
serve2(handle)
"""
    view = await plugged.ready("two", code, protocol="2")
    await asyncio.sleep(0.5)
    assert (await plugged.plugins.get(ADMIN, "two")).state is PluginState.READY
    asking = asyncio.create_task(plugged.ask("two", "/0.9"))
    await plugged.until_state("two", PluginState.UNHEALTHY)
    assert (await asking).status == 200
    recovered = await plugged.until_state("two", PluginState.READY)
    assert recovered.pid == view.pid
    with pytest.raises(PluginDown):
        await plugged.ask("two", "/20")
    view = await plugged.until_crashed("two")
    assert view.reason == "It answered no ping for 2 seconds."


CALLS = """
calls = 0
def handle(connection, message):
    for number, call in enumerate(json.loads(message["payload"]["body"])):
        say(connection, "kv", call, f"q{number}")
    answers = {}
    while len(answers) < number + 1:
        told = read(connection)
        if told["type"] == "kv":
            answers[told["request_id"]] = told["payload"]
    return answer(message, json.dumps([answers[f"q{one}"] for one in range(number + 1)]))
serve2(handle)
"""


async def test_a_plugin_keeps_values_of_its_own(plugged: Plugged) -> None:
    async def call(plugin_id: str, *calls: object) -> list[dict[str, object]]:
        told = await plugged.ask(plugin_id, "/", "POST", json.dumps(calls).encode())
        found: list[dict[str, object]] = json.loads(told.body)
        return found

    await plugged.ready("one", CALLS, protocol="2")
    await plugged.ready("two", CALLS, protocol="2")
    assert await call(
        "one",
        {"action": "set", "key": "k", "value": "of one"},
        {"action": "get", "key": "k"},
        {"action": "get", "key": "other"},
    ) == [{"value": "of one"}, {"value": "of one"}, {"value": None}]
    # Whatever a message names, the namespace is that of the connection.
    foreign = {"action": "get", "key": "k", "plugin": "one", "plugin_id": "one", "namespace": "page"}
    assert await call("two", foreign) == [{"value": None}]
    bad = await call("one", {"action": "drop", "key": "k"}, {"key": 5}, "nonsense", None, {"action": "get", "key": ""})
    assert {answer.get("status") for answer in bad} == {400}
    assert all(answer["error"] for answer in bad)
    assert await call("one", {"action": "delete", "key": "k"}, {"action": "get", "key": "k"}) == [
        {"value": None},
        {"value": None},
    ]


@pytest.mark.fault("G44")
async def test_calls_beyond_the_allowance_take_their_time(plugged: Plugged, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "CALLS_A_SECOND", 50.0)
    monkeypatch.setattr(calls, "CALLS_AT_ONCE", 20.0)
    await plugged.ready("many", CALLS, protocol="2")
    asked = json.dumps([{"action": "get", "key": "k"}] * 120).encode()
    began = time.monotonic()
    assert len(json.loads((await plugged.ask("many", "/", "POST", asked)).body)) == 120
    assert time.monotonic() - began > 1.9


@pytest.mark.fault("G44")
async def test_a_flood_of_calls_slows_only_the_flooder(plugged: Plugged) -> None:
    code = """
def flood(connection):
    for number in range(10000):
        say(connection, "kv", {"action": "get", "key": str(number)}, str(number))
def handle(connection, message):
    threading.Thread(target=flood, args=(connection,), daemon=True).start()
    return answer(message)
serve2(handle)
"""
    await plugged.ready("floods", code, protocol="2")
    await plugged.ready("calm", ECHO, protocol="2")
    await plugged.ask("floods")
    lag, began = [], time.monotonic()
    while time.monotonic() - began < 2:
        slept = time.monotonic()
        await asyncio.sleep(0.01)
        lag.append(time.monotonic() - slept - 0.01)
        assert (await plugged.ask("calm", "/", "POST", b"x")).body == b"x"
    assert sorted(lag)[len(lag) * 95 // 100] < 0.5
    assert connection_of(plugged, "floods")._calls._waiting.qsize() < 5000


@pytest.mark.fault("G44")
async def test_a_flood_of_frames_slows_only_the_flooder(plugged: Plugged) -> None:
    code = """
frame = json.dumps({"type": "noise", "payload": ["x" * 100] * 1000}).encode()
def handle(connection, message):
    say(connection, "http", answer(message), message["request_id"])
    while True:
        connection.sendall((len(frame).to_bytes(4, "big") + frame) * 10)
serve2(handle)
"""
    await plugged.ready("floods", code, protocol="2")
    await plugged.ready("calm", ECHO, protocol="2")
    await plugged.ask("floods")
    own = psutil.Process()
    before = own.cpu_times()
    lag, began = [], time.monotonic()
    while time.monotonic() - began < 2:
        slept = time.monotonic()
        await asyncio.sleep(0.01)
        lag.append(time.monotonic() - slept - 0.01)
    after = own.cpu_times()
    share = (after.user + after.system - before.user - before.system) / (time.monotonic() - began)
    assert share < 0.6  # a quarter of it at most for the flood
    assert sorted(lag)[len(lag) * 95 // 100] < 0.5
    assert (await plugged.ask("calm", "/", "POST", b"x")).body == b"x"


async def test_events_reach_whoever_listens_and_a_flood_of_them_is_cut(plugged: Plugged) -> None:
    code = """
def handle(connection, message):
    say(connection, "event", {"name": "toast", "data": {"message": "Done."}})
    for bad in (None, [], {}, {"name": 5}, {"name": "x" * 101}, {"name": "a\\nb"}, {"name": "big", "data": "x" * 9000}):
        say(connection, "event", bad)
    for number in range(500):
        say(connection, "event", {"name": "flood", "data": number})
    return answer(message)
serve2(handle)
"""
    heard: list[PluginEvent] = []
    plugged.plugins.listen(heard.append)
    await plugged.ready("two", code, protocol="2")
    await plugged.ask("two")
    assert heard[0] == PluginEvent("two", "toast", {"message": "Done."})
    assert {event.name for event in heard[1:]} == {"flood"}
    assert len(heard) <= 60
    assert connection_of(plugged, "two")._calls.dropped >= 440


async def test_an_answer_that_is_none_is_502(plugged: Plugged) -> None:
    code = "serve2(lambda connection, message: {'status': '200', 'body': 'x'})"
    await plugged.ready("two", code, protocol="2")
    with pytest.raises(PluginRefused) as told:
        await plugged.ask("two")
    assert told.value.status == 502


async def test_bodies_on_their_way_are_bounded(plugged: Plugged) -> None:
    await plugged.ready("two", "serve2(lambda connection, message: time.sleep(30))", protocol="2")
    asking = [asyncio.create_task(plugged.ask("two", "/", "POST", b"x" * MAX_BODY)) for _ in range(6)]
    async with asyncio.timeout(20):
        while sum(one.done() for one in asking) < 2:
            await asyncio.sleep(0.02)
    done, pending = await asyncio.wait(asking, timeout=0.2)
    assert len(pending) == 4
    assert all(isinstance(one.exception(), PluginBusy) for one in done)
    await plugged.plugins.disable(ADMIN, "two")
    results = await asyncio.gather(*pending, return_exceptions=True)
    assert all(isinstance(one, PluginDown) for one in results)


async def test_shutdown_ends_it_at_once(plugged: Plugged) -> None:
    await plugged.ready("two", ECHO, protocol="2")
    began = time.monotonic()
    await plugged.plugins.disable(ADMIN, "two")
    assert plugged.processes_of("two") == []
    assert time.monotonic() - began < life.TERM_SECONDS, "no signal was needed"
