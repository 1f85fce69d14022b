"""The core goes and comes back, or the runner dies: runs go on, or end with the truth on record."""

import asyncio
import json
import os
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from app.core.clock import now_iso
from app.core.config import ROOT
from app.core.errors import Unavailable
from app.runner.journal import END, RECORD, STDOUT
from app.runs.link import RunnerLink, connect
from app.runs.models import RunRow
from app.runs.runner_process import RunnerStarter
from app.runs.schemas import Chunk, Ended, RunState, RunView
from app.runs.store import RunStore, StoredRun
from tests.runs.support import ADMIN, Product, open_product, processes_of, write_journal
from tests.support.server import is_runner_of
from tests.support.waiting import eventually

RUNNER_LOST = "runner .* is gone"


def runners(product: Product) -> list[psutil.Process]:
    return [process for process in psutil.process_iter() if is_runner_of(process, product.config.data_dir)]


def boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


async def record(product: Product, script: str, **values: object) -> RunView:
    """A row as a core that died left it."""
    row = RunRow(
        id=os.urandom(16).hex(),
        script=script,
        args=json.dumps([]),
        tty=False,
        cols=80,
        rows=24,
        time_limit=0,
        username="admin",
        requester="",
        created_at=now_iso(),
        **values,  # type: ignore[arg-type]
    )
    stored, _ = await RunStore(product.database, product.trail).insert(ADMIN, row)
    return stored.view


async def test_a_run_goes_on_without_a_core_and_is_found_again(product: Product) -> None:
    script = product.script("count.sh", "for i in 1 2 3 4 5 6 7 8; do echo $i; sleep 0.1; done; exit 7")
    began = time.monotonic()
    run = await product.runs.start(ADMIN, script)
    await product.until_output(run, b"2\n")
    await product.restart()
    assert (await product.runs.get(ADMIN, run.id)).state is RunState.RUNNING
    assert await product.output(run) == b"1\n2\n3\n4\n5\n6\n7\n8\n"
    run = await product.ended(run)
    assert (run.state, run.exit_code) == (RunState.FAILED, 7)
    assert 0.7 < (run.duration or 0) < time.monotonic() - began


async def until_end_is_written(product: Product, run: RunView) -> None:
    """Waits for the last record of a run that has written before; of no core is anything to be heard."""
    journal = product.config.data_dir / "runs" / run.id / "00000000000000000000.seg"
    await eventually(lambda: RECORD.unpack(journal.read_bytes()[-RECORD.size :])[3] == END)


async def test_an_end_that_no_core_heard_is_told_by_the_next(product: Product) -> None:
    run = await product.runs.start(ADMIN, product.script("end.sh", "echo bye; sleep 0.2; exit 5"))
    await product.until_output(run, b"bye\n")
    await product.runs.close()
    await until_end_is_written(product, run)
    found_at = now_iso()
    await product.restart()
    run = await product.ended(run)
    assert (run.state, run.exit_code, run.size) == (RunState.FAILED, 5, 4)
    assert run.finished_at is not None
    assert run.finished_at <= found_at  # when it ended, not when we heard of it
    assert (run.duration or 0) >= 0.2


async def test_the_journal_alone_tells_when_the_runner_is_gone_too(product: Product) -> None:
    run = await product.runs.start(ADMIN, product.script("end.sh", "echo bye; exit 5"))
    await product.until_output(run, b"bye\n")
    await product.runs.close()
    [runner] = runners(product)
    await until_end_is_written(product, run)
    runner.kill()
    runner.wait()
    await product.restart()
    run = await product.ended(run)
    assert (run.state, run.exit_code, run.size) == (RunState.FAILED, 5, 4)


@pytest.mark.allows_errors(RUNNER_LOST)
async def test_kill_9_of_the_runner_interrupts_its_runs_and_the_next_start_works(product: Product) -> None:
    script = product.script("wait.sh", "setsid sleep 61 & echo ready; sleep 62")
    run = await product.runs.start(ADMIN, script)
    await product.until_output(run, b"ready")
    assert len(processes_of(run.id)) >= 2
    events = product.runs.follow(ADMIN, run.id, 100)
    waiting = asyncio.create_task(anext(events))
    [runner] = runners(product)
    start = time.monotonic()
    runner.kill()
    ended = await asyncio.wait_for(waiting, 5)
    assert time.monotonic() - start < 1
    assert isinstance(ended, Ended)
    assert (ended.run.state, ended.run.code, ended.run.exit_code) == (RunState.INTERRUPTED, -1, None)
    assert "runner ended unexpectedly" in (ended.run.reason or "")
    assert processes_of(run.id) == []
    again = await product.runs.start(ADMIN, product.script("hello.sh", "echo hi"))
    assert await product.output(again) == b"hi\n"
    assert runners(product)[0].pid != runner.pid
    await events.aclose()


