"""What services tell the audit where a real server would take too long: queues, losses, restarts."""

import asyncio
import json
import logging
from pathlib import Path
from typing import Any

import pytest

from app.audit.schemas import AuditView
from app.audit.service import AuditService
from app.core.database import Database
from app.core.errors import Limited, NotSignedIn, Unavailable
from app.core.permissions import Actor
from app.runs.store import RunStore
from tests.auth.support import ADMIN as ADMIN_NAME
from tests.auth.support import ADMIN_PASSWORD, open_door
from tests.runs.support import ADMIN, CARLA, Product, open_product
from tests.support.database import MovedClock


async def rows(audit: AuditService) -> list[AuditView]:
    """All rows, oldest first."""
    return list((await audit.page(Actor.system(), limit=200)).items[::-1])


def audit_of(product: Product) -> AuditService:
    return AuditService(product.database, product.trail, product.settings, MovedClock(), product.config.log_dir)


async def test_a_run_that_waits_is_told_when_it_was_asked_for_and_when_it_begins(
    tmp_path: Path, database_template: Path
) -> None:
    async with open_product(tmp_path, database_template) as product:
        await product.settings.put(ADMIN, "max_runs", "1")
        first = await product.runs.start(ADMIN, product.script("sleeps.sh", "sleep 60"))
        waiting = await product.runs.start(ADMIN, product.script("true.sh", "true"))
        given_up = await product.runs.start(ADMIN, product.script("true.sh", "true"))
        await product.runs.cancel(ADMIN, given_up.id)
        await product.runs.cancel(ADMIN, first.id)
        await product.ended(first)
        await product.ended(waiting)
        found = await rows(audit_of(product))

    def told(run: str) -> list[str]:
        return [row.what for row in found if row.detail.get("run") == run]

    assert told(first.id) == ["run.started", "run.cancelled", "run.ended"]
    assert told(waiting.id) == ["run.queued", "run.started", "run.ended"]
    assert told(given_up.id) == ["run.queued", "run.cancelled", "run.ended"]


async def test_only_a_change_of_state_is_told(tmp_path: Path, database_template: Path) -> None:
    async with open_product(tmp_path, database_template) as product:
        run = await product.runs.start(ADMIN, product.script("sleeps.sh", "sleep 60"))
        await RunStore(product.database, product.trail).change(run.id, size=7)
        assert [row.what for row in await rows(audit_of(product))] == ["run.started"]


async def test_the_same_key_starts_and_is_told_once(tmp_path: Path, database_template: Path) -> None:
    async with open_product(tmp_path, database_template) as product:
        script = product.script("true.sh", "true")
        runs = [await product.runs.start(ADMIN, script, idempotency_key="k") for _ in range(2)]
        await product.ended(runs[0])
        found = await rows(audit_of(product))
    assert [row.what for row in found] == ["run.started", "run.ended"]


async def test_what_cannot_be_started_by_right_is_no_run(tmp_path: Path, database_template: Path) -> None:
    async with open_product(tmp_path, database_template) as product:
        with pytest.raises(Exception, match="quick actions"):
            await product.runs.start(CARLA, product.script("true.sh", "true"))
        assert await rows(audit_of(product)) == []


@pytest.mark.fault("S09")
async def test_a_cancel_works_when_the_audit_cannot_take_it_and_the_log_keeps_it(
    tmp_path: Path, database_template: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def full(*_: object) -> None:
        raise Unavailable("The disk is full.")

    async with open_product(tmp_path, database_template) as product:
        run = await product.runs.start(ADMIN, product.script("sleeps.sh", "sleep 60"))
        with monkeypatch.context() as patched, caplog.at_level(logging.WARNING):
            patched.setattr(product.trail, "record", full)
            await product.runs.cancel(ADMIN, run.id)
        assert (await product.ended(run)).state.value == "cancelled"
    lost: list[Any] = [record for record in caplog.records if getattr(record, "event", "") == "audit_row_lost"]
    assert [(record.what, record.by, record.target) for record in lost] == [("run.cancelled", "admin", "sleeps.sh")]


async def test_a_new_password_in_the_environment_is_told_at_the_next_start(
    database: Database, clock: MovedClock
) -> None:
    async with open_door(database, clock) as door:
        assert await rows(door.audit) == []
    async with open_door(database, clock) as door:
        assert await rows(door.audit) == []
    async with open_door(database, clock, password="Another-Horse-7") as door:
        [row] = await rows(door.audit)
    assert (row.actor, row.what, row.target) == ("system", "admin.changed", ADMIN_NAME)


async def test_a_lock_is_one_row_by_name_and_one_by_address(database: Database, clock: MovedClock) -> None:
    async with open_door(database, clock) as door:
        await door.fail(3, address="192.0.2.7")
        for address in ("192.0.2.7", "192.0.2.8", "192.0.2.9"):
            assert await door.locked(address=address)
        for name in ("one", "two", "three"):
            assert await door.locked(name, address="192.0.2.7")
        refused = [row for row in await rows(door.audit) if row.detail["reason"] == "Locked"]
        assert [(row.actor, row.address) for row in refused] == [(ADMIN_NAME, "192.0.2.7")]
        clock.move(seconds=61)
        await door.fail(3, address="192.0.2.7")
        assert await door.locked(address="192.0.2.7")
        found = await rows(door.audit)
    assert [row.detail["locked_seconds"] for row in found if "locked_seconds" in row.detail] == [60, 180]
    assert len([row for row in found if row.detail["reason"] == "Locked"]) == 2


async def test_guesses_at_once_are_told_one_by_one(database: Database, clock: MovedClock) -> None:
    async with open_door(database, clock) as door:
        tries = [door.enter(ADMIN_NAME, "wrong", f"198.51.100.{number}") for number in range(20)]
        outcomes = await asyncio.gather(*tries, return_exceptions=True)
        wrong = [outcome for outcome in outcomes if isinstance(outcome, NotSignedIn)]
        assert len(wrong) + sum(isinstance(outcome, Limited) for outcome in outcomes) == 20
        found = await rows(door.audit)
    assert len([row for row in found if row.detail["reason"] == "Wrong user name or password"]) == len(wrong) == 3
    assert len([row for row in found if row.detail["reason"] == "Locked"]) == 1


async def test_no_password_is_in_any_row(database: Database, clock: MovedClock) -> None:
    async with open_door(database, clock) as door:
        await door.enter()
        await door.fail(2)
        await door.add_clara()
        assert ADMIN_PASSWORD not in json.dumps([str(row) for row in await rows(door.audit)])
