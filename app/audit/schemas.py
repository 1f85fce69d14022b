"""What leaves the audit: rows, pages of them, what is wanted, and what a look at the whole chain found."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from app.audit.trail import Outcome


class ExportFormat(StrEnum):
    """How rows are written."""

    JSONL = "jsonl"
    CSV = "csv"


@dataclass(frozen=True, slots=True)
class AuditView:
    """One row.

    Attributes:
        id: its number; rows are in the order of their numbers, whatever the clock said.
        actor: the user name as it was then, `system` for the core itself, as typed for who only tried to sign in.
        actor_id: of the account, None for the environment's administrator, the core and names that nobody has.
        role: admin or client, empty for a name that nobody has.
        what: such as `sign_in`, `run.started`, `user.created`.
        target: what it was done to.
        detail: further facts.
    """

    id: int
    at: str
    actor: str
    actor_id: str | None
    role: str
    address: str
    what: str
    target: str
    outcome: str
    detail: Mapping[str, Any]
    previous_hash: str
    hash: str


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Rows, newest first, and what to pass as `before` for older ones (None when there are none)."""

    items: tuple[AuditView, ...]
    next_before: int | None


@dataclass(frozen=True, slots=True)
class AuditFigures:
    """How large it is.

    Attributes:
        rows: that are kept.
        lost: rows that only the log has, since the core was started.
    """

    rows: int
    lost: int


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which rows are wanted; None and empty mean any.

    Attributes:
        what: a kind of row, or its first word: `run` for `run.started`, `run.ended` and the rest.
        actor: a user name.
        search: part of the actor, the address, the kind, the target or the detail.
        since, until: moments, both included.
    """

    what: str | None = None
    actor: str | None = None
    outcome: Outcome | None = None
    search: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """Some rows of an export.

    Attributes:
        text: as they are written, with the header before the first ones.
        after: the row to go on behind.
        until: the row with which the export ends.
    """

    text: str
    after: int
    until: int


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in the chain: a row's number and hash."""

    number: int
    hash: str


@dataclass(frozen=True, slots=True)
class Cut:
    """That the oldest rows were removed, by the word of a row.

    Attributes:
        told_by: the number of that row, 0 when nothing was ever removed.
        last: the place in the chain of the last row that went.
        rows: how many went.
        before: the moment up to which somebody had them removed, None where there were too many.
    """

    told_by: int
    last: Mark
    rows: int
    before: str | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """The first row that does not fit, and a sentence that says why."""

    number: int
    sentence: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a look at the chain found.

    Attributes:
        rows: how many fit together.
        newest: the last of them, None when there are none.
        problem: what does not fit, None when everything does.
        is_done: whether the end was reached; else go on after `newest`.
    """

    rows: int
    newest: Mark | None
    problem: Problem | None
    is_done: bool = True
