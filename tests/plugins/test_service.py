"""Plugins as an admin sees them: found, enabled, replaced, removed, refused, and who may do what."""

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlmodel import Session, col, select

from app.audit.models import AuditRow
from app.core.clock import Clock
from app.core.errors import Conflict, Forbidden, NotFound, StepUpNeeded, Unavailable
from app.core.permissions import Actor, Role, TokenRights
from app.plugins.schemas import Health, PluginState
from app.plugins.wire import PluginDown, PluginRequest
from tests.plugins.support import ADMIN, CARLA, Plugged, connection_of, text_of, write
from tests.support.waiting import eventually


async def audit_of(plugged: Plugged) -> list[tuple[str, str, str]]:
    def read(session: Session) -> list[tuple[str, str, str]]:
        rows = session.exec(select(AuditRow).order_by(col(AuditRow.id)))
        return [(row.actor, row.what, row.target) for row in rows]

    return await plugged.database.read(read)


async def test_a_plugin_that_is_dropped_in_is_disabled_until_an_admin_enables_it(plugged: Plugged) -> None:
    plugged.write("hello")
    view = await plugged.until("hello", lambda view: True, seconds=5)
    assert (view.name, view.route, view.protocol, view.enabled, view.running) == ("Hello", "/hello", "1", False, False)
    assert view.health is Health.DISABLED
    with pytest.raises(NotFound):
        await plugged.ask("hello")

    await plugged.plugins.enable(ADMIN, "hello")
    view = await plugged.until_state("hello", PluginState.READY)
    assert view.enabled
    assert view.running
    assert view.health is Health.HEALTHY
    assert [process.pid for process in plugged.processes_of("hello")] == [view.pid]
    answer = await plugged.ask("hello", "/a%2Fb?x=1&x=2")
    assert json.loads(answer.body) == {
        "method": "GET",
        "path": "/a%2Fb?x=1&x=2",
        "headers": {"accept": "*/*"},
        "body": None,
    }

    view = await plugged.plugins.disable(ADMIN, "hello")
    assert (view.enabled, view.running, view.pid, view.state) == (False, False, None, PluginState.DISABLED)
    assert plugged.processes_of("hello") == []
    assert not Path(view.socket_path).exists()
    with pytest.raises(NotFound):
        await plugged.ask("hello")
    assert await audit_of(plugged) == [("admin", "plugin.enabled", "hello"), ("admin", "plugin.disabled", "hello")]


async def test_what_was_decided_outlives_the_core(plugged: Plugged) -> None:
    await plugged.ready("hello")
    plugged.write("other")
    await plugged.until("other", lambda view: True)
    await plugged.restart()
    await plugged.until_state("hello", PluginState.READY)
    other = await plugged.until("other", lambda view: True)
    assert not other.enabled
    config = json.loads((plugged.folder / ".metadata" / "config.json").read_text())
    assert config == {"files": {"hello": "hello.binary"}, "plugins": {"hello": True}}


async def test_a_plugin_that_the_file_says_is_enabled_runs_at_once(plugged: Plugged) -> None:
    (plugged.folder / ".metadata").mkdir()
    (plugged.folder / ".metadata" / "config.json").write_text('{"plugins": {"hello": true}}')
    plugged.write("hello")
    view = await plugged.until_state("hello", PluginState.READY, seconds=5)
    assert view.enabled
    assert (await plugged.ask("hello")).status == 200


async def test_a_setting_enables_new_plugins_by_itself(plugged: Plugged) -> None:
    await plugged.settings.put(ADMIN, "enable_new_plugins", "yes")
    plugged.write("hello")
    await plugged.until_state("hello", PluginState.READY, seconds=5)
    assert ("system", "plugin.enabled", "hello") in await audit_of(plugged)


@pytest.mark.fault("G34")
async def test_a_replaced_file_restarts_its_plugin_once(plugged: Plugged) -> None:
    first = await plugged.ready("hello", "serve1(lambda request: answer(request, 'one'))")
    assert (await plugged.ask("hello")).body == b"one"
    processes: set[int | None] = set()
    supervisor = plugged.plugins._find("hello")
    plugged.plugins.subscribe(lambda _: processes.add(supervisor.pid))
    plugged.write("hello", "serve1(lambda request: answer(request, 'two'))", version="2.0")
    view = await plugged.until(
        "hello", lambda view: view.version == "2.0" and view.state is PluginState.READY, seconds=5
    )
    assert (await plugged.ask("hello")).body == b"two"
    assert view.pid != first.pid
    assert processes - {None} == {first.pid, view.pid}


