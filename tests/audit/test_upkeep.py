"""What the audit does by itself: hashes in the log every hour, and refusals that are counted instead of written."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.audit import upkeep as module
from app.audit.heads import EVENT
from app.audit.refusals import MOST, Refusals
from app.core.errors import Forbidden
from tests.audit.support import ADMIN, BORIS, CARLA, Audit
from tests.support.database import MovedClock

NO = Forbidden("Only an administrator may do this.")


def heads(caplog: pytest.LogCaptureFixture) -> list[tuple[int, str]]:
    """The numbers and hashes in the log."""
    records = [*caplog.get_records("setup"), *caplog.get_records("call")]
    found: list[Any] = [record for record in records if getattr(record, "event", "") == EVENT]
    return [(record.number, record.hash) for record in found]


@pytest.fixture
async def watched(
    audit: Audit, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> AsyncIterator[Audit]:
    """The service with its background work, which looks at the clock all the time."""
    monkeypatch.setattr(module, "TICK_SECONDS", 0.001)
    caplog.set_level(logging.INFO)
    await audit.service.open()
    yield audit
    await audit.service.close()


async def until(caplog: pytest.LogCaptureFixture, count: int) -> list[tuple[int, str]]:
    """Waits until the log holds so many hashes."""
    async with asyncio.timeout(10):
        while len(heads(caplog)) < count:
            await asyncio.sleep(0.002)
    return heads(caplog)


async def test_the_newest_hash_is_logged_at_the_start_every_hour_and_at_the_end(
    watched: Audit, clock: MovedClock, caplog: pytest.LogCaptureFixture
) -> None:
    rows = await watched.rows()
    assert heads(caplog) == [(10, rows[-1].hash)]
    clock.move(minutes=59)
    await asyncio.sleep(0.05)
    assert len(heads(caplog)) == 1
    await watched.trail.record(ADMIN, "setting.changed", "max_runs")
    newest = (await watched.rows())[-1]
    clock.move(minutes=2)
    assert (await until(caplog, 2))[-1] == (11, newest.hash)
    clock.move(hours=-3)  # a clock that was set back does not stop it
    await until(caplog, 3)
    await watched.service.close()
    assert len(heads(caplog)) == 4


async def test_without_rows_there_is_nothing_to_log(
    watched: Audit, clock: MovedClock, caplog: pytest.LogCaptureFixture
) -> None:
    watched.tamper("DELETE FROM audit")
    clock.move(hours=2)
    await asyncio.sleep(0.05)
    assert len(heads(caplog)) == 1


class Minutes(MovedClock):
    """A clock whose durations a test moves, too."""

    def monotonic(self) -> float:
        return 1000 + self.ahead.total_seconds()


async def test_past_sixty_a_minute_refusals_are_counted(audit: Audit) -> None:
    clock = Minutes()
    refusals = Refusals(audit.trail, clock)
    for number in range(MOST + 40):
        await refusals.add(CARLA, f"GET /api/users/{number}", str(NO))
    await refusals.add(BORIS, "GET /api/users", str(NO))
    rows = (await audit.rows())[10:]
    assert len(rows) == MOST + 1
    assert (rows[0].target, rows[0].outcome, rows[0].detail) == ("GET /api/users/0", "refused", {"reason": str(NO)})
    assert rows[-1].actor == "boris"
    clock.move(seconds=59)
    await refusals.tell_of_the_rest()
    assert len(await audit.rows()) == 10 + MOST + 1
    clock.move(seconds=2)
    await refusals.tell_of_the_rest()
    newest = (await audit.rows())[-1]
    assert (newest.actor, newest.what, newest.detail) == ("carla", "refused", {"more": 40})
    await refusals.add(CARLA, "GET /api/users", str(NO))
    assert (await audit.rows())[-1].target == "GET /api/users"


async def test_what_is_only_counted_is_told_at_the_end(watched: Audit) -> None:
    for _ in range(MOST + 3):
        await watched.service.refused(CARLA, "GET /api/users", NO)
    await watched.service.close()
    assert (await watched.rows())[-1].detail == {"more": 3}
