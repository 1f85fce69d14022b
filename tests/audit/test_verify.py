"""Tampering with the file: whatever is done to rows, the first that does not fit is named."""

import asyncio
import json
import logging
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from app.audit import service as module
from app.audit.chain import COVERED, hash_of
from app.audit.heads import Head, read_heads
from app.audit.schemas import Mark, Verdict
from app.core.database import Database
from app.core.errors import Forbidden
from app.core.permissions import Actor
from tests.audit.support import ADMIN, CARLA, Audit, open_audit
from tests.support.database import MovedClock


async def verdict(audit: Audit) -> Verdict:
    return await audit.service.verify(ADMIN)


async def test_untouched_rows_fit_together(audit: Audit) -> None:
    found = await verdict(audit)
    newest = (await audit.rows())[-1]
    assert (found.rows, found.newest, found.problem) == (10, Mark(10, newest.hash), None)


async def test_no_rows_are_no_problem(database: Database, clock: MovedClock, tmp_path: Path) -> None:
    async with open_audit(database, clock, tmp_path) as audit:
        assert await verdict(audit) == Verdict(0, None, None)


REST = "at, actor, actor_id, role, address, what, target, outcome, detail, previous_hash, hash"
COPY = f"INSERT INTO audit SELECT {{}}, {REST} FROM audit WHERE id = {{}}"

TAMPERINGS = {
    "another target": (["UPDATE audit SET target = 'harmless.sh' WHERE id = 7"], 7, "was changed"),
    "another actor": (["UPDATE audit SET actor = 'carla', actor_id = 'c1' WHERE id = 8"], 8, "was changed"),
    "another time": (["UPDATE audit SET at = '2020-01-01T00:00:00.000Z' WHERE id = 3"], 3, "was changed"),
    "another outcome": (["UPDATE audit SET outcome = 'ok' WHERE id = 4"], 4, "was changed"),
    "a fact more": (["""UPDATE audit SET detail = '{"code": 0}' WHERE id = 8"""], 8, "was changed"),
    "nobody instead of somebody": (["UPDATE audit SET actor_id = NULL WHERE id = 2"], 2, "was changed"),
    "another hash": ([f"UPDATE audit SET hash = '{'0' * 64}' WHERE id = 5"], 5, "was changed"),
    "no text": (["UPDATE audit SET target = CAST(X'FF' AS TEXT) WHERE id = 6"], 6, "no text"),
    "a hash that is no text": (["UPDATE audit SET hash = CAST(X'FF' AS TEXT) WHERE id = 10"], 10, "no text"),
    "the first row": (["DELETE FROM audit WHERE id = 1"], 1, "Row 1 is missing"),
    "one in the middle": (["DELETE FROM audit WHERE id = 6"], 6, "Row 6 is missing"),
    "several in the middle": (["DELETE FROM audit WHERE id BETWEEN 3 AND 6"], 3, "Row 3 is missing"),
    "the last one": (["DELETE FROM audit WHERE id = 10"], 10, "the newest were cut off"),
    "the last five": (["DELETE FROM audit WHERE id > 5"], 6, "the newest were cut off"),
    "all": (["DELETE FROM audit"], 1, "the newest were cut off"),
    "two places swapped": (
        [
            "UPDATE audit SET id = 1000 WHERE id = 4",
            "UPDATE audit SET id = 4 WHERE id = 5",
            "UPDATE audit SET id = 5 WHERE id = 1000",
        ],
        4,
        "was changed",
    ),
    "a gap closed": (
        ["DELETE FROM audit WHERE id = 4", *(f"UPDATE audit SET id = {n - 1} WHERE id = {n}" for n in range(5, 11))],
        4,
        "was changed",
    ),
    "one more at the end": ([COPY.format(11, 10)], 11, "was changed"),
    "one before the first": ([COPY.format(0, 1)], 0, "does not belong here"),
}


@pytest.mark.parametrize("what", TAMPERINGS)
async def test_the_first_row_that_does_not_fit_is_named(audit: Audit, what: str) -> None:
    statements, number, words = TAMPERINGS[what]
    audit.tamper(*statements)
    found = await verdict(audit)
    assert found.problem is not None
    assert (found.problem.number, found.rows) == (number, max(0, number - 1))
    assert words in found.problem.sentence


