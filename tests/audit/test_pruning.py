"""Rows go when somebody asks for it, and only then; what is left verifies, with the log, too."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from app.audit import pruning
from app.core.database import Database
from app.core.errors import BadValue, Forbidden
from tests.audit.support import ADMIN, CARLA, Audit, open_audit
from tests.audit.test_verify import forge_a_removal, log_line, verdict
from tests.support.database import MovedClock


@pytest.fixture
async def two_days(audit: Audit, clock: MovedClock) -> Audit:
    """Ten rows of yesterday and ten of today."""
    clock.move(days=1)
    await audit.write_some()
    return audit


async def prune(audit: Audit, clock: MovedClock, days: float = 0.5) -> int:
    """Removes what is older, as the command does; how many rows."""
    removed, before = 0, clock.now() - timedelta(days=days)
    while some := await audit.service.prune_piece(ADMIN, before):
        removed += some
    return removed


async def test_what_is_older_goes_and_the_rest_verifies(two_days: Audit, clock: MovedClock) -> None:
    gone = (await two_days.rows())[9]
    assert await two_days.service.count_before(ADMIN, clock.now() - timedelta(hours=12)) == 10
    assert await prune(two_days, clock) == 10
    rows = await two_days.rows()
    assert (rows[0].id, rows[-1].id, rows[-1].what) == (11, 21, "audit.pruned")
    assert rows[-1].detail["hash"] == gone.hash
    found = await verdict(two_days)
    assert (found.rows, found.problem) == (11, None)
    assert await prune(two_days, clock) == 0


async def test_in_pieces_every_one_of_which_verifies(
    two_days: Audit, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "REMOVED_AT_ONCE", 3)
    monkeypatch.setattr(pruning, "STRETCH", 4)
    before = clock.now() - timedelta(hours=12)
    left = await two_days.service.count_before(ADMIN, before)
    while some := await two_days.service.prune_piece(ADMIN, before):
        left -= some
        assert (await verdict(two_days)).problem is None
        assert await two_days.service.count_before(ADMIN, before) == left
    assert left == 0


async def test_the_log_accounts_for_it(
    two_days: Audit, clock: MovedClock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = await two_days.rows()
    log_line(two_days, tmp_path, rows[4].id, rows[4].hash)
    with caplog.at_level("INFO"):
        await prune(two_days, clock)
    problem = (await verdict(two_days)).problem
    assert problem is not None, "a removal that no log tells of hides rows"
    [line] = [record for record in caplog.records if getattr(record, "event", "") == "audit_pruned"]
    cut = vars(line)
    log_line(two_days, tmp_path, cut["number"], cut["hash"], cut["instance"], "audit_pruned")
    assert (await verdict(two_days)).problem is None


async def test_the_limit_of_rows_holds_after_it_too(database: Database, clock: MovedClock, tmp_path: Path) -> None:
    async with open_audit(database, clock, tmp_path, max_rows=20) as audit:
        await audit.trail.record(ADMIN, "setting.changed", "max_runs")
        clock.move(days=1)
        await audit.write_some()
        assert await prune(audit, clock) == 1
        for _ in range(3):
            await audit.write_some()
            for _ in range(14):  # one fewer each time, for each is told in a row of its own
                await audit.upkeep.prune()
            assert (await verdict(audit)).problem is None
        rows = await audit.rows()
        assert len(rows) <= 20
        assert rows[0].id % 2 == 1, "up to a number that its portion divides"


async def test_a_clock_that_was_wrong_once_ends_it_there(audit: Audit, clock: MovedClock) -> None:
    clock.move(days=9)
    await audit.trail.record(ADMIN, "setting.changed", "max_runs")
    clock.move(days=-8)
    await audit.write_some()
    clock.move(days=1)
    assert await prune(audit, clock) == 10, "rows stay in the order of their numbers"


async def test_who_may_and_what_makes_no_sense(two_days: Audit, clock: MovedClock) -> None:
    tomorrow = clock.now() + timedelta(days=1)
    for ask in (two_days.service.prune_piece, two_days.service.count_before):
        with pytest.raises(Forbidden):
            await ask(CARLA, clock.now())
        with pytest.raises(BadValue, match="still to come"):
            await ask(ADMIN, tomorrow)
    assert len(await two_days.rows()) == 20


async def test_a_forged_word_of_it_must_fit_the_rows(two_days: Audit) -> None:
    number = await forge_a_removal(
        two_days, 10, 10, '{"last": 10, "hash": "x", "rows": 11, "before": "2026-01-01T00:00:00.000Z"}'
    )
    problem = (await verdict(two_days)).problem
    assert problem is not None
    assert problem.number == number


async def test_an_empty_audit_has_nothing_to_remove(audit: Audit, clock: MovedClock) -> None:
    await asyncio.to_thread(audit.tamper, "DELETE FROM audit")
    assert await audit.service.count_before(ADMIN, clock.now()) == 0
    assert await prune(audit, clock) == 0