@pytest.mark.fault("G35")
async def test_a_removed_file_ends_its_plugin_and_a_restored_one_brings_it_back(plugged: Plugged) -> None:
    await plugged.ready("hello")
    await plugged.values.handle("hello", "set", "kept", "yes")
    (plugged.folder / "hello.binary").unlink()
    async with asyncio.timeout(5):
        while plugged.processes_of("hello"):
            await asyncio.sleep(0.05)
    assert await plugged.plugins.list(ADMIN) == []
    plugged.write("hello")
    await plugged.until_state("hello", PluginState.READY, seconds=5)
    assert await plugged.values.handle("hello", "get", "kept") == "yes"


async def test_of_two_with_the_same_id_or_route_the_first_wins(plugged: Plugged) -> None:
    await plugged.ready("hello")
    write(plugged.folder / "again.binary", text_of("hello", route="/elsewhere"))
    assert await plugged.until_problem("again.binary") == "Its id hello is that of hello.binary."
    write(plugged.folder / "aaa.binary", text_of("aaa", route="/hello"))
    assert await plugged.until_problem("aaa.binary") == "Its route /hello is that of hello.binary."
    assert [view.id for view in await plugged.plugins.list(ADMIN)] == ["hello"]

    (plugged.folder / "hello.binary").unlink()
    await plugged.until("aaa", lambda view: True)
    await plugged.until("hello", lambda view: view.route == "/elsewhere")


async def test_a_file_that_cannot_be_a_plugin_says_why_and_is_asked_again(plugged: Plugged) -> None:
    write(plugged.folder / "bad.binary", "#!/bin/sh\necho no JSON\n")
    assert (await plugged.until_problem("bad.binary")).startswith("What it printed with --metadata is not JSON")
    write(plugged.folder / "flag.binary", f"#!/bin/sh\ntest -e {plugged.folder}/flag || exit 3\necho oh >&2; exit 4\n")
    assert await plugged.until_problem("flag.binary") == "With --metadata it ended with exit code 3."
    (plugged.folder / "flag").touch()
    reasons = {problem.file: problem.reason for problem in await plugged.plugins.look_again(ADMIN)}
    assert reasons["flag.binary"] == "With --metadata it ended with exit code 4: oh."
    with pytest.raises(Forbidden):
        plugged.plugins.problems(CARLA)


@pytest.mark.fault("G36")
async def test_a_plugin_whose_file_may_not_be_executed_any_more_is_stopped(plugged: Plugged) -> None:
    await plugged.ready("hello")
    (plugged.folder / "hello.binary").chmod(0o666)
    assert "may be changed by everybody" in await plugged.until_problem("hello.binary", seconds=5)
    async with asyncio.timeout(8):
        while plugged.processes_of("hello"):
            await asyncio.sleep(0.05)
    (plugged.folder / "hello.binary").chmod(0o755)
    await plugged.until_state("hello", PluginState.READY, seconds=5)


async def test_who_may_do_what(plugged: Plugged) -> None:
    await plugged.ready("hello")
    assert [view.id for view in await plugged.plugins.list(CARLA)] == ["hello"]
    assert (await plugged.plugins.send(CARLA, "hello", PluginRequest("POST", "/", {}, b"x"))).status == 200
    for decide in (plugged.plugins.enable, plugged.plugins.disable, plugged.plugins.restart):
        with pytest.raises(Forbidden):
            await decide(CARLA, "hello")
        with pytest.raises(NotFound):
            await decide(ADMIN, "unknown")
    careful = Actor(None, "admin", "Administrator", Role.ADMIN, has_second_factor=True)
    with pytest.raises(StepUpNeeded):
        await plugged.plugins.disable(careful, "hello")
    reader = Actor("c" * 32, "carla", "Carla", Role.CLIENT, token=TokenRights("t", frozenset({"read"})))
    assert (await plugged.plugins.send(reader, "hello", PluginRequest("GET", "/"))).status == 200
    with pytest.raises(Forbidden, match="only read"):
        await plugged.plugins.send(reader, "hello", PluginRequest("POST", "/"))
    runner = Actor("c" * 32, "carla", "Carla", Role.CLIENT, token=TokenRights("t", frozenset({"run:x"})))
    with pytest.raises(Forbidden):
        await plugged.plugins.list(runner)
    await plugged.plugins.disable(ADMIN, "hello")
    with pytest.raises(Conflict):
        await plugged.plugins.restart(ADMIN, "hello")