async def test_new_rows_do_not_close_the_gap_of_a_tail_that_was_cut_off(audit: Audit) -> None:
    audit.tamper("DELETE FROM audit WHERE id > 8")
    await audit.trail.record(ADMIN, "setting.changed", "max_runs")
    found = await verdict(audit)
    assert found.problem is not None
    assert (found.problem.number, found.rows) == (9, 8)


def forge(audit: Audit, number: int, **values: str) -> str:
    """Changes a row and computes its hash anew, as somebody who knows how would; the hash."""
    with closing(sqlite3.connect(audit.database.path)) as connection, connection:
        connection.row_factory = sqlite3.Row
        row = dict(connection.execute("SELECT * FROM audit WHERE id = ?", (number,)).fetchone()) | values
        row["hash"] = hash_of([row[name] for name in COVERED])
        columns = ", ".join(f"{name} = :{name}" for name in row)
        connection.execute(f"UPDATE audit SET {columns} WHERE id = :id", row)
    return str(row["hash"])


async def test_a_row_whose_hash_was_computed_anew_breaks_the_next_one(audit: Audit) -> None:
    forge(audit, 7, target="harmless.sh")
    problem = (await verdict(audit)).problem
    assert problem is not None
    assert problem.number == 8
    assert problem.sentence == "Row 8 does not follow the row before it, which was changed or replaced."


async def test_a_chain_computed_anew_to_its_end_is_found_out_by_the_log(audit: Audit, tmp_path: Path) -> None:
    newest = (await audit.rows())[-1]
    log_line(audit, tmp_path, newest.id, newest.hash)
    hash_before = forge(audit, 7, target="harmless.sh")
    for number in range(8, 11):
        hash_before = forge(audit, number, previous_hash=hash_before)
    problem = (await verdict(audit)).problem
    assert problem is not None
    assert problem.number == 10
    assert "tells of row 10 with another hash" in problem.sentence


async def test_a_tail_that_was_cut_off_without_a_trace_is_found_out_by_the_log(audit: Audit, tmp_path: Path) -> None:
    newest = (await audit.rows())[-1]
    log_line(audit, tmp_path, newest.id, newest.hash)
    audit.tamper("DELETE FROM audit WHERE id > 8", "UPDATE sqlite_sequence SET seq = 8 WHERE name = 'audit'")
    problem = (await verdict(audit)).problem
    assert problem is not None
    assert problem.number == 9
    assert "tells of row 10, but the newest row is 8: rows were cut off at the end." in problem.sentence


async def test_the_log_of_another_installation_says_nothing_of_this_one(audit: Audit, tmp_path: Path) -> None:
    log_line(audit, tmp_path, 99, "f" * 64, instance="another")
    assert (await verdict(audit)).problem is None


@pytest.mark.parametrize("line", ['{"event": "audit_head"', '{"event": "audit_head"}', "audit_head", "\xff audit_head"])
async def test_half_a_line_in_the_log_is_passed_over(audit: Audit, tmp_path: Path, line: str) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "toru.log").write_text(line + "\n", encoding="latin-1")
    assert (await verdict(audit)).problem is None


def log_line(
    audit: Audit, folder: Path, number: int, own_hash: str, instance: str | None = None, event: str = "audit_head"
) -> None:
    """A line of an older log file."""
    (folder / "logs").mkdir(exist_ok=True)
    told = {"timestamp": "2026-01-01T00:00:00.000Z", "event": event, "number": number, "hash": own_hash}
    told["instance"] = instance or audit.settings.instance_id
    with (folder / "logs" / "toru.log.2").open("a") as log:
        log.write(json.dumps(told) + "\n")


async def test_only_an_admin_may_verify(audit: Audit) -> None:
    with pytest.raises(Forbidden):
        await audit.service.verify(CARLA)


async def test_a_hash_that_was_kept_elsewhere_is_found(audit: Audit) -> None:
    rows = await audit.rows()
    assert await audit.service.number_of(ADMIN, rows[3].hash.upper()) == 4
    assert await audit.service.number_of(ADMIN, "f" * 64) is None


