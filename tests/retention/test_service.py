"""Retention as a whole: the limits of the settings hold by themselves, soon after one was changed."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from app.auth.models import SignInRow
from app.auth.old_sign_ins import OldSignIns
from app.core.batches import MOST
from app.core.clock import iso
from app.core.errors import Forbidden
from app.core.permissions import Actor, Role
from app.plugins.old_logs import OldLogs
from app.retention.schemas import Kind, RetentionView
from app.retention.service import RetentionService
from app.runs.old_runs import OldRuns
from app.settings.catalog import RETENTION, SETTINGS
from tests.runs.support import ADMIN, Product, open_product
from tests.runs.test_old_runs import keep, listed
from tests.support.database import MovedClock, locked_by_another, recorded, rows
from tests.support.evidence import Evidence, often
from tests.support.waiting import eventually

CLIENT = Actor("c1", "carla", "Carla", Role.CLIENT)

LONG_HISTORY = """
    WITH RECURSIVE numbers(number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < ?)
    INSERT INTO runs (id, script, args, tty, cols, rows, time_limit, state, exit_code, size, kept_bytes, truncated,
                      username, requester, boot_id, created_at, started_at, finished_at)
    SELECT printf('%032x', number), 'a.sh', '[]', 0, 80, 24, 0, 'succeeded', 0, 0, 0, 0, 'admin', '', '',
           '2020-01-01T00:00:00.000Z', '2020-01-01T00:00:00.000Z', '2020-01-01T00:00:00.000Z'
    FROM numbers"""


@pytest.fixture
async def product(tmp_path: Path, database_template: Path) -> AsyncIterator[Product]:
    async with open_product(tmp_path, database_template, MovedClock()) as opened:
        for setting in SETTINGS.values():
            if setting.section == RETENTION:
                await opened.settings.put(ADMIN, setting.key, "0")
        yield opened


@asynccontextmanager
async def retention_of(product: Product, first: float = 3600) -> AsyncIterator[RetentionService]:
    """The service as `app.bootstrap` makes it, in a hurry."""
    runs = OldRuns(product.database, product.trail, product.config.data_dir / "runs", product.clock)
    sign_ins = OldSignIns(product.database, product.trail, product.clock)
    logs = OldLogs(product.config.log_dir, product.trail)
    service = RetentionService(product.settings, runs, sign_ins, logs, product.clock, first=first, after_change=0)
    await service.open()
    yield service
    await service.close()


async def passed(service: RetentionService) -> RetentionView:
    """What the service shows once it has looked."""

    async def has_looked() -> bool:
        return (await service.view(ADMIN)).last is not None

    await eventually(has_looked)
    return await service.view(ADMIN)


async def keep_some(product: Product) -> None:
    """Runs of 5 and 50 days ago; the clock of the support stands at a day of its own."""
    now = product.clock.now()
    for number, days in ((1, 50), (2, 5)):
        at = iso(now - timedelta(days=days))
        await keep(product, number, 0, created_at=at, started_at=at, finished_at=at)


async def test_with_every_limit_at_zero_nothing_goes(product: Product) -> None:
    await keep_some(product)
    async with retention_of(product, first=0) as service:
        view = await passed(service)
        assert (view.runs, view.output_bytes) == (2, 22)
        assert view.last is not None
        assert (view.last.totals, view.last.problem) == ({}, None)


@pytest.mark.parametrize(
    ("key", "value", "kind"),
    [
        ("keep_runs_days", "30", Kind.RUNS_AGE),
        ("keep_runs", "1", Kind.RUNS_NUMBER),
        ("keep_output_days", "30", Kind.OUTPUTS_AGE),
    ],
)
async def test_a_changed_limit_holds_at_once(key: str, value: str, kind: Kind, product: Product) -> None:
    await keep_some(product)
    async with retention_of(product) as service:
        await product.settings.put(ADMIN, key, value)
        view = await passed(service)
        assert view.last is not None
        assert {name: total.removed for name, total in view.last.totals.items()} == {kind: 1}
        assert await listed(product) == ([1, 2] if "output" in kind else [2])


@pytest.mark.fault("S19")
@pytest.mark.timeout(600)
async def test_of_a_long_history_a_writer_waits_for_one_batch_at_most(product: Product, evidence: Evidence) -> None:
    old = often(20_000, 1_000_000)
    await product.database.write(lambda session: session.connection().exec_driver_sql(LONG_HISTORY, (old,)))
    now = iso(product.clock.now())
    await keep(product, old + 1, 0, created_at=now, started_at=now, finished_at=now)
    removed = 0
    async with retention_of(product) as service:
        await product.settings.put(ADMIN, "keep_runs_days", "30")
        while removed < old:
            await product.settings.put(ADMIN, "max_runs", str(20 + removed % 7))
            [(oldest,)] = await rows(product.database, "SELECT min(number) FROM runs")
            assert oldest - 1 - removed <= 2 * MOST  # the batch it waited for, and one until we looked
            removed = oldest - 1
        view = await passed(service)
    assert view.last is not None
    total = view.last.totals[Kind.RUNS_AGE]
    assert (total.removed, view.runs) == (old, 1)
    evidence.notes.append(
        f"S19: of {total.batches:,} batches that removed {old:,} runs the longest took {total.longest * 1000:.0f} ms"
    )


async def test_output_that_takes_too_much_goes(product: Product) -> None:
    await keep(product, 1, 5, b"x", kept_bytes=(1 << 20) + 1)
    await keep(product, 2, 4, b"y", kept_bytes=1 << 20)
    async with retention_of(product) as service:
        await product.settings.put(ADMIN, "keep_output_mb", "1")
        view = await passed(service)
        assert view.output_bytes == 1 << 20
        assert (await product.runs.get(ADMIN, f"{1:032x}")).output_removed_at is not None


async def test_old_sign_ins_go_and_what_the_lock_out_needs_stays(product: Product) -> None:
    moments = [timedelta(days=days) for days in (400, 399, 2)] + [timedelta(minutes=5)]

    def add(session: "object") -> None:
        for moment in moments:
            session.add(  # type: ignore[attr-defined]
                SignInRow(
                    username="admin",
                    ip_address="127.0.0.1",
                    name_bucket="name:admin",
                    address_bucket=None,
                    success=False,
                    counted=True,
                    failure_reason="Wrong",
                    attempted_at=iso(product.clock.now() - moment),
                )
            )

    await product.database.write(add)
    async with retention_of(product) as service:
        await product.settings.put(ADMIN, "keep_sign_ins_days", "365")
        await passed(service)
    assert [number for (number,) in await rows(product.database, "SELECT id FROM sign_ins ORDER BY id")] == [3, 4]
    assert [facts for *_, facts in await recorded(product.database, "retention.sign_ins")] == [{"sign_ins": 2}]


async def test_logs_that_nobody_writes_to_go_but_never_our_own(product: Product) -> None:
    folder = product.config.log_dir / "plugins"
    await asyncio.to_thread(folder.mkdir, parents=True)
    old = product.clock.now().timestamp() - 40 * 86400
    files = [folder.parent / "toru.log.3", folder.parent / "plugin-supervisor.log.1", folder / "hello.log.2"]
    fresh = [folder.parent / "plugin-supervisor.log", folder / "hello.log"]
    for file in (*files, *fresh):
        file.write_text("a line\n")
    for file in files:
        os.utime(file, (old, old))
    async with retention_of(product) as service:
        await product.settings.put(ADMIN, "keep_logs_days", "30")
        await passed(service)
    assert [file for file in (*files, *fresh) if file.exists()] == [files[0], *fresh]
    assert [facts for *_, facts in await recorded(product.database, "retention.logs")] == [{"files": 2, "bytes": 14}]


async def test_a_database_that_does_not_answer_is_told_and_tried_again(product: Product) -> None:
    await keep_some(product)
    async with retention_of(product) as service:
        await product.settings.put(ADMIN, "keep_runs_days", "400")
        await passed(service)
        async with locked_by_another(product.database):
            product.clock.move(days=380)  # type: ignore[attr-defined]
            service._changed.set()

            def is_told() -> bool:
                return service._last is not None and service._last.problem is not None

            await eventually(is_told)
        service._changed.set()
        await eventually(lambda: service._last is not None and service._last.problem is None)
    assert await listed(product) == [2]


async def test_only_an_admin_may_look(product: Product) -> None:
    async with retention_of(product) as service:
        with pytest.raises(Forbidden):
            await service.view(CLIENT)


async def test_the_first_values_keep_a_year_and_a_hundred_thousand_runs() -> None:
    first = {key: setting.first for key, setting in SETTINGS.items() if setting.section == RETENTION}
    assert first == {
        "keep_runs_days": "365",
        "keep_runs": "100000",
        "keep_output_days": "0",
        "keep_output_mb": "10240",
        "keep_sign_ins_days": "365",
        "keep_logs_days": "0",
    }
