"""Rows of the audit: written with what they tell about, chained, and short."""

import asyncio
import hashlib
import json
import sqlite3
import statistics
import time
from contextlib import closing
from itertools import pairwise
from typing import Any

import pytest
from sqlmodel import Session

from app.audit.chain import COVERED, GENESIS, hash_of
from app.audit.models import AuditRow
from app.audit.trail import AuditTrail, Outcome, Stranger
from app.core.database import Database
from app.core.errors import Conflict
from app.core.permissions import READ, Actor, Role, TokenRights
from tests.audit.support import ADMIN, CARLA
from tests.support.database import MovedClock

Row = dict[str, Any]


def rows(database: Database) -> list[Row]:
    """The table as sqlite3 shows it."""
    with closing(sqlite3.connect(database.path)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute("SELECT * FROM audit ORDER BY id")]


async def test_a_row_says_who_did_what_to_what_and_how_it_went(trail: AuditTrail, database: Database) -> None:
    await trail.record(CARLA, "run.started", "deploy.sh", Outcome.OK, {"run": "r1", "args": ("a", "b")})
    [row] = rows(database)
    assert row["at"].endswith("Z")
    assert (row["actor"], row["actor_id"], row["role"], row["address"]) == ("carla", "c1", "client", "192.0.2.2")
    assert (row["what"], row["target"], row["outcome"]) == ("run.started", "deploy.sh", "ok")
    assert json.loads(row["detail"]) == {"run": "r1", "args": ["a", "b"]}


async def test_each_row_names_the_hash_of_the_one_before_it(trail: AuditTrail, database: Database) -> None:
    for number in range(3):
        await trail.record(ADMIN, "setting.changed", f"s{number}")
    first, second, third = rows(database)
    assert (first["id"], first["previous_hash"]) == (1, GENESIS)
    assert second["previous_hash"] == first["hash"]
    assert third["previous_hash"] == second["hash"]


async def test_anybody_can_compute_a_hash_with_tools_of_their_own(trail: AuditTrail, database: Database) -> None:
    await trail.record(CARLA, "run.ended", "ümläut.sh", Outcome.FAILED, {"code": 3})
    [row] = rows(database)
    text = json.dumps([row[name] for name in COVERED], separators=(",", ":"))
    assert row["hash"] == hashlib.sha256(text.encode()).hexdigest() == hash_of([row[name] for name in COVERED])


def test_the_hash_covers_every_column_but_itself() -> None:
    assert {*COVERED, "hash"} == set(AuditRow.model_fields)


async def test_a_row_and_what_it_tells_about_are_kept_together_or_not_at_all(
    trail: AuditTrail, database: Database
) -> None:
    def change(session: Session) -> None:
        trail.append(session, ADMIN, "user.created", "dora")
        raise Conflict("Somebody has this name already.")

    with pytest.raises(Conflict):
        await database.write(change)
    assert rows(database) == []
    await trail.record(ADMIN, "user.created", "emil")
    assert [row["id"] for row in rows(database)] == [1]


async def test_a_hundred_at_once_stay_one_chain(trail: AuditTrail, database: Database) -> None:
    await asyncio.gather(*(trail.record(CARLA, "run.started", f"{number}.sh") for number in range(100)))
    written = rows(database)
    assert [row["id"] for row in written] == list(range(1, 101))
    assert all(row["previous_hash"] == before["hash"] for before, row in pairwise(written))


@pytest.mark.fault("S18")
async def test_the_order_is_that_of_the_numbers_when_the_clock_goes_back(
    trail: AuditTrail, database: Database, clock: MovedClock
) -> None:
    await trail.record(ADMIN, "one")
    clock.move(hours=-2)
    await trail.record(ADMIN, "two")
    one, two = rows(database)
    assert (one["what"], two["what"]) == ("one", "two")
    assert two["at"] < one["at"]


async def test_a_token_that_acted_is_named(trail: AuditTrail, database: Database) -> None:
    token = TokenRights("t1", frozenset({READ}))
    await trail.record(Actor("c1", "carla", "Carla", Role.CLIENT, token=token), "run.started", "deploy.sh")
    assert json.loads(rows(database)[0]["detail"]) == {"token": "t1"}


async def test_a_name_that_nobody_has_has_no_role(trail: AuditTrail, database: Database) -> None:
    await trail.record(Stranger("who?", "203.0.113.9"), "sign_in", "", Outcome.REFUSED)
    [row] = rows(database)
    assert (row["actor"], row["actor_id"], row["role"], row["outcome"]) == ("who?", None, "", "refused")


@pytest.mark.parametrize("text", ["x" * 1_000_000, "\ud800 half a pair", "zero \0 inside", "line\nbreak", "🚀" * 5000])
async def test_whatever_people_type_is_kept_short_and_storable(
    trail: AuditTrail, database: Database, text: str
) -> None:
    await trail.record(Stranger(text, "203.0.113.9"), "sign_in", text, Outcome.REFUSED, {"a": text, "b": [text] * 500})
    [row] = rows(database)
    assert 0 < len(row["actor"]) <= 300
    assert len(row["target"]) <= 300
    assert len(row["detail"]) < 80_000
    facts = json.loads(row["detail"])
    assert len(facts["a"]) <= 1000
    assert len(facts["b"]) == 50
    assert facts["a"].encode()


async def test_a_row_costs_little(trail: AuditTrail, database: Database) -> None:
    def write(session: Session) -> list[float]:
        seconds = []
        for _ in range(2000):
            begun = time.perf_counter()
            trail.append(session, CARLA, "run.started", "deploy.sh", detail={"run": "0" * 32})
            seconds.append(time.perf_counter() - begun)
        return seconds

    assert statistics.median(await database.write(write)) < 0.001