async def test_a_long_chain_is_walked_in_pieces(audit: Audit) -> None:
    def write(session: object) -> None:
        for _ in range(2500):
            audit.trail.append(session, CARLA, "run.started", "deploy.sh")  # type: ignore[arg-type]

    await audit.database.write(write)
    piece = await audit.service.verify_piece(ADMIN, None)
    assert (piece.rows, piece.is_done) == (1000, False)
    found = await verdict(audit)
    assert (found.rows, found.problem) == (2510, None)
    audit.tamper("DELETE FROM audit WHERE id BETWEEN 1200 AND 2400")
    problem = (await verdict(audit)).problem
    assert problem is not None
    assert problem.number == 1200


# -- the oldest rows are removed


async def test_the_oldest_tenth_goes_and_the_rest_still_fits(
    database: Database, clock: MovedClock, tmp_path: Path
) -> None:
    async with open_audit(database, clock, tmp_path, max_rows=20) as audit:
        for _ in range(2):
            await audit.write_some()
        await audit.upkeep.prune()
        assert (await audit.rows())[0].id == 1  # twenty are not too many
        await audit.trail.record(ADMIN, "setting.changed", "max_runs")
        gone = (await audit.rows())[:2]
        await audit.upkeep.prune()
        rows = await audit.rows()
        assert (rows[0].id, rows[-1].what, rows[-1].actor) == (3, "audit.pruned", "system")
        assert rows[-1].detail == {"last": 2, "hash": gone[-1].hash, "rows": 2}
        found = await verdict(audit)
        assert (found.rows, found.problem) == (20, None)


async def test_rows_may_be_removed_while_the_chain_is_walked(
    database: Database, clock: MovedClock, tmp_path: Path
) -> None:
    async with open_audit(database, clock, tmp_path, max_rows=10) as audit:
        await audit.write_some()
        first = Mark(1, (await audit.rows())[0].hash)
        for _ in range(3):
            await audit.trail.record(ADMIN, "setting.changed", "max_runs")
            await audit.upkeep.prune()
        assert (await audit.rows())[0].id > 2
        found = await audit.service.verify_piece(ADMIN, first)
        assert (found.problem, found.is_done) == (None, True)


@pytest.mark.parametrize(
    ("statement", "number"),
    [
        ("DELETE FROM audit WHERE id = 2", 2),
        ("DELETE FROM audit WHERE id <= 5", 2),
        ("""UPDATE audit SET detail = '{"last": 5, "hash": "x"}' WHERE what = 'audit.pruned'""", 11),
        ("UPDATE audit SET previous_hash = 'x' WHERE id = 2", 2),
    ],
)
async def test_a_removal_of_ones_own_is_not_taken_for_ours(
    database: Database, clock: MovedClock, tmp_path: Path, statement: str, number: int
) -> None:
    async with open_audit(database, clock, tmp_path, max_rows=9) as audit:
        await audit.write_some()
        await audit.upkeep.prune()
        assert (await verdict(audit)).problem is None
        audit.tamper(statement)
        problem = (await verdict(audit)).problem
        assert problem is not None
        assert problem.number == number


async def forge_a_removal(audit: Audit, last: int, rows: object, detail: str | None = None) -> int:
    """Deletes the rows up to a number and tells of it in the core's own words, hash and all; the number of that row."""
    cut = next(row for row in await audit.rows() if row.id == last)
    facts = {"last": last, "hash": cut.hash, "rows": rows}
    await audit.trail.record(Actor.system(), "audit.pruned", detail=facts)
    audit.tamper(f"DELETE FROM audit WHERE id <= {last}")
    number = (await audit.rows())[-1].id
    if detail is not None:
        forge(audit, number, detail=detail)
    return number


@pytest.mark.parametrize(
    ("last", "rows"),
    [(30, 30), (30, 2), (10, 10), (9, 2), (12, 2), (2, 1), (2, "2"), (2, True)],
    ids=["all", "all, in our portion", "ten", "half a portion", "too early", "less", "a text", "yes"],
)
async def test_a_removal_that_the_server_never_makes_is_refused(
    database: Database, clock: MovedClock, tmp_path: Path, last: int, rows: object
) -> None:
    async with open_audit(database, clock, tmp_path, max_rows=20) as audit:
        for _ in range(3):
            await audit.write_some()
        number = await forge_a_removal(audit, last, rows)
        found = await verdict(audit)
        assert found.problem is not None
        assert (found.rows, found.problem.number) == (0, number)
        assert found.problem.sentence == f"Row {number} tells of a removal of the oldest rows that never was."


