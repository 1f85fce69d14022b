"""Reading the audit table, a stretch of numbers at a time: other readers never wait for a look at all of it.

Texts are read as bytes: somebody who writes into the file can store what is no text, and even that must be shown.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, LargeBinary, Select, cast, text
from sqlmodel import Session, and_, col, delete, func, or_, select, true

from app.audit.chain import COVERED, GENESIS
from app.audit.models import AuditRow
from app.audit.schemas import AuditFilter, AuditView, Cut, Mark
from app.core.clock import iso
from app.core.permissions import Actor

STRETCH = 20_000
"""Numbers that one query looks through."""

PRUNED = "audit.pruned"
COUNT = text("SELECT seq FROM sqlite_sequence WHERE name = 'audit'")

TEXTS = tuple(cast(col(getattr(AuditRow, name)), LargeBinary) for name in (*COVERED[1:], "hash"))
SEARCHED = (AuditRow.actor, AuditRow.address, AuditRow.what, AuditRow.target)
OWN = ("sign_in", "sign_out")
"""What a client sees of itself; of runs it sees everything."""


@dataclass(frozen=True, slots=True)
class StoredRow:
    """A row as it lies in the file: its number, the other values that its hash covers, and the hash."""

    number: int
    texts: Sequence[bytes | None]
    hash: bytes | None

    def values(self) -> list[int | str | None]:
        """What the hash covers. Raises UnicodeDecodeError for what is no text."""
        return [self.number, *(None if raw is None else raw.decode() for raw in self.texts)]


def read_rows(session: Session, *, after: int, until: int, limit: int, only: ColumnElement[bool]) -> list[StoredRow]:
    """Rows in their order, of the numbers behind `after` up to `until`."""
    query: Select[Any] = (
        select(AuditRow.id, *TEXTS)
        .where(col(AuditRow.id) > after, col(AuditRow.id) <= until, only)
        .order_by(col(AuditRow.id))
        .limit(limit)
    )
    return list(_stored(session, query))


def read_rows_back(session: Session, *, before: int, limit: int, only: ColumnElement[bool]) -> list[StoredRow]:
    """Rows backwards, of the STRETCH numbers before `before`."""
    query: Select[Any] = (
        select(AuditRow.id, *TEXTS)
        .where(col(AuditRow.id) < before, col(AuditRow.id) >= before - STRETCH, only)
        .order_by(col(AuditRow.id).desc())
        .limit(limit)
    )
    return list(_stored(session, query))


def _stored(session: Session, query: "Select[Any]") -> Iterator[StoredRow]:
    for number, *texts, own_hash in session.connection().execute(query):
        yield StoredRow(number, texts, own_hash)


def ends(session: Session) -> tuple[int, int]:
    """The lowest and the highest number; (1, 0) without rows."""
    first = session.exec(select(func.min(AuditRow.id))).one()
    last = session.exec(select(func.max(AuditRow.id))).one()
    return (1, 0) if first is None or last is None else (first, last)


def count_ever(session: Session) -> int:
    """The highest number that a row ever had, by SQLite's own count."""
    return session.connection().execute(COUNT).scalar() or 0


def newest_mark(session: Session) -> Mark | None:
    """The newest row's place in the chain."""
    row = session.exec(select(AuditRow.id, AuditRow.hash).order_by(col(AuditRow.id).desc()).limit(1)).first()
    return None if row is None else Mark(row[0] or 0, row[1])


