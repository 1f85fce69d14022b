"""Removing the oldest rows because somebody asked for it; the chain goes on from the last of them."""

from datetime import datetime

from sqlmodel import Session, col, func, select

from app.audit.heads import log_cut
from app.audit.models import AuditRow
from app.audit.store import PRUNED, STRETCH, ends, remove_oldest
from app.audit.trail import AuditTrail
from app.core.clock import iso
from app.core.permissions import Actor

REMOVED_AT_ONCE = 2000
"""In one transaction: they take the one writer for a twentieth of a second at most."""


def last_before(session: Session, before: datetime, begin: int, until: int) -> int:
    """The number of the last row before the first one that is not older than a moment, among those from `begin` to
    `until`; `begin - 1` when already the first is not."""
    query = select(func.min(AuditRow.id)).where(col(AuditRow.id).between(begin, until), AuditRow.at >= iso(before))
    first_kept = session.exec(query).one()
    return until if first_kept is None else first_kept - 1


def older(session: Session, before: datetime, begin: int) -> tuple[int, bool]:
    """As `last_before` for the next STRETCH rows, and whether there are more to look at."""
    first, last = ends(session)
    begin = max(begin, first)
    until = min(begin + STRETCH - 1, last)
    found = last_before(session, before, begin, until)
    return found, found == until < last


def remove_some(session: Session, trail: AuditTrail, actor: Actor, before: datetime, instance_id: str) -> int:
    """Removes the oldest rows that are older than a moment, some at a time, and records it, in the log, too; how many
    went."""
    first, last = ends(session)
    until = last_before(session, before, first, min(first + REMOVED_AT_ONCE - 1, last))
    rows = until - first + 1
    if rows <= 0:
        return 0
    cut = remove_oldest(session, until)
    facts = {"last": cut.number, "hash": cut.hash, "rows": rows, "before": iso(before)}
    trail.append(session, actor, PRUNED, detail=facts)
    log_cut(cut, rows, instance_id)  # before the commit, as all removals are
    return rows
