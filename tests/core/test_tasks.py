"""Background work: kept, logged when it fails, ended with its owner."""

import asyncio

import pytest

from app.core.tasks import TaskKeeper


async def test_what_is_spawned_runs_under_its_owners_name() -> None:
    keeper, names = TaskKeeper("runs"), []

    async def work() -> None:
        task = asyncio.current_task()
        names.append(task.get_name() if task else "")

    keeper.spawn(work(), "tidy")
    await asyncio.sleep(0)
    assert names == ["runs:tidy"]


@pytest.mark.allows_errors("background task runs:tidy failed")
async def test_a_failure_is_logged_with_its_name(caplog: pytest.LogCaptureFixture) -> None:
    keeper = TaskKeeper("runs")

    async def work() -> None:
        raise ValueError("no such thing")

    keeper.spawn(work(), "tidy")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    (record,) = caplog.records
    assert "runs:tidy" in record.getMessage()
    assert record.exc_info is not None
    assert str(record.exc_info[1]) == "no such thing"


async def test_whoever_starts_a_task_gets_its_result() -> None:
    keeper = TaskKeeper("runs")

    async def work() -> int:
        return 7

    assert await keeper.start(work(), "count") == 7


async def test_closing_waits_for_the_end_of_everything_and_of_what_that_starts() -> None:
    keeper, ended = TaskKeeper("runs"), []

    async def last() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("last")

    async def first() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            keeper.spawn(last(), "last")
            await asyncio.sleep(0)
            ended.append("first")

    keeper.spawn(first(), "first")
    await asyncio.sleep(0)
    await keeper.close()
    assert ended == ["first", "last"]
