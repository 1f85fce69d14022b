"""Writing the audit: one row in the very transaction of what it tells about, so that neither is kept without the other.

This is all that other services need of the audit; `app.audit.service` reads it.
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlmodel import Session

from app.audit.chain import GENESIS, hash_of
from app.core.clock import Clock
from app.core.database import Database
from app.core.errors import Unavailable
from app.core.permissions import Actor, Role

log = logging.getLogger(__name__)

MAX_TEXT = 300
"""Characters kept of a name or a target."""

MAX_FACT = 1000
"""Characters kept of a text in the detail."""

MAX_ITEMS, MAX_ITEM = 50, 100
"""Items kept of a list in the detail, and characters of each."""

# Plain SQL: through the mapper a row costs ten times as much, and every start of a run writes one. The number comes
# from SQLite's own count, which never takes one back: rows that were cut off leave a gap.
NEWEST = (
    "SELECT (SELECT seq FROM sqlite_sequence WHERE name = 'audit'), (SELECT hash FROM audit ORDER BY id DESC LIMIT 1)"
)
INSERT = (
    "INSERT INTO audit (id, at, actor, actor_id, role, address, what, target, outcome, detail, previous_hash, hash)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)

Fact = str | int | float | bool | None


class Outcome(StrEnum):
    """How it went."""

    OK = "ok"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Stranger:
    """Somebody who only says who he is: a try to sign in.

    Attributes:
        username: as typed.
        address: where from.
        user_id: of the account with this name, None without one.
        role: of that account, None without one.
    """

    username: str
    address: str
    user_id: str | None = None
    role: Role | None = None


class AuditTrail:
    """Appends rows to the chain. There is one writer of the database, so rows never race for their place.

    Attributes:
        lost: rows that only the log has, since the core was started.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self.lost = 0

    def append(
        self,
        session: Session,
        actor: Actor | Stranger,
        what: str,
        target: str = "",
        outcome: Outcome = Outcome.OK,
        detail: Mapping[str, object] | None = None,
    ) -> None:
        """Adds one row in the transaction of `session`, on the writer's thread.

        Rows are in the order of their numbers; their times are the clock's, which somebody may have set back.

        Args:
            actor: who did it, or was refused.
            what: such as `user.created`.
            target: what it was done to, in words that stay true when the target is gone; never a secret.
            detail: further facts, texts, numbers or lists of them, shortened where they are long; never a secret.
        """
        connection = session.connection()
        count, newest = connection.exec_driver_sql(NEWEST).one()
        values = (
            (count or 0) + 1,
            self._clock.now_iso(),
            kept(actor.username),
            actor.user_id,
            actor.role.value if actor.role else "",
            actor.address,
            what,
            kept(target),
            outcome.value,
            _detail(actor, detail or {}),
            newest or GENESIS,
        )
        connection.exec_driver_sql(INSERT, (*values, hash_of(values)))

    async def record(
        self,
        actor: Actor | Stranger,
        what: str,
        target: str = "",
        outcome: Outcome = Outcome.OK,
        detail: Mapping[str, object] | None = None,
    ) -> None:
        """Adds one row in a transaction of its own, where nothing else is written. Raises Unavailable."""
        await self._database.write(lambda session: self.append(session, actor, what, target, outcome, detail))

    async def try_record(
        self,
        actor: Actor | Stranger,
        what: str,
        target: str = "",
        outcome: Outcome = Outcome.OK,
        detail: Mapping[str, object] | None = None,
    ) -> None:
        """The same for what must go on without the database, too: then the log keeps what the audit cannot."""
        try:
            await self.record(actor, what, target, outcome, detail)
        except Unavailable:
            self.lost += 1
            facts = {"by": kept(actor.username), "target": kept(target), "address": actor.address}
            log.warning("not in the audit: %s", what, extra={"event": "audit_row_lost", "what": what, **facts})


def kept(text: str, most: int = MAX_TEXT) -> str:
    """Short, and without what cannot be stored as UTF-8."""
    short = text if len(text) <= most else text[: most - 1] + "…"
    return short.encode("utf-8", "replace").decode()


def _detail(actor: Actor | Stranger, detail: Mapping[str, object]) -> str:
    facts = {name: _fact(value) for name, value in detail.items()}
    if isinstance(actor, Actor) and actor.token is not None:
        facts["token"] = actor.token.id
    return json.dumps(facts, ensure_ascii=True, sort_keys=True)


def _fact(value: object) -> Fact | list[Fact]:
    if isinstance(value, list | tuple | set | frozenset):
        items = sorted(value) if isinstance(value, set | frozenset) else value
        return [_plain(item, MAX_ITEM) for item in items[:MAX_ITEMS]]
    return _plain(value)


def _plain(value: object, most: int = MAX_FACT) -> Fact:
    return value if value is None or isinstance(value, bool | int | float) else kept(str(value), most)
