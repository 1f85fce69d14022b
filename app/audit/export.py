"""Rows of the audit as text: JSON Lines and CSV."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, fields

from app.audit.schemas import AuditView, ExportFormat

COLUMNS = tuple(field.name for field in fields(AuditView))
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""How cells begin that a spreadsheet would compute; names come from strangers."""


def header(form: ExportFormat) -> str:
    """What stands before the first row."""
    return _line(COLUMNS) if form is ExportFormat.CSV else ""


def text_of(row: AuditView, form: ExportFormat) -> str:
    """One row with its line end."""
    if form is ExportFormat.JSONL:
        return json.dumps(asdict(row), ensure_ascii=False) + "\n"
    values = {**asdict(row), "detail": json.dumps(row.detail, ensure_ascii=False, sort_keys=True)}
    return _line([_safe("" if values[name] is None else str(values[name])) for name in COLUMNS])


def _line(cells: Sequence[str]) -> str:
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL).writerow(cells)
    return out.getvalue()


def _safe(cell: str) -> str:
    return f"'{cell}" if cell.startswith(FORMULA) else cell