async def test_a_restart_brings_another_process_and_is_audited(plugged: Plugged) -> None:
    first = await plugged.ready("hello")
    await plugged.plugins.restart(ADMIN, "hello")
    second = await plugged.until_state("hello", PluginState.READY)
    assert first.pid != second.pid
    assert ("admin", "plugin.restarted", "hello") in await audit_of(plugged)


@pytest.mark.fault("G12")
async def test_disabled_while_it_waits_starts_or_answers_it_stays_disabled(plugged: Plugged) -> None:
    await plugged.ready("waits", "sys.exit(3) if os.path.exists(__file__ + '.crash') else serve1()")
    (plugged.folder / "waits.binary.crash").touch()
    os.kill((await plugged.plugins.get(ADMIN, "waits")).pid or 0, signal.SIGKILL)
    await plugged.until_state("waits", PluginState.WAITING)
    await plugged.plugins.disable(ADMIN, "waits")
    (plugged.folder / "waits.binary.crash").unlink()

    plugged.write("starts", "wait()")
    await plugged.until("starts", lambda view: True)
    await plugged.plugins.enable(ADMIN, "starts")
    await plugged.until("starts", lambda view: view.pid is not None)
    await plugged.plugins.disable(ADMIN, "starts")

    await plugged.ready("answers", "serve1(lambda request: time.sleep(60))")
    asking = asyncio.create_task(plugged.ask("answers"))
    await eventually(lambda: connection_of(plugged, "answers")._turns.inside)
    await plugged.plugins.disable(ADMIN, "answers")
    with pytest.raises(PluginDown):
        await asking

    await asyncio.sleep(1.5)  # longer than the pause before the start that must not happen
    for view in await plugged.plugins.list(ADMIN):
        assert (view.state, plugged.processes_of(view.id)) == (PluginState.DISABLED, [])


@pytest.mark.fault("G34")
async def test_a_file_that_is_still_copied_is_never_run(plugged: Plugged) -> None:
    text = text_of("hello").replace("describe(", f"open({str(plugged.folder / 'ran')!r}, 'a').write('x'); describe(", 1)
    path = plugged.folder / "hello.binary"
    with path.open("w", buffering=1) as file:
        path.chmod(0o755)
        for line in text.splitlines(keepends=True):
            file.write(line)
            await asyncio.sleep(0.2)
        assert not (plugged.folder / "ran").exists()
    await plugged.until("hello", lambda view: True, seconds=5)
    assert (plugged.folder / "ran").read_text() == "x"


async def test_what_somebody_writes_into_the_file_of_decisions_counts(plugged: Plugged) -> None:
    await plugged.ready("hello")
    config = plugged.folder / ".metadata" / "config.json"
    config.write_text('{"plugins": {"hello": false}}')
    await plugged.plugins.look_again(ADMIN)
    view = await plugged.until_state("hello", PluginState.DISABLED)
    assert not view.enabled
    config.write_text('{"plugins": {"hello": true}}')
    await plugged.plugins.look_again(ADMIN)
    await plugged.until_state("hello", PluginState.READY)


async def test_a_decision_that_cannot_be_kept_is_told_and_changes_nothing(plugged: Plugged) -> None:
    plugged.write("hello")
    await plugged.until("hello", lambda view: True)
    (plugged.folder / ".metadata").write_text("a file where the folder should be")
    with pytest.raises(Unavailable, match="plugins folder cannot be written"):
        await plugged.plugins.enable(ADMIN, "hello")
    assert (await plugged.plugins.get(ADMIN, "hello")).state is PluginState.DISABLED
    rows = await plugged.database.read(lambda session: [row.outcome for row in session.exec(select(AuditRow))])
    assert rows == ["ok", "failed"]


