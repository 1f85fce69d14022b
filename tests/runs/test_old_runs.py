"""Old runs and old output go, the oldest first, files before rows; what runs stays, whatever its age."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import Session

from app.core import batches
from app.core.clock import iso
from app.core.database import Database
from app.core.errors import NotFound
from app.core.permissions import Actor
from app.runner.journal import RESERVE, STDOUT
from app.runs import old_runs
from app.runs.models import RunRow
from app.runs.old_runs import OldRuns
from app.runs.schemas import KeptRuns, RunState
from tests.runs.support import ADMIN, Product, write_journal
from tests.support.database import recorded, rows

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def ago(days: float) -> str:
    """A moment before now, as it is stored."""
    return iso(NOW - timedelta(days=days))


def run_id(number: int) -> str:
    """The id of a run of ours."""
    return f"{number:032x}"


async def keep(product: Product, number: int, days: float, output: bytes = b"some output", **values: Any) -> None:
    """A run of so many days ago with a journal; `finished_at=None` makes one that has not ended."""
    folder = product.config.data_dir / "runs" / run_id(number)
    await asyncio.to_thread(write_journal, folder, [(STDOUT, output)])
    fields = {
        "id": run_id(number),
        "script": "a.sh",
        "args": "[]",
        "tty": False,
        "cols": 80,
        "rows": 24,
        "time_limit": 0,
        "state": "succeeded",
        "exit_code": 0,
        "size": len(output),
        "kept_bytes": len(output),
        "username": "admin",
        "requester": "",
        "boot_id": "",
        "created_at": ago(days + 1),
        "started_at": ago(days + 1),
        "finished_at": ago(days),
        **values,
    }
    await product.database.write(lambda session: session.add(RunRow(**fields)))


def old_of(product: Product) -> OldRuns:
    """What removes them, as `app.bootstrap` makes it."""
    return OldRuns(product.database, product.trail, product.config.data_dir / "runs", product.clock)


def journals(product: Product) -> list[int]:
    """The numbers of the runs whose journals are there."""
    return sorted(int(name, 16) for name in os.listdir(product.config.data_dir / "runs"))


async def listed(product: Product) -> list[int]:
    """The numbers of the runs that are listed, oldest first."""
    page = await product.runs.list(ADMIN, limit=200)
    return sorted(int(run.id, 16) for run in page.items)


@pytest.fixture
async def old(product: Product) -> AsyncIterator[OldRuns]:
    """Six runs, 60 to 10 days old, of which the second goes on."""
    for number in range(1, 7):
        values: dict[str, Any] = {"state": "running", "finished_at": None, "kept_bytes": 0} if number == 2 else {}
        await keep(product, number, days=70 - 10 * number, **values)
    yield old_of(product)
    await product.database.write(lambda session: session.execute(text("DELETE FROM runs")))


async def test_runs_past_their_age_go_with_their_output_and_what_runs_stays(old: OldRuns, product: Product) -> None:
    total = await old.remove_before(ago(25))
    assert (total.removed, total.freed) == (3, 33)
    assert await listed(product) == journals(product) == [2, 5, 6]
    with pytest.raises(NotFound):
        await product.runs.get(ADMIN, run_id(1))
    [(actor, _, facts)] = await recorded(product.database, "retention.runs")
    assert (actor, facts["runs"], facts["bytes"]) == ("system", 3, 33)
    assert (await old.remove_before(ago(25))).removed == 0


async def test_of_too_many_runs_the_oldest_go(old: OldRuns, product: Product) -> None:
    assert (await old.remove_beyond(6)).removed == 0
    assert (await old.remove_beyond(3)).removed == 3
    assert await listed(product) == journals(product) == [2, 5, 6]


async def test_output_past_its_age_goes_and_the_run_stays(old: OldRuns, product: Product) -> None:
    assert (await old.remove_output_before(ago(35))).removed == 2
    assert await listed(product) == [1, 2, 3, 4, 5, 6]
    assert journals(product) == [2, 4, 5, 6]
    run = await product.runs.get(ADMIN, run_id(1))
    assert (run.size, run.state) == (11, RunState.SUCCEEDED)
    assert run.output_removed_at is not None
    assert await product.runs.tail_text(ADMIN, run.id, 1000) == "[11 bytes of output are not kept]"
    assert (await product.runs.get(ADMIN, run_id(4))).output_removed_at is None


async def test_of_too_much_output_the_oldest_goes(old: OldRuns, product: Product) -> None:
    assert await old.kept() == KeptRuns(6, 55)
    assert (await old.remove_output_beyond(55)).removed == 0
    assert (await old.remove_output_beyond(30)).removed == 3
    assert await old.kept() == KeptRuns(6, 22)
    assert journals(product) == [2, 5, 6]


async def test_a_real_run_says_what_its_journal_takes(product: Product) -> None:
    product.script("talk.sh", "head -c 100000 /dev/zero")
    run = await product.ended(await product.runs.start(ADMIN, "talk.sh"))
    [(kept,)] = await rows(product.database, "SELECT kept_bytes FROM runs")
    files = [file for file in (product.config.data_dir / "runs" / run.id).iterdir() if file.name != RESERVE]
    assert kept == sum(file.stat().st_size for file in files) > 100_000


async def test_what_runs_is_never_touched_and_loses_no_byte(product: Product, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    product.script("long.sh", f"echo begun; while [ ! -e {gate} ]; do sleep 0.02; done; echo done")
    run = await product.runs.start(ADMIN, "long.sh")
    await product.until_output(run, b"begun")
    old, future = old_of(product), iso(datetime.now(UTC) + timedelta(days=9))
    for total in (
        await old.remove_before(future),
        await old.remove_beyond(0),
        await old.remove_output_before(future),
        await old.remove_output_beyond(0),
    ):
        assert total.removed == 0
    gate.touch()
    assert await product.output(run) == b"begun\ndone\n"


async def test_a_crash_between_files_and_rows_is_mended_by_the_next_look(
    old: OldRuns, product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(self: OldRuns, session: Session, runs: object) -> None:
        raise RuntimeError("power cut")

    monkeypatch.setattr(OldRuns, "_record", lambda *_: dies(*_[:3]))
    with pytest.raises(RuntimeError):
        await old.remove_before(ago(25))
    assert journals(product) == [2, 5, 6], "the files are gone"
    assert await listed(product) == [1, 2, 3, 4, 5, 6], "of the rows none"
    monkeypatch.undo()
    assert (await old.remove_before(ago(25))).removed == 3
    assert await listed(product) == [2, 5, 6]


async def test_what_cannot_be_removed_keeps_its_row(
    old: OldRuns, product: Product, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    remove = shutil.rmtree

    def refuse(path: Path) -> None:
        if path.name == run_id(3):
            raise PermissionError(1, "Operation not permitted")
        remove(path)

    monkeypatch.setattr(shutil, "rmtree", refuse)
    assert (await old.remove_before(ago(25))).removed == 2
    assert await listed(product) == journals(product) == [2, 3, 5, 6]
    assert f"the output of run {run_id(3)} cannot be removed" in caplog.text


async def test_a_clock_that_was_wrong_once_does_not_keep_what_followed(old: OldRuns, product: Product) -> None:
    await product.database.write(
        lambda session: session.execute(
            text("UPDATE runs SET created_at = '2099', finished_at = '2099' WHERE number = 1")
        )
    )
    assert (await old.remove_before(ago(25))).removed == 2
    assert await listed(product) == [1, 2, 5, 6]


async def test_many_go_in_batches_that_others_can_get_between(product: Product) -> None:
    values = "printf('%032x', value), 'a.sh', '[]', 0, 80, 24, 0, 'succeeded', 0, 0, 'admin', '', '', '2025', '2025'"
    names = (
        "id, script, args, tty, cols, rows, time_limit, state, truncated, size, username, requester, boot_id,"
        " created_at, finished_at"
    )
    query = f"INSERT INTO runs ({names}) SELECT {values} FROM generate_series(1, 3000)"
    numbers = (
        "WITH RECURSIVE generate_series(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM generate_series LIMIT 3000)"
    )
    query = query.replace("generate_series(1, 3000)", "generate_series")
    await product.database.write(lambda session: session.execute(text(f"{numbers} {query}")))
    removing = asyncio.create_task(old_of(product).remove_before("2026"))
    seen = []
    while not removing.done():
        seen.append((await rows(product.database, "SELECT count(*) FROM runs"))[0][0])
        await product.trail.record(Actor.system(), "test")
    total = await removing
    assert total.removed == 3000
    assert total.batches > 3
    assert len(set(seen)) > 3, "others read and wrote meanwhile"


async def test_the_index_finds_runs_with_output(database: Database) -> None:
    for query in (old_runs.OLDEST_WITH_OUTPUT, old_runs.OUTPUT_OF_STRETCH):
        plan = await database.read(
            lambda session, query=query: (
                session.connection()  # type: ignore[misc]
                .execute(text(f"EXPLAIN QUERY PLAN {query}"), {"after": 0, "most": 10})
                .all()
            )
        )
        assert "runs_with_output" in str(plan), plan


async def test_a_batch_of_runs_that_all_go_on_does_not_keep_those_behind_it(
    old: OldRuns, product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "FIRST", 1)
    monkeypatch.setattr(batches, "MOST", 1)
    assert (await old.remove_beyond(3)).removed == 3
    assert await listed(product) == [2, 5, 6]