async def test_a_removal_before_the_limit_is_refused(audit: Audit) -> None:
    number = await forge_a_removal(audit, 10, 10)
    problem = (await verdict(audit)).problem
    assert problem is not None
    assert (problem.number, "never was" in problem.sentence) == (number, True)


@pytest.mark.parametrize("detail", ["[" * 5000, '{"last": 1e999}', '{"last": 1' + "0" * 5000 + "}", "null", "{", ""])
async def test_a_removal_that_cannot_be_read_is_refused(audit: Audit, detail: str) -> None:
    number = await forge_a_removal(audit, 10, 10, detail)
    problem = (await verdict(audit)).problem
    assert problem is not None
    assert problem.number == number


async def test_a_removal_that_looks_like_ours_is_found_out_by_the_log(
    database: Database, clock: MovedClock, tmp_path: Path
) -> None:
    async with open_audit(database, clock, tmp_path, max_rows=20) as audit:
        for _ in range(3):
            await audit.write_some()
        seen = (await audit.rows())[4]
        await forge_a_removal(audit, 10, 2)
        assert (await verdict(audit)).problem is None  # the rows alone tell nothing
        log_line(audit, tmp_path, seen.id, seen.hash)
        problem = (await verdict(audit)).problem
        assert problem is not None
        assert problem.number == 5
        assert "tells of row 5, but of no removal of the rows up to 10" in problem.sentence


async def test_a_head_at_the_last_row_that_went_is_compared(
    database: Database, clock: MovedClock, tmp_path: Path
) -> None:
    async with open_audit(database, clock, tmp_path, max_rows=20) as audit:
        for _ in range(3):
            await audit.write_some()
        [_, cut, *_] = await audit.rows()
        await audit.upkeep.prune()
        log_line(audit, tmp_path, cut.id, cut.hash)
        assert (await verdict(audit)).problem is None
        log_line(audit, tmp_path, cut.id, "f" * 64)
        problem = (await verdict(audit)).problem
        assert problem is not None
        assert problem.number == 2
        assert "tells of row 2 with another hash" in problem.sentence


async def test_what_the_log_tells_of_rows_that_the_server_removed_is_no_problem(
    database: Database, clock: MovedClock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with open_audit(database, clock, tmp_path, max_rows=20) as audit:
        for _ in range(3):
            await audit.write_some()
        seen = (await audit.rows())[0]
        log_line(audit, tmp_path, seen.id, seen.hash)
        for _ in range(3):
            await audit.upkeep.prune()
        cuts: list[Any] = [line for line in caplog.records if getattr(line, "event", "") == "audit_pruned"]
        assert [line.number for line in cuts] == [2, 4, 6]
        assert (await verdict(audit)).problem is not None  # the log file knows of no removal yet
        for line in cuts:
            log_line(audit, tmp_path, line.number, line.hash, line.instance, "audit_pruned")
        assert (await verdict(audit)).problem is None


async def test_a_removal_in_the_log_that_came_to_nothing_is_no_problem(audit: Audit, tmp_path: Path) -> None:
    """The line is written first: the server may have been killed before the rows went."""
    third = (await audit.rows())[2]
    log_line(audit, tmp_path, third.id, third.hash, event="audit_pruned")
    assert (await verdict(audit)).problem is None


async def test_rows_may_be_removed_while_the_log_is_read(
    database: Database, clock: MovedClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_audit(database, clock, tmp_path, max_rows=20) as audit:
        for _ in range(3):
            await audit.write_some()
        seen = (await audit.rows())[0]
        log_line(audit, tmp_path, seen.id, seen.hash)
        loop = asyncio.get_running_loop()

        def read_and_remove(*told: Any) -> list[Head]:
            heads = read_heads(*told)
            asyncio.run_coroutine_threadsafe(audit.upkeep.prune(), loop).result(10)
            return heads

        monkeypatch.setattr(module, "read_heads", read_and_remove)
        assert await audit.service.verify_log(ADMIN) is None
