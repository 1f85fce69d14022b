"""When something was used last: told at once, stored now and then, and never lost to a database that is busy."""

import asyncio
import threading

import pytest
from sqlalchemy import bindparam
from sqlmodel import col, update

from app.auth.last_use import LastUse
from app.core.database import Database
from app.settings.models import SettingRow
from tests.support.database import locked_by_another, rows

STORE = update(SettingRow).where(col(SettingRow.key) == bindparam("credential")).values(value=bindparam("moment"))
STORED = "SELECT value FROM settings ORDER BY key"


async def with_rows(database: Database) -> LastUse:
    """Moments of `a` and `b`, kept in a table that is at hand."""
    await database.write(lambda session: session.add_all(SettingRow(key=key, value="never") for key in "ab"))
    return LastUse(database, STORE)


async def test_only_what_is_new_is_written(database: Database) -> None:
    last_use = await with_rows(database)
    last_use.note("a", "one")
    last_use.note("a", "two")
    assert (last_use.of("a"), last_use.of("b")) == ("two", None)
    assert await rows(database, STORED) == [("never",), ("never",)]
    await last_use.save()
    assert await rows(database, STORED) == [("two",), ("never",)]
    await database.write(lambda session: session.merge(SettingRow(key="a", value="by others")))
    last_use.note("b", "three")
    await last_use.save()
    assert await rows(database, STORED) == [("by others",), ("three",)]


async def test_what_is_gone_is_forgotten(database: Database) -> None:
    last_use = await with_rows(database)
    last_use.note("a", "one")
    last_use.forget("a")
    last_use.forget("unknown")
    assert last_use.of("a") is None
    await last_use.save()
    assert await rows(database, STORED) == [("never",), ("never",)]


async def test_what_a_locked_database_does_not_take_is_written_the_next_time(database: Database) -> None:
    last_use = await with_rows(database)
    last_use.note("a", "one")
    async with locked_by_another(database):
        await last_use.save()
    last_use.note("b", "two")
    await last_use.save()
    assert await rows(database, STORED) == [("one",), ("two",)]


async def test_a_save_that_is_cancelled_while_it_waits_loses_nothing(database: Database) -> None:
    last_use = await with_rows(database)
    last_use.note("a", "one")
    may_go_on = threading.Event()
    busy = asyncio.ensure_future(database.write(lambda _: may_go_on.wait()))
    await asyncio.sleep(0)
    saving = asyncio.ensure_future(last_use.save())
    await asyncio.sleep(0)
    saving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await saving
    may_go_on.set()
    await busy
    await last_use.save()
    assert await rows(database, STORED) == [("one",), ("never",)]