@pytest.mark.allows_errors(RUNNER_LOST)
async def test_what_waits_when_the_runner_dies_is_run_by_the_next(product: Product) -> None:
    await product.settings.put(ADMIN, "max_runs", "1")
    first = await product.runs.start(ADMIN, product.script("wait.sh", "sleep 60"))
    second = await product.runs.start(ADMIN, product.script("hello.sh", "echo hi"))
    runners(product)[0].kill()
    assert (await product.ended(first)).state is RunState.INTERRUPTED
    assert await product.output(second) == b"hi\n"
    assert (await product.ended(second)).state is RunState.SUCCEEDED


@pytest.mark.allows_errors(RUNNER_LOST)
async def test_a_runner_that_is_told_to_end_cancels_and_is_replaced(product: Product) -> None:
    run = await product.runs.start(ADMIN, product.script("wait.sh", "echo ready; sleep 60"))
    await product.until_output(run, b"ready")
    runners(product)[0].send_signal(signal.SIGTERM)
    assert (await product.ended(run)).state is RunState.CANCELLED
    again = await product.runs.start(ADMIN, product.script("hello.sh", "echo hi"))
    assert await product.output(again) == b"hi\n"


async def test_the_queue_survives_a_restart_in_its_order(product: Product) -> None:
    await product.settings.put(ADMIN, "max_runs", "1")
    first = await product.runs.start(ADMIN, product.script("first.sh", "sleep 0.5"))
    waiting = [await product.runs.start(ADMIN, product.script(f"{name}.sh", "echo hi")) for name in "abc"]
    await product.restart()
    assert (await product.runs.get(ADMIN, waiting[0].id)).queue_position == 1
    ended = [await product.ended(run) for run in [first, *waiting]]
    assert {run.state for run in ended} == {RunState.SUCCEEDED}
    assert sorted(ended, key=lambda run: run.started_at or "") == ended


async def test_a_start_that_never_reached_the_runner_is_made_up_for(product: Product) -> None:
    product.script("hello.sh", "echo hi")
    await product.runs.close()
    run = await record(product, "hello.sh", state="running", started_at=now_iso(), boot_id=boot_id())
    await product.restart()
    assert (await product.ended(run)).state is RunState.SUCCEEDED
    assert await product.output(run) == b"hi\n"


async def test_after_a_power_cut_nothing_is_started_twice(product: Product) -> None:
    """Its journal may have begun without reaching the disk, so a run of another boot is not started again."""
    product.script("hello.sh", "echo hi")
    await product.runs.close()
    run = await record(product, "hello.sh", state="running", started_at=now_iso(), boot_id="another-boot")
    begun = await record(product, "hello.sh", state="running", started_at=now_iso(), boot_id="another-boot")
    queued = await record(product, "hello.sh", state="queued", boot_id="")
    folder = product.config.data_dir / "runs" / begun.id
    await asyncio.to_thread(write_journal, folder, [(STDOUT, b"half")], status=None)
    await product.restart()
    run, begun, queued = [await product.ended(one) for one in (run, begun, queued)]
    assert (run.state, run.size) == (RunState.INTERRUPTED, 0)
    assert (begun.state, begun.size) == (RunState.INTERRUPTED, 4)
    assert "machine went down" in (begun.reason or "")
    assert await product.output(begun) == b"half"
    assert queued.state is RunState.SUCCEEDED


async def test_a_run_without_a_record_is_ended(product: Product, caplog: pytest.LogCaptureFixture) -> None:
    """As after restoring an old database: nobody could see or cancel it."""
    script = product.script("wait.sh", "echo $$; sleep 60")
    run = await product.runs.start(ADMIN, script)
    pid = int(await product.until_output(run, b"\n"))
    await product.runs.close()
    await RunStore(product.database, product.trail).change(run.id, state="interrupted", finished_at=now_iso())
    await product.restart()
    async with asyncio.timeout(8):
        while psutil.pid_exists(pid):
            await asyncio.sleep(0.02)
    assert "goes on but has no record" in caplog.text