async def test_a_watch_that_ends_begins_again(
    plugged: Plugged, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("app.plugins.keeper.LOOK_SECONDS", 0.1)
    calls = []

    async def changes(folder: Path) -> AsyncIterator[None]:
        calls.append(folder)
        yield
        if len(calls) < 3:
            raise ValueError("nobody thought of this")
        await asyncio.Event().wait()

    monkeypatch.setattr("app.plugins.keeper.changes", changes)
    await plugged.restart()
    while len(calls) < 3:
        await asyncio.sleep(0.05)
    assert caplog.text.count("the plugins folder is watched anew") == 2
    caplog.clear()


async def test_the_file_that_was_enabled_stays_the_one_that_runs(plugged: Plugged) -> None:
    await plugged.ready("good", version="new")
    good, old = plugged.folder / "good.binary", plugged.folder / "good-old.binary"
    write(old, text_of("good", version="old"))
    assert await plugged.until_problem(old.name) == "Its id good is that of good.binary."
    await plugged.restart()
    assert (await plugged.until_state("good", PluginState.READY)).version == "new"

    good.chmod(0o777)  # refused for a moment, it keeps its id
    await plugged.until_problem(good.name)
    assert await plugged.plugins.list(ADMIN) == []
    good.chmod(0o755)
    assert (await plugged.until_state("good", PluginState.READY)).version == "new"

    good.unlink()  # when it is gone, the other one is all there is, until it is back
    await plugged.until("good", lambda view: view.version == "old" and view.state is PluginState.READY)
    plugged.write("good", version="new")
    await plugged.until("good", lambda view: view.version == "new" and view.state is PluginState.READY)

    good.unlink()  # gone when the core starts, it is no longer the one
    await plugged.restart()
    await plugged.until_state("good", PluginState.READY)
    plugged.write("good", version="new")
    assert await plugged.until_problem(good.name) == "Its id good is that of good-old.binary."


async def test_which_file_runs_is_kept_also_for_decisions_of_an_earlier_version(plugged: Plugged) -> None:
    (plugged.folder / ".metadata").mkdir()
    config = plugged.folder / ".metadata" / "config.json"
    config.write_text('{"plugins": {"good": true}}')
    plugged.write("good", version="new")
    await plugged.until_state("good", PluginState.READY)
    write(plugged.folder / "good-old.binary", text_of("good", version="old"))
    await plugged.restart()
    assert (await plugged.until_state("good", PluginState.READY)).version == "new"
    assert json.loads(config.read_text()) == {"files": {"good": "good.binary"}, "plugins": {"good": True}}


async def test_files_that_hang_hold_up_nobody(plugged: Plugged) -> None:
    def hang(seconds: int) -> None:
        for number in range(9):
            write(plugged.folder / f"a{number}.binary", f"#!/bin/sh\nsleep {seconds}\n")

    await plugged.ready("good")
    plugged.write("known")
    await plugged.until("known", lambda view: True)
    await plugged.plugins.close()
    hang(100)
    plugged.plugins = plugged.service(Clock())
    began = time.monotonic()
    await plugged.plugins.open()
    await plugged.until_state("good", PluginState.READY, seconds=20)
    await plugged.until("known", lambda view: True, seconds=20)
    assert time.monotonic() - began < 20  # one after the other they would take 45

    hang(101)
    plugged.write("late")
    await plugged.until("late", lambda view: True, seconds=20)
    hang(102)
    began = time.monotonic()
    (plugged.folder / "good.binary").unlink()
    while any(view.id == "good" for view in await plugged.plugins.list(ADMIN)):
        await asyncio.sleep(0.02)
    assert time.monotonic() - began < 20
    assert await plugged.until_problem("a8.binary") == "With --metadata it did not end within 5 seconds."


async def test_a_group_of_the_owner_alone_is_warned_of(plugged: Plugged) -> None:
    plugged.write("hello").chmod(0o775)
    view = await plugged.until("hello", lambda view: view.warning is not None)
    assert view.warning == "Its group may change it. Forbid that with: chmod g-w"


async def test_requests_that_are_under_way_when_the_core_ends_are_waited_for(plugged: Plugged) -> None:
    await plugged.ready("slow", "serve1(lambda request: time.sleep(0.5) or answer(request, 'done'))")
    asking = asyncio.create_task(plugged.ask("slow"))
    await eventually(lambda: connection_of(plugged, "slow")._turns.inside)
    await plugged.plugins.leave()
    assert (await asking).body == b"done"
    with pytest.raises(NotFound):
        await plugged.ask("slow")
    assert plugged.processes_of("slow") == []


async def test_without_setpriv_no_plugin_runs_and_everybody_is_told_why(
    plugged: Plugged, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.plugins.keeper.shutil.which", lambda name: None)
    plugged.write("hello")
    await plugged.restart()
    assert await plugged.plugins.list(ADMIN) == []
    assert [problem.reason for problem in plugged.plugins.problems(ADMIN)] == [
        "Plugins cannot be run: setpriv is not installed. It is part of util-linux."
    ]
