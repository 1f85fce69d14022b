"""The audit as text: whole, in order, and harmless in a spreadsheet."""

import csv
import io
import json
from typing import Any

import pytest
from sqlmodel import Session

from app.audit import service as module
from app.audit.chain import GENESIS, hash_of
from app.audit.schemas import AuditFilter, ExportFormat
from app.audit.trail import Outcome, Stranger
from app.core.errors import Forbidden
from app.core.permissions import Actor, Role, TokenRights
from tests.audit.support import ADMIN, BORIS, CARLA, Audit


async def exported(audit: Audit, form: ExportFormat, actor: Actor = ADMIN, wanted: AuditFilter | None = None) -> str:
    return b"".join([part async for part in audit.service.export(actor, wanted, form)]).decode()


async def json_lines(audit: Audit, actor: Actor = ADMIN, wanted: AuditFilter | None = None) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (await exported(audit, ExportFormat.JSONL, actor, wanted)).splitlines()]


async def test_json_lines_hold_all_that_a_hash_covers(audit: Audit) -> None:
    rows = await json_lines(audit)
    assert [row["id"] for row in rows] == list(range(1, 11))
    before = GENESIS
    for row in rows:
        detail = json.dumps(row["detail"], sort_keys=True)
        names = ("id", "at", "actor", "actor_id", "role", "address", "what", "target", "outcome")
        assert row["hash"] == hash_of([*(row[name] for name in names), detail, before])
        before = row["hash"]


async def test_csv_has_a_header_and_a_line_a_row(audit: Audit) -> None:
    header, *rows = csv.reader(io.StringIO(await exported(audit, ExportFormat.CSV)))
    assert header == [
        "id", "at", "actor", "actor_id", "role", "address", "what", "target", "outcome", "detail",
        "previous_hash", "hash",
    ]  # fmt: skip
    assert len(rows) == 10
    assert rows[5][6:10] == ["user.created", "dora", "ok", '{"display_name": "Dörte = Dora"}']


@pytest.mark.parametrize("name", ["=1+1", "+cmd|' /C calc'!A0", "-2", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1"])
async def test_a_spreadsheet_computes_nothing(audit: Audit, name: str) -> None:
    await audit.trail.record(Stranger(name, "203.0.113.9"), "sign_in", "", Outcome.REFUSED)
    *_, last = csv.reader(io.StringIO(await exported(audit, ExportFormat.CSV), newline=""))
    assert last[2] == f"'{name}"


async def test_only_what_the_actor_sees_and_the_filter_lets_through_is_written(audit: Audit) -> None:
    assert len(await json_lines(audit, CARLA)) == 5
    found = await json_lines(audit, CARLA, AuditFilter(actor="boris", outcome=Outcome.FAILED))
    assert [row["id"] for row in found] == [8]


async def test_a_token_without_the_scope_gets_nothing(audit: Audit) -> None:
    token = Actor("c1", "carla", "Carla", Role.CLIENT, token=TokenRights("t", frozenset({"run:a"})))
    with pytest.raises(Forbidden):
        await exported(audit, ExportFormat.JSONL, token)


async def test_a_long_audit_comes_in_pieces_that_end(audit: Audit, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(session: Session) -> None:
        for number in range(1500):
            audit.trail.append(session, BORIS, "run.started", f"{number}.sh")

    await audit.database.write(write)
    monkeypatch.setattr(module, "EXPORTED_TEXT", 2000)
    numbers, parts = [], 0
    async for part in audit.service.export(ADMIN):
        numbers += [json.loads(line)["id"] for line in part.decode().splitlines()]
        assert len(part) < 4000
        parts += 1
        if parts == 3:
            await audit.trail.record(ADMIN, "setting.changed", "written meanwhile")
    assert numbers == list(range(1, 1511))
    assert parts > 100
