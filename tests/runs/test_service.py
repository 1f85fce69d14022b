"""Runs from their start to their end: real scripts under a real runner, records in a real database."""

import asyncio
import contextlib
import os
import sqlite3
import time
from pathlib import Path

import pytest

from app.core.errors import BadValue, Conflict, Forbidden, Limited, NotFound
from app.runs.schemas import Cancelled, Chunk, Ended, Lines, RunState, RunView
from tests.runs.support import ADMIN, CARLA, DORA, Product, told
from tests.support.waiting import eventually

# -- ends


@pytest.mark.fault("X28")
@pytest.mark.parametrize(
    ("script", "state", "code", "signal", "wire"),
    [
        ("exit 0", RunState.SUCCEEDED, 0, None, 0),
        ("exit 1", RunState.FAILED, 1, None, 1),
        ("exit 127", RunState.FAILED, 127, None, 127),
        ("exit 255", RunState.FAILED, 255, None, 255),
        ("kill -SEGV $$", RunState.KILLED, None, 11, -1),
        ("kill -KILL $$", RunState.KILLED, None, 9, -1),
    ],
)
async def test_every_end_has_its_state(
    product: Product, script: str, state: RunState, code: int | None, signal: int | None, wire: int
) -> None:
    run = await product.runs.start(ADMIN, product.script("end.sh", f"echo output\n{script}"))
    assert run.state is RunState.RUNNING
    run = await product.ended(run)
    assert (run.state, run.exit_code, run.signal, run.code) == (state, code, signal, wire)
    assert run.size == len("output\n")
    assert run.finished_at is not None
    assert run.started_at is not None
    assert run.finished_at >= run.started_at >= run.created_at
    assert await product.runs.tail_text(ADMIN, run.id, 1000) == "output\n"


@pytest.mark.fault("X41")
async def test_a_time_limit_ends_a_run(product: Product) -> None:
    run = await product.runs.start(ADMIN, product.script("long.sh", "sleep 60"), timeout=1)
    run = await product.ended(run)
    assert (run.state, run.signal, run.reason) == (RunState.TIMED_OUT, 15, "It reached its time limit of 1 s.")
    assert run.duration == pytest.approx(1, abs=0.5)


async def test_the_settings_time_limit_counts_where_none_is_given(product: Product) -> None:
    await product.settings.put(ADMIN, "run_timeout", "1")
    script = product.script("long.sh", "sleep 2; echo done")
    limited, unlimited = await product.runs.start(ADMIN, script), await product.runs.start(ADMIN, script, timeout=0)
    assert (await product.ended(limited)).state is RunState.TIMED_OUT
    assert (await product.ended(unlimited)).state is RunState.SUCCEEDED


@pytest.mark.fault("X08", "X09")
@pytest.mark.parametrize(
    ("content", "sentence"),
    [("", "is empty"), ("#!/bin/sh\r\necho hi\r\n", "CRLF"), ("#!/opt/nothing\n", "/opt/nothing")],
)
async def test_what_cannot_be_executed_says_why(product: Product, content: str, sentence: str) -> None:
    (product.config.scripts_dir / "odd.sh").write_text(content)
    (product.config.scripts_dir / "odd.sh").chmod(0o755)
    run = await product.runs.start(ADMIN, "odd.sh")
    assert (run.state, run.code) == (RunState.SPAWN_FAILED, -1)
    assert sentence in (run.reason or "")
    assert await product.runs.tail_text(ADMIN, run.id, 1000) == run.reason
    [event] = [event async for event in product.runs.follow_lines(ADMIN, run.id)]
    assert isinstance(event, Ended)


@pytest.mark.fault("X07")
async def test_what_only_the_kernel_refuses_says_why_too(product: Product) -> None:
    (product.config.scripts_dir / "odd.sh").write_bytes(b"#!" + b"/bin/sh".rjust(300) + b"\necho hi\n")
    (product.config.scripts_dir / "odd.sh").chmod(0o755)
    run = await product.runs.start(ADMIN, "odd.sh")
    assert run.state is RunState.SPAWN_FAILED
    assert "odd.sh could not be started" in (run.reason or "")


# -- what a script gets


