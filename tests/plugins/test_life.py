"""A plugin's process: what it gets, how it ends, how often it is started again, and that nothing of it is left."""

import asyncio
import json
import os
import signal
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from app.core.clock import Clock
from app.plugins import life
from app.plugins.schemas import PluginState
from app.plugins.wire import PluginDown
from tests.plugins.support import ADMIN, CARLA, Plugged, open_plugged


async def test_what_a_process_gets(plugged: Plugged, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORU_LICENSE_SECRET", "secret")
    monkeypatch.setenv("ADMIN_PASSWORD", "secret")
    code = """
told = []
serve1(lambda request: answer(request, json.dumps(
    {"env": dict(os.environ), "argv": sys.argv[1:], "init": told, "group": os.getpgrp() == os.getpid(),
     "fds": sorted(os.listdir("/proc/self/fd"))})),
    lambda action, payload: told.append(payload))
"""
    view = await plugged.ready("hello", code)
    told = json.loads((await plugged.ask("hello")).body)
    instance = plugged.settings.instance_id
    env = told["env"]
    assert set(env) - {"TZ", "LC_CTYPE"} == {
        "PATH",
        "HOME",
        "LANG",
        "TORU_PLUGIN_SOCKET",
        "TORU_PLUGIN_ID",
        "TORU_INSTANCE_ID",
    }
    assert (env["TORU_PLUGIN_SOCKET"], env["TORU_PLUGIN_ID"]) == (view.socket_path, "hello")
    assert env["TORU_INSTANCE_ID"] == instance
    assert told["argv"] == []
    assert told["group"]
    assert len(told["fds"]) <= 6  # its own three, its sockets and the folder it looks at
    assert told["init"] == [
        {
            "type": "lifecycle",
            "action": "init",
            "instance_id": instance,
            "plugin_socket": view.socket_path,
            "log_path": str(plugged.logs.path("hello")),
        }
    ]
    assert len(view.socket_path) < 108
    assert Path(view.socket_path).parent.stat().st_mode & 0o777 == 0o700


async def test_what_it_prints_is_its_log_and_why_it_crashed_is_told(plugged: Plugged) -> None:
    plugged.write("hello", "print('one', flush=True); sys.stderr.write('two\\nthree'); sys.exit(5)")
    await plugged.until("hello", lambda view: True)
    await plugged.plugins.enable(ADMIN, "hello")
    view = await plugged.until_crashed("hello")
    assert view.reason == "It ended with exit code 5: three"
    assert (await plugged.plugins.get(CARLA, "hello")).reason == "It crashed and will be started again."
    await plugged.plugins.disable(ADMIN, "hello")
    await plugged.logs.close()
    messages = [json.loads(line)["message"] for line in plugged.log_of("hello").splitlines()]
    assert {"one", "two", "three", "It ended with exit code 5: three"} <= set(messages)


@pytest.mark.fault("G06")
async def test_shutdown_is_heard_and_the_socket_is_gone(plugged: Plugged) -> None:
    view = await plugged.ready("hello", "serve1(None, lambda action, payload: print(action, flush=True))")
    for _ in range(50):
        assert (await plugged.ask("hello")).status == 200
    await plugged.plugins.disable(ADMIN, "hello")
    assert not Path(view.socket_path).exists()
    await plugged.logs.close()
    assert '"message": "shutdown"' in plugged.log_of("hello")


@pytest.mark.parametrize("protocol", ["1", "2"])
async def test_who_cannot_be_told_yet_gets_term_at_once(plugged: Plugged, protocol: str) -> None:
    plugged.write("early", "wait()", protocol=protocol)
    await plugged.until("early", lambda view: True)
    await plugged.plugins.enable(ADMIN, "early")
    await plugged.until("early", lambda view: view.pid is not None)
    began = time.monotonic()
    await plugged.plugins.disable(ADMIN, "early")
    assert time.monotonic() - began < life.TERM_SECONDS
    assert plugged.processes_of("early") == []


async def test_a_process_that_hears_nothing_gets_term_and_then_kill(
    plugged: Plugged, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(life, "TERM_SECONDS", 0.3)
    monkeypatch.setattr(life, "KILL_SECONDS", 0.8)
    code = "signal.signal(signal.SIGTERM, lambda *_: print('TERM', flush=True)); server = listen(); wait()"
    await plugged.ready("deaf", code)
    began = time.monotonic()
    await plugged.plugins.disable(ADMIN, "deaf")
    assert time.monotonic() - began > 0.7
    assert plugged.processes_of("deaf") == []
    await plugged.logs.close()
    assert '"message": "TERM"' in plugged.log_of("deaf")


@pytest.mark.fault("G46")
async def test_what_it_started_goes_with_it_however_it_hides(plugged: Plugged) -> None:
    code = """
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        wait()
    os._exit(0)
os.wait()
serve1()
"""
    await plugged.ready("forks", code)
    async with asyncio.timeout(10):
        while len(plugged.processes_of("forks")) != 2:  # the older child has been killed, which takes a moment
            await asyncio.sleep(0.05)
    await plugged.plugins.disable(ADMIN, "forks")
    assert plugged.processes_of("forks") == []


@pytest.mark.fault("G46")
async def test_a_child_that_holds_the_socket_of_a_crashed_process_is_in_nobodys_way(plugged: Plugged) -> None:
    code = """
server = listen()
if os.fork() == 0:
    os.setsid()
    wait()
serve1(lambda request: answer(request, str(os.getpid())), None, server)
"""
    first = await plugged.ready("forks", code)
    os.kill(first.pid or 0, signal.SIGKILL)
    second = await plugged.until("forks", lambda view: view.state is PluginState.READY and view.pid != first.pid)
    assert (await plugged.ask("forks")).body == str(second.pid).encode()
    assert len(plugged.processes_of("forks")) == 2


@pytest.mark.fault("G11")
async def test_a_killed_process_is_started_again_and_answers(plugged: Plugged) -> None:
    first = await plugged.ready("hello")
    os.kill(first.pid or 0, signal.SIGKILL)
    await plugged.until("hello", lambda view: view.reason == "It was ended by signal SIGKILL.")
    with pytest.raises(PluginDown):
        await plugged.ask("hello")
    view = await plugged.until_state("hello", PluginState.READY)
    assert (await plugged.ask("hello")).status == 200
    assert (view.restarts, view.reason) == (1, None)


@pytest.mark.fault("G11")
@pytest.mark.parametrize("ending", ["sys.exit(0)", "os.kill(os.getpid(), signal.SIGSEGV)", "sys.exit(3)"])
async def test_whoever_ends_unasked_is_started_again(plugged: Plugged, ending: str) -> None:
    mark = plugged.folder / "once"
    await plugged.ready(
        "hello",
        f"""
import pathlib
if not os.path.exists({str(mark)!r}):
    pathlib.Path({str(mark)!r}).touch()
    {ending}
serve1()
""",
    )
    assert plugged.pauses == [1.0]
    assert (await plugged.plugins.get(ADMIN, "hello")).restarts == 1


@pytest.mark.fault("G11")
async def test_exit_code_78_is_no_crash_and_its_last_line_is_the_reason(plugged: Plugged) -> None:
    plugged.write("paid", "print('starting', file=sys.stderr); sys.exit('The licence has run out.\\n') "
                  "if False else (sys.stderr.write('The licence has run out.\\n'), sys.exit(78))")  # fmt: skip
    await plugged.until("paid", lambda view: True)
    await plugged.plugins.enable(ADMIN, "paid")
    view = await plugged.until_state("paid", PluginState.GIVEN_UP)
    assert view.reason == "The licence has run out."
    (told,) = await plugged.plugins.list(CARLA)
    assert told.reason == "It was disabled because it does not run. An administrator can see why."
    assert (view.enabled, view.restarts, plugged.pauses) == (False, 0, [])
    await plugged.restart()
    view = await plugged.until_state("paid", PluginState.GIVEN_UP)
    assert view.reason == "The licence has run out."

    plugged.write("paid")
    await plugged.until("paid", lambda view: True)
    await plugged.plugins.enable(ADMIN, "paid")
    view = await plugged.until_state("paid", PluginState.READY)
    assert (view.enabled, view.reason) == (True, None)
    config = json.loads((plugged.folder / ".metadata" / "config.json").read_text())
    assert config == {"files": {"paid": "paid.binary"}, "plugins": {"paid": True}}


@pytest.fixture
async def impatient(database_template: Path) -> AsyncIterator[Plugged]:
    """Pauses before a start are noted, and over at once."""

    async def nothing(_: float) -> None:
        await asyncio.sleep(0)

    async with open_plugged(database_template, Clock(), nothing) as opened:
        yield opened


@pytest.mark.fault("G08")
async def test_the_tenth_crash_in_a_row_disables_it_and_one_button_tries_again(impatient: Plugged) -> None:
    impatient.write("hello", "sys.exit(3)")
    await impatient.until("hello", lambda view: True)
    await impatient.plugins.enable(ADMIN, "hello")
    view = await impatient.until_state("hello", PluginState.GIVEN_UP, seconds=30)
    assert impatient.pauses == [1, 2, 4, 8, 16, 16, 16, 16, 16]
    assert view.reason == "It crashed too often. The last time: It ended with exit code 3."
    assert not view.enabled
    config = impatient.folder / ".metadata" / "config.json"
    async with asyncio.timeout(5):
        while not json.loads(config.read_text()).get("reasons"):
            await asyncio.sleep(0.02)
    assert json.loads(config.read_text())["plugins"] == {"hello": False}

    impatient.write("hello")
    await asyncio.sleep(0.7)  # a new file alone does not enable it
    assert (await impatient.plugins.get(ADMIN, "hello")).state is PluginState.GIVEN_UP
    await impatient.plugins.enable(ADMIN, "hello")
    await impatient.until_state("hello", PluginState.READY)


@pytest.mark.fault("G07")
@pytest.mark.parametrize(
    ("code", "protocol", "reason"),
    [
        ("wait()", "1", "It was not ready within 1 seconds."),
        ("wait()", "2", "It was not ready within 1 seconds."),
        ("server = listen(); wait()", "2", "It was not ready within 1 seconds."),
        ("server = listen(); connection, _ = server.accept(); wait()", "2", "It was not ready within 1 seconds."),
    ],
    ids=["no socket, 1", "no socket, 2", "never accepts", "never answers init"],
)
async def test_whoever_is_not_ready_in_time_crashed(
    plugged: Plugged, monkeypatch: pytest.MonkeyPatch, code: str, protocol: str, reason: str
) -> None:
    monkeypatch.setattr(life, "START_SECONDS", 1.0)
    plugged.write("slow", code, protocol=protocol)
    await plugged.until("slow", lambda view: True)
    await plugged.plugins.enable(ADMIN, "slow")
    view = await plugged.until_crashed("slow")
    assert view.reason == reason
    assert plugged.processes_of("slow") == []


@pytest.mark.fault("G07")
async def test_a_slow_start_is_waited_for(plugged: Plugged) -> None:
    await plugged.ready("slow", "time.sleep(2); serve1()")
    assert plugged.pauses == []


@pytest.mark.fault("G40")
async def test_a_halted_process_is_unhealthy_and_then_started_anew(
    plugged: Plugged, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(life, "LOOK_SECONDS", 0.1)
    monkeypatch.setattr(life, "HALTED_SECONDS", 1.0)
    first = await plugged.ready("hello")
    os.kill(first.pid or 0, signal.SIGSTOP)
    await plugged.until_state("hello", PluginState.UNHEALTHY)
    os.kill(first.pid or 0, signal.SIGCONT)
    await plugged.until_state("hello", PluginState.READY)
    os.kill(first.pid or 0, signal.SIGSTOP)
    view = await plugged.until_crashed("hello")
    assert view.reason == "It was halted for 1 seconds."
    await plugged.until_state("hello", PluginState.READY)


async def test_a_process_whose_socket_was_removed_is_started_anew(
    plugged: Plugged, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(life, "LOOK_SECONDS", 0.1)
    first = await plugged.ready("hello")
    Path(first.socket_path).unlink()
    Path(first.socket_path).parent.rmdir()
    with pytest.raises(PluginDown):
        await plugged.ask("hello")
    view = await plugged.until_crashed("hello")
    assert view.reason == "Its socket is gone."
    await plugged.until_state("hello", PluginState.READY)
    assert (await plugged.ask("hello")).status == 200


@pytest.mark.fault("G15")
async def test_a_flood_on_both_streams_costs_little_and_blocks_nobody(plugged: Plugged) -> None:
    code = """
def flood(stream, data):
    while True:
        stream.buffer.write(data)
for what in ((sys.stdout, b"line\\n" * 20000), (sys.stderr, b"\\xff" * 100000)):
    threading.Thread(target=flood, args=what, daemon=True).start()
serve1()
"""
    await plugged.ready("floods", code)
    await plugged.ready("calm")
    own = psutil.Process()
    before = own.cpu_times()
    began, lag = time.monotonic(), []
    while time.monotonic() - began < 3:
        slept = time.monotonic()
        await asyncio.sleep(0.01)
        lag.append(time.monotonic() - slept - 0.01)
    after = own.cpu_times()
    share = (after.user + after.system - before.user - before.system) / (time.monotonic() - began)
    assert share < 0.4
    assert sorted(lag)[len(lag) * 95 // 100] < 0.5
    assert (await plugged.ask("calm")).status == 200
    assert (await plugged.ask("floods")).status == 200
    await plugged.plugins.disable(ADMIN, "floods")
    await plugged.logs.close()
    assert "lines were dropped" in plugged.log_of("floods")


@pytest.mark.fault("G47")
async def test_processes_do_not_depend_on_the_thread_that_asked_for_them(plugged: Plugged) -> None:
    """The kernel ends a process with the thread that started it, so that must not be a thread that ends."""
    plugged.write("hello")
    await plugged.until("hello", lambda view: True)
    loop = asyncio.get_running_loop()

    def enable() -> None:
        asyncio.run_coroutine_threadsafe(plugged.plugins.enable(ADMIN, "hello"), loop).result(10)

    thread = threading.Thread(target=enable)
    thread.start()
    await asyncio.to_thread(thread.join)
    view = await plugged.until_state("hello", PluginState.READY)
    await asyncio.sleep(0.2)
    assert psutil.pid_exists(view.pid or 0)
    assert (await plugged.ask("hello")).status == 200
