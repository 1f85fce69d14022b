"""Protocol 1 with plugins as they exist: one connection at a time, one message each, both shapes of answers."""

import asyncio
import json
import time

import pytest

from app.plugins import protocol1
from app.plugins.schemas import PluginState
from app.plugins.wire import MAX_BODY, NotText, PluginBusy, PluginDown, PluginLate, PluginRefused
from tests.plugins.support import ADMIN, Plugged, connection_of
from tests.support.waiting import eventually

HASTY = """
# Reads the length with one recv(4), and drops whatever came in the same arrival after a message.
server = listen()
while True:
    connection, _ = server.accept()
    header = connection.recv(4)
    if len(header) == 4:
        length = int.from_bytes(header, "big")
        data = connection.recv(length + 65536)
        while len(data) < length:
            data += connection.recv(65536)
        message = json.loads(data[:length])
        if message["type"] == "http":
            request_id, request = message["payload"]["request_id"], message["payload"]["payload"]
            say(connection, "http", wrapped(request_id, {"status": 200, "headers": {}, "body": request}), request_id)
        while connection.recv(1):
            pass
    connection.close()
"""


async def test_a_hasty_reader_that_wraps_its_answers_is_served(plugged: Plugged) -> None:
    await plugged.ready("hasty", HASTY)
    for number in range(20):
        told = json.loads((await plugged.ask("hasty", f"/{number}", "POST", "grüße".encode())).body)
        assert told == {"method": "POST", "path": f"/{number}", "headers": {"accept": "*/*"}, "body": "grüße"}


async def test_requests_are_handed_over_one_after_the_other(plugged: Plugged) -> None:
    code = """
server, inside = listen(), 0
def serve(connection):
    global inside
    message = read(connection)
    if message and message["type"] == "http":
        inside += 1
        most = inside
        time.sleep(0.01)
        inside -= 1
        say(connection, "http", answer(None, f"{most} {message['request_id']}"), message["request_id"])
    connection.close()
while True:
    threading.Thread(target=serve, args=(server.accept()[0],)).start()
"""
    await plugged.ready("one", code)
    answers = await asyncio.gather(*(plugged.ask("one", f"/{number}") for number in range(30)))
    assert {answer.body.split()[0] for answer in answers} == {b"1"}
    assert len({answer.body for answer in answers}) == 30


async def test_a_queue_that_is_full_says_so_and_the_others_are_served(plugged: Plugged) -> None:
    await plugged.ready("slow", "serve1(lambda request: time.sleep(0.02) or answer(request))")
    done = await asyncio.gather(*(plugged.ask("slow") for _ in range(80)), return_exceptions=True)
    busy = [one for one in done if isinstance(one, PluginBusy)]
    assert len(busy) == 80 - 65
    assert busy[0].status == 503
    assert len([one for one in done if not isinstance(one, BaseException)]) == 65
    assert (await plugged.ask("slow")).status == 200


@pytest.mark.fault("G20")
async def test_a_late_answer_is_504_and_the_process_lives_on(plugged: Plugged, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol1, "ANSWER_SECONDS", 0.5)
    came = plugged.folder / "came"
    code = f"""
def handle(request):
    time.sleep(0.8 if request["path"] == "/slow" else 0)
    return answer(request, request["path"])
def note_too(*arguments):
    say_if_heard(*arguments)
    open({str(came)!r}, "w").close()
plugin_kit.say = note_too
serve1(handle)
"""
    view = await plugged.ready("late", TOLERANT + code)
    began = time.monotonic()
    with pytest.raises(PluginLate) as told:
        await plugged.ask("late", "/slow")
    assert told.value.status == 504
    assert time.monotonic() - began > 0.45
    await plugged.until_state("late", PluginState.UNHEALTHY)
    await eventually(came.exists)
    assert (await plugged.ask("late", "/quick")).body == b"/quick"  # and not what came late
    again = await plugged.until_state("late", PluginState.READY)
    assert again.pid == view.pid


TOLERANT = """
import plugin_kit
real = plugin_kit.say
def say_if_heard(*arguments):
    try:
        real(*arguments)
    except OSError:
        pass
plugin_kit.say = say_if_heard
"""


async def test_the_wait_for_a_turn_counts(plugged: Plugged, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol1, "ANSWER_SECONDS", 0.5)
    await plugged.ready("slow", TOLERANT + "serve1(lambda request: time.sleep(0.35) or answer(request))")
    done = await asyncio.gather(*(plugged.ask("slow") for _ in range(3)), return_exceptions=True)
    assert [isinstance(one, PluginLate) for one in done] == [False, True, True]


async def test_bodies_that_are_no_text_cannot_travel(plugged: Plugged) -> None:
    await plugged.ready("hello")
    with pytest.raises(NotText) as told:
        await plugged.ask("hello", "/", "POST", b"\xff\xfe")
    assert told.value.status == 415
    assert json.loads((await plugged.ask("hello", "/", "POST", b"\x00\x7f\r\n")).body)["body"] == "\x00\x7f\r\n"