@pytest.mark.fault("X04", "X05")
async def test_arguments_and_names_reach_the_script_as_they_are(product: Product) -> None:
    name = product.script("-n 'odd' $(x)\n🚀.sh", 'printf "%s|" "$0" "$@"')
    run = await product.ended(await product.runs.start(ADMIN, name, ["", "a b", "$HOME", "`id`", "-x"]))
    assert run.state is RunState.SUCCEEDED
    path = product.config.scripts_dir / name
    assert (await product.output(run)).decode() == f"{path}||a b|$HOME|`id`|-x|"


@pytest.mark.fault("X07")
async def test_a_script_without_execute_bit_or_shebang_runs_by_its_ending(product: Product) -> None:
    (product.config.scripts_dir / "plain.bash").write_text('echo "$BASH_VERSION" | grep -q . && echo bash')
    run = await product.runs.start(ADMIN, "plain.bash")
    assert await product.output(run) == b"bash\n"


@pytest.mark.fault("X11")
async def test_the_environment_is_clean_and_the_folder_is_torus(
    product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = product.script("see.sh", "env; pwd; ls -l /proc/self/fd | wc -l; read line; echo eof=$?")
    output = (await product.output(await product.runs.start(ADMIN, script))).decode()
    assert "TORU_RUN_ID=" in output
    assert "ADMIN_PASSWORD" not in output
    assert "TORU_DATA_DIR" not in output
    assert "TERM=" not in output
    assert f"\n{product.config.root}\n" in output
    assert "eof=1" in output


async def test_a_terminal_takes_keystrokes_and_follows_the_window(product: Product) -> None:
    script = product.script("ask.sh", 'echo ready; stty size; read name; stty size; echo "hello $name in $TERM"')
    run = await product.runs.start(ADMIN, script, tty=True, cols=90, rows=30)
    await product.until_output(run, b"30 90")
    await product.runs.resize(ADMIN, run.id, 100, 40)
    await product.runs.send_input(ADMIN, run.id, b"Toru\r")
    output = await product.output(run)
    assert b"40 100" in output
    assert b"hello Toru in xterm-256color" in output


async def test_without_a_terminal_there_is_no_typing(product: Product) -> None:
    run = await product.runs.start(ADMIN, product.script("wait.sh", "sleep 60"))
    with pytest.raises(Conflict, match="no terminal"):
        await product.runs.send_input(ADMIN, run.id, b"x")
    await product.runs.cancel(ADMIN, run.id)
    await product.ended(run)
    with pytest.raises(Conflict):
        await product.runs.resize(ADMIN, run.id, 80, 24)


# -- rights


@pytest.mark.fault("X45")
async def test_a_client_runs_quick_actions_and_nothing_else(product: Product) -> None:
    prepared, other = product.script("prepared.sh", "echo hi"), product.script("other.sh", "echo hi")
    action = await product.actions.create(ADMIN, "Prepared", prepared)
    run = await product.runs.start(CARLA, prepared)
    assert (run.username, run.user_id) == ("carla", CARLA.user_id)
    assert (await product.ended(run)).state is RunState.SUCCEEDED
    assert [script.name for script in await product.runs.scripts(CARLA)] == [prepared]
    assert [script.name for script in await product.runs.scripts(ADMIN)] == [other, prepared]
    with pytest.raises(Forbidden):
        await product.runs.start(CARLA, other)
    with pytest.raises(Forbidden):
        await product.runs.start(CARLA, prepared, ["--more"])
    with pytest.raises(Forbidden):
        await product.runs.script_names(CARLA)
    await product.actions.delete(ADMIN, action.id)
    with pytest.raises(Forbidden):
        await product.runs.start(CARLA, prepared)


async def test_a_client_cannot_loosen_the_time_limit(product: Product) -> None:
    script = product.script("quick.sh", "sleep 60")
    await product.actions.create(ADMIN, "Quick", script)
    await product.settings.put(ADMIN, "run_timeout", "5")
    for wanted in (0, 6):
        with pytest.raises(Forbidden, match="at most 5 seconds"):
            await product.runs.start(CARLA, script, timeout=wanted)
    run = await product.runs.start(CARLA, script, timeout=1)
    assert (await product.ended(run)).state is RunState.TIMED_OUT


async def test_everybody_sees_a_run_its_owner_and_admins_cancel_it(product: Product) -> None:
    script = product.script("wait.sh", "sleep 60")
    await product.actions.create(ADMIN, "Wait", script)
    run = await product.runs.start(CARLA, script, tty=True)
    assert (await product.runs.get(DORA, run.id)).id == run.id
    for forbidden in (
        product.runs.cancel(DORA, run.id),
        product.runs.send_input(DORA, run.id, b"x"),
        product.runs.resize(DORA, run.id, 80, 24),
    ):
        with pytest.raises(Forbidden):
            await forbidden
    await product.runs.send_input(CARLA, run.id, b"x")
    await product.runs.cancel(CARLA, run.id)
    assert (await product.ended(run)).state is RunState.CANCELLED
    second = await product.runs.start(CARLA, script)
    await product.runs.cancel(ADMIN, second.id)
    assert (await product.ended(second)).state is RunState.CANCELLED


@pytest.mark.parametrize("run_id", ["", "nope", "../../etc", "\udcff", "0" * 32, "A" * 32, "x" * 5000])
async def test_unknown_runs_are_not_found(product: Product, run_id: str) -> None:
    for look in (product.runs.get, product.runs.cancel, product.runs.wait_end):
        with pytest.raises(NotFound):
            await look(ADMIN, run_id)


@pytest.mark.parametrize(
    "asked",
    [
        {"args": ["nul\0"]},
        {"args": ["\udcff"]},
        {"args": ["x"] * 257},
        {"args": ["x" * 70_000]},
        {"timeout": -1},
        {"cols": 0},
        {"rows": 5000},
        {"idempotency_key": ""},
        {"idempotency_key": "ü"},
    ],
)
async def test_impossible_starts_leave_no_record(product: Product, asked: dict[str, object]) -> None:
    with pytest.raises(BadValue):
        await product.runs.start(ADMIN, product.script("a.sh", "echo hi"), **asked)  # type: ignore[arg-type]
    assert (await product.runs.list(ADMIN)).items == ()


async def test_a_script_that_went_since_it_was_listed_is_not_found(product: Product) -> None:
    name = product.script("gone.sh", "echo hi")
    assert await product.runs.script_names(ADMIN) == [name]
    (product.config.scripts_dir / name).unlink()
    with pytest.raises(NotFound):
        await product.runs.start(ADMIN, name)


# -- cancel


@pytest.mark.fault("X23")
async def test_cancel_kills_what_ignores_it_after_five_seconds(product: Product) -> None:
    script = product.script("stubborn.sh", "trap '' TERM; echo ready; while :; do sleep 0.1; done")
    run = await product.runs.start(ADMIN, script)
    await product.until_output(run, b"ready")
    start = time.monotonic()
    await product.runs.cancel(ADMIN, run.id)
    run = await product.ended(run)
    assert (run.state, run.signal, run.code) == (RunState.CANCELLED, 9, -1)
    assert 4.5 < time.monotonic() - start < 8


async def test_a_cancelled_run_that_exits_by_itself_is_cancelled(product: Product) -> None:
    script = product.script("polite.sh", "trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.05; done")
    run = await product.runs.start(ADMIN, script)
    await product.until_output(run, b"ready")
    assert await product.runs.request_cancel(ADMIN, run.id)
    run = await product.ended(run)
    assert (run.state, run.exit_code, run.code) == (RunState.CANCELLED, 0, -1)
    assert not await product.runs.request_cancel(ADMIN, run.id)
    assert (await product.runs.cancel(ADMIN, run.id)).state is RunState.CANCELLED


@pytest.mark.fault("X24")
async def test_exit_and_cancel_at_the_same_moment_give_one_end(product: Product) -> None:
    script = product.script("brief.sh", "echo hi; sleep 0.05")
    for delay in (0, 0.03, 0.045, 0.05, 0.055, 0.06, 0.08):
        run = await product.runs.start(ADMIN, script)
        ends: list[RunView] = []
        unsubscribe = product.runs.subscribe(ends.append)
        await asyncio.sleep(delay)
        accepted, again = await asyncio.gather(*(product.runs.request_cancel(ADMIN, run.id) for _ in range(2)))
        ended = await product.ended(run)
        assert ended.state is (RunState.CANCELLED if accepted or again else RunState.SUCCEEDED)
        assert [view for view in ends if view.id == run.id and view.state.ended] == [ended]
        unsubscribe()


async def test_followers_hear_of_a_cancel_and_then_of_the_end(product: Product) -> None:
    run = await product.runs.start(ADMIN, product.script("wait.sh", "echo ready; sleep 60"))
    heard = []
    async for event in product.runs.follow_lines(ADMIN, run.id):
        heard.append(event)
        if len(heard) == 1:
            await product.runs.cancel(ADMIN, run.id)
    lines, cancelled, ended = heard
    assert isinstance(lines, list)
    assert told(lines) == [("stdout", b"ready", 6)]
    assert isinstance(cancelled, Cancelled)
    assert isinstance(ended, Ended)
    assert ended.run.state is RunState.CANCELLED


# -- once only


@pytest.mark.fault("X27")
async def test_the_same_key_starts_one_run(product: Product) -> None:
    script = product.script("once.sh", "echo hi")
    starts = [product.runs.start(ADMIN, script, ["x"], idempotency_key="k") for _ in range(5)]
    runs = await asyncio.gather(*starts)
    assert len({run.id for run in runs}) == 1
    await product.ended(runs[0])
    again = await product.runs.start(ADMIN, script, ["x"], idempotency_key="k")
    assert (again.id, again.state) == (runs[0].id, RunState.SUCCEEDED)
    with pytest.raises(Conflict):
        await product.runs.start(ADMIN, script, ["y"], idempotency_key="k")
    await product.actions.create(ADMIN, "Once", script)
    other = await product.runs.start(CARLA, script, idempotency_key="k")
    assert other.id != runs[0].id


async def test_a_known_key_is_answered_even_when_its_script_is_gone(product: Product) -> None:
    script = product.script("gone.sh", "echo hi")
    run = await product.ended(await product.runs.start(ADMIN, script, idempotency_key="gone"))
    (product.config.scripts_dir / script).unlink()
    assert (await product.runs.start(ADMIN, script, idempotency_key="gone")).id == run.id


async def test_a_start_whose_asker_leaves_is_not_lost(product: Product) -> None:
    script = product.script("hello.sh", "echo hi")
    asked = asyncio.create_task(product.runs.start(ADMIN, script))
    while not (await product.runs.list(ADMIN)).items:
        await asyncio.sleep(0)
    asked.cancel()
    [run] = (await product.runs.list(ADMIN)).items
    assert (await product.ended(run)).state is RunState.SUCCEEDED


async def test_a_run_that_is_in_the_database_but_nowhere_else_yet_is_followed_to_its_end(product: Product) -> None:
    script = product.script("hello.sh", "echo hi")
    asked = asyncio.create_task(product.runs.start(ADMIN, script))
    with contextlib.closing(sqlite3.connect(product.config.data_dir / "toru.db")) as database:
        while (row := database.execute("SELECT id FROM runs").fetchone()) is None:
            await asyncio.sleep(0)
            time.sleep(0.02)  # the writer writes, and the loop does not hear of it before the next line
    async with asyncio.timeout(20):
        assert (await product.runs.wait_end(ADMIN, row[0])).state is RunState.SUCCEEDED
    await asked


# -- the queue


@pytest.mark.fault("X32")
async def test_two_hundred_starts_at_once_all_run(product: Product) -> None:
    script = product.script("short.sh", "sleep 0.2; echo done")
    going_on: set[str] = set()
    most = 0

    def watch(view: RunView) -> None:
        nonlocal most
        (going_on.add if view.state is RunState.RUNNING else going_on.discard)(view.id)
        most = max(most, len(going_on))

    product.runs.subscribe(watch)
    runs = await asyncio.gather(*(product.runs.start(ADMIN, script) for _ in range(200)))
    states = [run.state for run in runs]
    assert states.count(RunState.RUNNING) == 20
    assert states.count(RunState.QUEUED) == 180
    ended = [await product.ended(run, 60) for run in runs]
    assert {run.state for run in ended} == {RunState.SUCCEEDED}
    assert most == 20
    assert {await product.output(run) for run in runs} == {b"done\n"}


@pytest.mark.fault("X32")
async def test_the_queue_is_fair_and_can_be_full(product: Product) -> None:
    await product.settings.put(ADMIN, "max_runs", "1")
    script = product.script("wait.sh", "sleep 60")
    await product.actions.create(ADMIN, "Wait", script)
    first = await product.runs.start(ADMIN, script)
    mine = [await product.runs.start(ADMIN, script) for _ in range(3)]
    hers = await product.runs.start(CARLA, script)
    assert [run.queue_position for run in mine] == [1, 2, 3]
    assert hers.queue_position == 1
    assert [(await product.runs.get(ADMIN, run.id)).queue_position for run in mine] == [2, 3, 4]
    for _ in range(196):
        await product.runs.start(ADMIN, script)
    with pytest.raises(Limited, match="waiting") as refused:
        await product.runs.start(ADMIN, script)
    assert refused.value.retry_after > 0
    await product.runs.cancel(ADMIN, first.id)
    hers = await product.until_state(hers, lambda run: run.state is RunState.RUNNING)
    assert hers.queue_position is None


async def test_a_waiting_run_can_be_cancelled_and_more_room_starts_the_next(product: Product) -> None:
    await product.settings.put(ADMIN, "max_runs", "1")
    script = product.script("wait.sh", "sleep 60")
    first, second, third = [await product.runs.start(ADMIN, script) for _ in range(3)]
    events = asyncio.create_task(_all_events(product, second))
    await asyncio.sleep(0)
    cancelled = await product.runs.cancel(ADMIN, second.id)
    assert (cancelled.state, cancelled.code, cancelled.started_at) == (RunState.CANCELLED, -1, None)
    assert [type(event) for event in await events] == [Cancelled, Ended]
    await product.settings.put(ADMIN, "max_runs", "2")
    await product.until_state(third, lambda run: run.state is RunState.RUNNING)
    assert (await product.runs.get(ADMIN, first.id)).state is RunState.RUNNING


async def _all_events(product: Product, run: RunView) -> list[object]:
    return [event async for event in product.runs.follow_lines(ADMIN, run.id)]


async def test_a_script_that_went_while_its_run_waited(product: Product) -> None:
    await product.settings.put(ADMIN, "max_runs", "1")
    first = await product.runs.start(ADMIN, product.script("wait.sh", "sleep 60"))
    second = await product.runs.start(ADMIN, product.script("gone.sh", "echo hi"))
    (product.config.scripts_dir / "gone.sh").unlink()
    await product.runs.cancel(ADMIN, first.id)
    second = await product.ended(second)
    assert second.state is RunState.SPAWN_FAILED
    assert "gone.sh" in (second.reason or "")


# -- output


@pytest.mark.fault("X36")
async def test_a_viewer_that_comes_back_with_its_offset_misses_and_repeats_nothing(product: Product) -> None:
    script = product.script("count.sh", "for i in $(seq 1 2000); do echo line $i; done; sleep 0.2; echo end")
    run = await product.runs.start(ADMIN, script)
    found, offset = bytearray(), 0
    while True:
        async for event in product.runs.follow(ADMIN, run.id, offset):
            if isinstance(event, Chunk):
                found += event.data
                offset = event.offset
            break
        if isinstance(event, Ended):
            break
    assert found == b"".join(b"line %d\n" % number for number in range(1, 2001)) + b"end\n"


@pytest.mark.fault("X17")
async def test_streams_are_told_apart_and_each_is_in_order(product: Product) -> None:
    script = product.script("both.sh", "i=0; while [ $i -lt 5000 ]; do echo $i; echo $i >&2; i=$((i+1)); done")
    run = await product.runs.start(ADMIN, script)
    found: list[tuple[str, bytes, int]] = []
    async for event in product.runs.follow_lines(ADMIN, run.id):
        if isinstance(event, list):
            found += told(event)
    for stream in ("stdout", "stderr"):
        assert [int(line) for name, line, _ in found if name == stream] == list(range(5000))


async def test_a_background_child_that_keeps_the_pipe_does_not_keep_the_run(product: Product) -> None:
    run = await product.runs.start(ADMIN, product.script("leave.sh", "sleep 4 & echo done"))
    start = time.monotonic()
    run = await product.ended(run)
    assert run.state is RunState.SUCCEEDED
    assert time.monotonic() - start < 3


@pytest.mark.fault("X15")
async def test_an_emoji_written_in_two_halves_is_one(product: Product) -> None:
    script = product.script("emoji.sh", "printf '\\360\\237'; sleep 0.1; printf '\\232\\200 \\377\\n'")
    run = await product.runs.start(ADMIN, script)
    lines = [
        part async for event in product.runs.follow_lines(ADMIN, run.id) if isinstance(event, list) for part in event
    ]
    assert [part.data for part in lines if isinstance(part, Lines)] == ["🚀 ".encode() + b"\xff"]
    assert await product.runs.tail_text(ADMIN, run.id, 1000) == "🚀 \ufffd\n"


async def test_output_past_the_cap_keeps_head_and_tail(product: Product) -> None:
    await product.settings.put(ADMIN, "output_cap_mb", "24")
    script = product.script("flood.sh", "echo head; head -c 60000000 /dev/zero | tr '\\0' x; echo tail")
    run = await product.ended(await product.runs.start(ADMIN, script))
    assert (run.truncated, run.size) == (True, 60_000_000 + 10)
    kept = await product.output(run)
    assert kept.startswith(b"head\nx")
    assert kept.endswith(b"xtail\n")
    assert 15 << 20 < len(kept) <= 24 << 20
    stored = sum(path.stat().st_size for path in (product.config.data_dir / "runs" / run.id).iterdir())
    assert stored <= 24 << 20
    assert (await product.runs.tail_text(ADMIN, run.id, 100)).endswith("tail\n")


# -- lists


async def test_lists_newest_first_a_page_at_a_time(product: Product) -> None:
    odd, even = product.script("odd.sh", "exit 1"), product.script("even.sh", "exit 0")
    runs = [await product.ended(await product.runs.start(ADMIN, odd if i % 2 else even, [f"nr{i}"])) for i in range(6)]
    newest = [run.id for run in reversed(runs)]
    page = await product.runs.list(ADMIN, limit=4)
    assert [run.id for run in page.items] == newest[:4]
    rest = await product.runs.list(ADMIN, limit=4, before=page.next_before)
    assert [run.id for run in rest.items] == newest[4:]
    assert rest.next_before is None

    async def found(**wanted: object) -> list[str]:
        return [run.script + run.args[0] for run in (await product.runs.list(ADMIN, **wanted)).items]  # type: ignore[arg-type]

    assert await found(script="odd.sh") == ["odd.shnr5", "odd.shnr3", "odd.shnr1"]
    assert await found(state=RunState.SUCCEEDED) == ["even.shnr4", "even.shnr2", "even.shnr0"]
    assert await found(search="NR3") == ["odd.shnr3"]
    assert await found(search="%") == []
    assert await found(user="carla") == []
    assert len(await found(user="admin")) == 6
    for wrong in ({"limit": 0}, {"limit": 201}, {"before": "nope"}):
        with pytest.raises(BadValue):
            await product.runs.list(ADMIN, **wrong)


@pytest.mark.fault("X29")
async def test_descriptors_and_tasks_do_not_grow_with_runs(product: Product) -> None:
    script = product.script("short.sh", "echo hi")

    async def forty() -> None:
        runs = await asyncio.gather(*(product.runs.start(ADMIN, script) for _ in range(40)))
        for run in runs:
            await product.output(run)
            await product.ended(run)

    await forty()
    await asyncio.sleep(0.1)  # what is still ending now would hide a leak later
    descriptors, tasks = len(os.listdir("/proc/self/fd")), len(asyncio.all_tasks())
    await forty()
    await eventually(lambda: len(os.listdir("/proc/self/fd")) <= descriptors + 2)
    await eventually(lambda: len(asyncio.all_tasks()) <= tasks + 2)


@pytest.mark.fault("S15")
async def test_modes_of_what_is_written(product: Product) -> None:
    await product.ended(await product.runs.start(ADMIN, product.script("a.sh", "echo hi")))

    def modes() -> set[str]:
        paths = [path for part in ("runs", "runner") for path in (product.config.data_dir / part).rglob("*")]
        return {f"{'folder' if path.is_dir() else 'file'} {path.stat().st_mode & 0o777:o}" for path in map(Path, paths)}

    assert await asyncio.to_thread(modes) == {"folder 700", "file 600"}
