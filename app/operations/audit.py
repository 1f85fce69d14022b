"""The audit, for `toru audit`."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from app.audit.schemas import ExportFormat, Mark
from app.audit.service import AuditService
from app.control import Handler
from app.core.permissions import Actor
from app.operations.fields import moment, number, text


def audit_handlers(audit: AuditService) -> dict[str, Handler]:
    """Of the audit, in pieces that are short enough for one answer each."""
    system = Actor.system()

    async def verify(fields: Mapping[str, Any]) -> dict[str, Any]:
        begun = "number" in fields
        after = Mark(number(fields, "number"), text(fields, "hash")) if begun else None
        return asdict(await audit.verify_piece(system, after))

    async def verify_log(_: Mapping[str, Any]) -> dict[str, Any] | None:
        problem = await audit.verify_log(system)
        return None if problem is None else asdict(problem)

    async def find(fields: Mapping[str, Any]) -> int | None:
        return await audit.number_of(system, text(fields, "hash"))

    async def export(fields: Mapping[str, Any]) -> dict[str, Any]:
        until = number(fields, "until") if "until" in fields else None
        form = ExportFormat.CSV if fields.get("format") == ExportFormat.CSV.value else ExportFormat.JSONL
        return asdict(await audit.export_piece(system, None, form, number(fields, "after"), until))

    async def count(fields: Mapping[str, Any]) -> int:
        return await audit.count_before(system, moment(fields, "before"))

    async def prune(fields: Mapping[str, Any]) -> int:
        return await audit.prune_piece(system, moment(fields, "before"))

    return {
        "audit-verify": verify,
        "audit-verify-log": verify_log,
        "audit-find": find,
        "audit-export": export,
        "audit-count": count,
        "audit-prune": prune,
    }