async def test_a_body_of_8_mib_travels_both_ways(plugged: Plugged) -> None:
    await plugged.ready("echo", "serve1(lambda request: answer(request, request['body']))")
    assert (await plugged.ask("echo", "/", "POST", b"x" * MAX_BODY)).body == b"x" * MAX_BODY
    await plugged.ready("more", "serve1(lambda request: answer(request, 'x' * (8 * 1024 * 1024 + 1)))")
    with pytest.raises(PluginRefused):
        await plugged.ask("more")


@pytest.mark.fault("G18")
@pytest.mark.parametrize(
    "stray",
    [
        "'request_id': 'another', 'type': 'http'",
        "'request_id': None, 'type': 'http'",
        "'request_id': 7, 'type': 'http'",
        "'type': 'http'",
        "'request_id': request['request_id'], 'type': 'lifecycle'",
    ],
    ids=["another", "null", "a number", "none", "another type"],
)
async def test_an_answer_to_something_else_is_never_taken(plugged: Plugged, stray: str) -> None:
    code = f"""
server = listen()
while True:
    connection, _ = server.accept()
    while (request := read(connection)) is not None:
        if request["type"] == "http":
            body = json.dumps({{{stray}, "payload": answer(request, "stray")}}).encode()
            connection.sendall(len(body).to_bytes(4, "big") + body)
            say(connection, "http", answer(request, "right"), request["request_id"])
    connection.close()
"""
    await plugged.ready("stray", code)
    assert (await plugged.ask("stray")).body == b"right"
    assert connection_of(plugged, "stray").stray == 1


FRAMES = """
server = listen()
while True:
    connection, _ = server.accept()
    while (request := read(connection)) is not None:
        if request["type"] == "http":
            what = request["payload"]["payload"]["path"]
            message = {"type": "http", "request_id": request["request_id"], "payload": answer(request, "good")}
            good = json.dumps(message).encode()
            header = len(good).to_bytes(4, "big")
            try:
                if what == "/little":
                    connection.sendall(len(good).to_bytes(4, "little") + good)
                elif what == "/zero":
                    connection.sendall(bytes(4))
                elif what == "/4gib":
                    connection.sendall(b"\\xff\\xff\\xff\\xff" + good)
                elif what == "/16mib":
                    padded = good + b" " * ((16 << 20) - len(good))
                    connection.sendall(len(padded).to_bytes(4, "big") + padded)
                elif what == "/17mib":
                    padded = good + b" " * ((16 << 20) + 1 - len(good))
                    connection.sendall(len(padded).to_bytes(4, "big") + padded)
                elif what == "/half":
                    connection.sendall(header + good[:20])
                    break
                elif what == "/silence":
                    connection.sendall(header)
                    time.sleep(1.5)
                elif what == "/slowly":
                    for byte in header + good:
                        connection.sendall(bytes([byte]))
                        time.sleep(0.005)
                elif what == "/garbage":
                    connection.sendall(b"HTTP/1.1 200 OK\\r\\n\\r\\n")
                elif what == "/list":
                    connection.sendall((2).to_bytes(4, "big") + b"[]")
                else:
                    connection.sendall(header + good)
            except OSError:
                break
    connection.close()
"""


@pytest.mark.fault("G14")
async def test_frames_of_every_size(plugged: Plugged, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol1, "ANSWER_SECONDS", 5.0)
    view = await plugged.ready("frames", FRAMES)
    for good in ("/good", "/16mib", "/slowly"):
        assert (await plugged.ask("frames", good)).body == b"good"
    for bad in ("/little", "/zero", "/4gib", "/17mib", "/half", "/garbage", "/list"):
        began = time.monotonic()
        with pytest.raises(PluginDown):
            await plugged.ask("frames", bad)
        assert time.monotonic() - began < 4.5
        assert (await plugged.ask("frames", "/good")).body == b"good"
    monkeypatch.setattr(protocol1, "ANSWER_SECONDS", 0.7)
    with pytest.raises(PluginLate):
        await plugged.ask("frames", "/silence")
    monkeypatch.setattr(protocol1, "ANSWER_SECONDS", 5.0)
    assert (await plugged.ask("frames", "/good")).body == b"good"
    assert (await plugged.plugins.get(ADMIN, "frames")).pid == view.pid


async def test_a_browser_that_leaves_frees_the_turn(plugged: Plugged) -> None:
    code = "serve1(lambda request: time.sleep(0.3 if request['path'] == '/slow' else 0) or answer(request))"
    await plugged.ready("slow", TOLERANT + code)
    left = [asyncio.create_task(plugged.ask("slow", "/slow")) for _ in range(20)]
    await eventually(lambda: connection_of(plugged, "slow")._turns.inside == len(left))
    for one in left:
        one.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    assert (await plugged.ask("slow")).status == 200
    assert connection_of(plugged, "slow")._turns.inside == 0


async def test_a_crash_is_502_at_once_and_the_request_is_not_sent_again(plugged: Plugged) -> None:
    mark = plugged.folder / "seen"
    code = f"""
def crash(request):
    with open({str(mark)!r}, "a") as seen:
        seen.write("x")
    os._exit(9)
serve1(crash)
"""
    await plugged.ready("crash", code)
    began = time.monotonic()
    with pytest.raises(PluginDown):
        await plugged.ask("crash")
    assert time.monotonic() - began < 15
    await plugged.until_state("crash", PluginState.READY)
    assert mark.read_text() == "x"