async def test_an_end_that_cannot_be_recorded_yet_is_recorded_later(
    product: Product, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    run = await product.runs.start(ADMIN, product.script("brief.sh", "sleep 0.1; echo hi"))
    failures = 2
    real = RunStore.change

    async def change(self: RunStore, run_id: str, **values: object) -> StoredRun:
        nonlocal failures
        if failures:
            failures -= 1
            raise Unavailable("The database does not answer.")
        return await real(self, run_id, **values)

    monkeypatch.setattr(RunStore, "change", change)
    monkeypatch.setattr("app.runs.roster.RETRY_SECONDS", 0.05)
    assert (await product.ended(run)).state is RunState.SUCCEEDED
    assert failures == 0
    assert "cannot be recorded yet" in caplog.text


async def test_viewers_go_on_through_a_restart_with_their_offset(product: Product) -> None:
    script = product.script("count.sh", "i=0; while [ $i -lt 300 ]; do echo $i; i=$((i+1)); sleep 0.005; done")
    run = await product.runs.start(ADMIN, script)
    found, offset, restarted = bytearray(), 0, False
    while True:
        async for event in product.runs.follow(ADMIN, run.id, offset):
            if isinstance(event, Chunk):
                found += event.data
                offset = event.offset
            if offset > 300 and not restarted:
                break
        if isinstance(event, Ended):
            break
        restarted = True
        await product.restart()
    assert found == b"".join(b"%d\n" % number for number in range(300))


async def test_a_runner_of_another_version_serves_its_runs_to_their_end(product: Product, tmp_path: Path) -> None:
    """After an upgrade: what runs goes on under the old runner, what is new goes to the new one."""
    old = tmp_path / "old"

    def copy() -> None:
        for name in ("__init__.py", "runner", "core/__init__.py", "core/framing.py"):
            source, target = ROOT / "app" / name, old / "app" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            (shutil.copytree if source.is_dir() else shutil.copyfile)(source, target)
        protocol = old / "app" / "runner" / "protocol.py"
        protocol.write_text(protocol.read_text().replace("RUNNER_VERSION = 1", "RUNNER_VERSION = 0"))

    await asyncio.to_thread(copy)
    await product.runs.close()
    await asyncio.to_thread(RunnerStarter(old, product.config.data_dir, ("--idle-exit", "0.2")).start)
    run = await record(product, "upgrade.sh", state="running", started_at=now_iso(), boot_id=boot_id())
    waits = f"echo old; until [ -e {tmp_path}/go ]; do sleep 0.02; done; echo done"
    script = product.config.scripts_dir / product.script("upgrade.sh", waits)
    link = await until_connected(product)
    fields: dict[str, Any] = {"run": run.id, "argv": [str(script)], "env": {}, "cwd": "/", "cap": 1 << 20}
    await link.ask("start", **fields)
    link.close()
    await product.restart()
    fresh = await product.runs.start(ADMIN, product.script("hello.sh", "echo new"))
    assert await product.output(fresh) == b"new\n"
    async with asyncio.timeout(8):
        while len(runners(product)) != 2:  # one that finds another of its version at work ends at once
            await asyncio.sleep(0.05)
    await asyncio.to_thread((tmp_path / "go").touch)
    assert await product.output(run) == b"old\ndone\n"
    assert (await product.ended(run)).state is RunState.SUCCEEDED
    async with asyncio.timeout(8):
        while len(left := runners(product)) > 1:
            await asyncio.sleep(0.05)
    assert str(old) not in left[0].cmdline()


async def until_connected(product: Product) -> RunnerLink:
    """A connection to the runner of version 0, once it listens."""
    folder = product.config.data_dir / "runner"
    async with asyncio.timeout(10):
        while True:
            try:
                link = await connect(folder, "0.sock", lambda link, told: None, lambda link: None)
            except OSError:
                await asyncio.sleep(0.02)
            else:
                await link.hello(0)
                return link


async def test_a_deep_data_folder_works(tmp_path: Path, database_template: Path) -> None:
    """The address of a socket ends at 107 bytes; paths do not."""
    async with open_product(tmp_path / ("d" * 120) / ("e" * 120), database_template) as product:
        run = await product.runs.start(ADMIN, product.script("hello.sh", "echo hi"))
        assert await product.output(run) == b"hi\n"


@pytest.mark.fault("X37")
async def test_fifty_viewers_come_and_go(product: Product) -> None:
    run = await product.runs.start(ADMIN, product.script("slow.sh", "for i in 1 2 3 4; do echo $i; sleep 0.2; done"))
    before = len(os.listdir("/proc/self/fd"))
    viewers = [asyncio.create_task(product.output(run)) for _ in range(50)]
    await product.until_output(run, b"2\n")
    for viewer in viewers[:49]:
        viewer.cancel()
    await asyncio.gather(*viewers[:49], return_exceptions=True)
    assert len(os.listdir("/proc/self/fd")) <= before + 6
    assert await viewers[49] == b"1\n2\n3\n4\n"
