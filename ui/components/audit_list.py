"""Rows of the audit: a line each, which opens to all that is known of it."""

from collections.abc import Sequence
from typing import Any, Final

from nicegui.element import Element

from app.audit.schemas import AuditView
from ui.components.audit_words import fact_words, phrase, picture, says_outcome
from ui.static import static_url

_TONES: Final = {"ok": "", "refused": "warn", "failed": "bad"}


class AuditList(Element, component="audit_list.js"):
    """One element for the whole list."""

    def __init__(self, rows: Sequence[AuditView]) -> None:
        super().__init__()
        self.props["icons"] = static_url("icons.svg")
        self.set_rows(rows)

    def set_rows(self, rows: Sequence[AuditView]) -> None:
        """Shows these rows; those that are open stay so."""
        self.props["rows"] = [entry(row) for row in rows]
        self.update()


def entry(row: AuditView) -> dict[str, Any]:
    """What one line shows, and what it opens to."""
    said = row.outcome == "ok" or says_outcome(row.what)
    return {
        "key": row.id,
        "icon": picture(row.what),
        "phrase": phrase(row.what, row.outcome),
        "about": _about(row),
        "actor": row.actor or "somebody",
        "address": row.address,
        "at": row.at,
        "tone": _TONES.get(row.outcome, "warn"),
        "outcome": "" if said else row.outcome.capitalize(),
        "facts": [("Kind", row.what), ("Target", row.target), ("Role", row.role), *fact_words(row.detail)],
        "hash": row.hash,
        "before": row.previous_hash,
    }


def _about(row: AuditView) -> str:
    """What it was done to, unless that is who did it; why something was refused, where nothing else is known."""
    if row.target:
        return row.target if row.target != row.actor else ""
    reason = row.detail.get("reason", "")
    return reason if isinstance(reason, str) else ""