def portion_of(max_rows: int) -> int:
    """How many rows go at once when there are more than `max_rows`, and some more up to a number that it divides."""
    return max(1, max_rows // 10)


def latest_cut(session: Session) -> Cut:
    """What the newest row says that tells of a removal; `is_ours` says whether to believe it."""
    newest = select(AuditRow.id, cast(col(AuditRow.detail), LargeBinary)).where(AuditRow.what == PRUNED)
    told = session.exec(newest.order_by(col(AuditRow.id).desc()).limit(1)).first()
    if told is None:
        return Cut(0, Mark(0, GENESIS), 0)
    number, detail = told
    try:
        facts = json.loads(detail)
        last, own_hash, rows, before = facts["last"], facts["hash"], facts["rows"], facts.get("before")
    except (ValueError, TypeError, KeyError, RecursionError):
        return Cut(number or 0, Mark(0, GENESIS), 0)
    if type(last) is not int or type(rows) is not int:
        return Cut(number or 0, Mark(0, GENESIS), 0)
    return Cut(number or 0, Mark(last, str(own_hash)), rows, before if isinstance(before, str) else None)


def is_ours(cut: Cut, max_rows: int) -> bool:
    """Whether the server can have made it: by itself only up to a multiple of the portion, and only when there were
    more than `max_rows`; because somebody asked for it, up to any row before the one that tells of it."""
    if not cut.told_by:
        return True
    last, rows = cut.last.number, cut.rows
    if cut.before is not None:
        return 0 < rows <= last < cut.told_by
    portion = portion_of(max_rows)
    in_portions = last > 0 and last % portion == 0 and portion <= rows < 2 * portion
    return in_portions and cut.told_by > last - rows + 1 + max_rows


def number_of(session: Session, *, begin: int, wanted_hash: str) -> int | None:
    """The row with this hash among the STRETCH numbers from `begin` on."""
    stretch = col(AuditRow.id).between(begin, begin + STRETCH - 1)
    return session.exec(select(AuditRow.id).where(stretch, AuditRow.hash == wanted_hash)).first()


def remove_oldest(session: Session, until: int) -> Mark:
    """Removes the rows up to a number and returns the place in the chain of the last of them."""
    [last] = read_rows(session, after=until - 1, until=until, limit=1, only=true())
    session.exec(delete(AuditRow).where(col(AuditRow.id) <= until))
    return Mark(until, (last.hash or b"").decode(errors="replace"))


def view_of(row: StoredRow) -> AuditView:
    """A row for people; what is no text shows as such."""
    shown = [None if raw is None else raw.decode(errors="replace") for raw in (*row.texts, row.hash)]
    at, actor, actor_id, role, address, what, target, outcome, detail, previous, own = shown
    texts = (at or "", actor or "", actor_id, role or "", address or "", what or "", target or "", outcome or "")
    return AuditView(row.number, *texts, _facts(detail or ""), previous or "", own or "")


def _facts(detail: str) -> dict[str, Any]:
    try:
        facts = json.loads(detail)
    except ValueError:
        facts = None
    return facts if isinstance(facts, dict) else {"unreadable": detail}


def seen_by(actor: Actor) -> ColumnElement[bool]:
    """What the actor may see: an admin everything, others every run and their own coming and going."""
    if actor.is_admin:
        return col(AuditRow.id) > 0
    own = and_(
        or_(*(_is_kind(kind) for kind in OWN)),
        col(AuditRow.role) == actor.role.value,
        col(AuditRow.actor_id).is_not_distinct_from(actor.user_id),
    )
    return or_(_is_kind("run"), own)


def wanted(filtered: AuditFilter) -> ColumnElement[bool]:
    """What a filter lets through."""
    conditions: list[ColumnElement[bool]] = [col(AuditRow.id) > 0]
    if filtered.what:
        conditions.append(_is_kind(filtered.what))
    if filtered.actor:
        conditions.append(col(AuditRow.actor) == filtered.actor)
    if filtered.outcome:
        conditions.append(col(AuditRow.outcome) == filtered.outcome.value)
    if filtered.since:
        conditions.append(col(AuditRow.at) >= iso(filtered.since))
    if filtered.until:
        conditions.append(col(AuditRow.at) <= iso(filtered.until))
    if filtered.search:
        part = _lower(filtered.search)
        in_json = json.dumps(filtered.search)[1:-1].lower()
        found = [func.instr(func.lower(column), part) > 0 for column in SEARCHED]
        conditions.append(or_(*found, func.instr(func.lower(AuditRow.detail), in_json) > 0))
    return and_(*conditions)


def _lower(text: str) -> str:
    """As SQLite's `lower` does it: ASCII only."""
    return "".join(letter.lower() if letter.isascii() else letter for letter in text)


def _is_kind(what: str) -> ColumnElement[bool]:
    """`run` and what begins with `run.`; a range, which an index serves."""
    word = what.rstrip(".")
    return or_(col(AuditRow.what) == word, and_(col(AuditRow.what) > f"{word}.", col(AuditRow.what) < f"{word}/"))
