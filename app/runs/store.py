"""The runs table: every statement about it, each in one transaction."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, func, or_, select

from app.audit.trail import AuditTrail
from app.core.database import Database
from app.core.errors import BadValue, Conflict, NotFound
from app.core.permissions import Actor
from app.runs.models import RunRow
from app.runs.records import record_state
from app.runs.schemas import RunPage, RunState, RunView

WAITING_OR_RUNNING = (RunState.QUEUED.value, RunState.RUNNING.value)


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run with what only the dispatcher needs to know of it."""

    view: RunView
    number: int
    requester: str
    cols: int
    rows: int
    boot_id: str


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which runs are wanted; None and empty mean any."""

    script: str | None = None
    state: RunState | None = None
    user: str | None = None
    search: str | None = None


class RunStore:
    """Reads and writes run records."""

    def __init__(self, database: Database, trail: AuditTrail) -> None:
        self._database = database
        self._trail = trail

    async def insert(self, actor: Actor, row: RunRow) -> tuple[StoredRun, bool]:
        """Records a run that the actor asks for. With an idempotency key that is known, returns the run it belongs to,
        and False.

        Raises:
            Conflict: the key belongs to a run of something else.
        """

        def work(session: Session) -> tuple[StoredRun, bool]:
            known = _of_key(session, row)
            if known is not None:
                return _stored(known), False
            session.add(row)
            session.flush()
            record_state(self._trail, session, row, actor)
            return _stored(row), True

        return await self._database.write(work)

    async def of_key(self, row: RunRow) -> str | None:
        """The id of the run that was started with the row's key, None when there is none. Raises Conflict."""
        if row.idempotency_key is None:
            return None

        def work(session: Session) -> str | None:
            known = _of_key(session, row)
            return None if known is None else known.id

        return await self._database.read(work)

    async def change(self, run_id: str, **values: object) -> StoredRun:
        """Sets columns of a run that has not ended; one that has stays as it is."""

        def work(session: Session) -> StoredRun:
            row = _row(session, run_id)
            if row.finished_at is None:
                before = row.state
                row.sqlmodel_update(values)
                session.add(row)
                if row.state != before:
                    record_state(self._trail, session, row)
            return _stored(row)

        return await self._database.write(work)

    async def get(self, run_id: str) -> StoredRun:
        """One run. Raises NotFound."""
        return await self._database.read(lambda session: _stored(_row(session, run_id)))

    async def unfinished(self) -> list[StoredRun]:
        """All runs that have not ended, in the order in which they were asked for."""
        query = select(RunRow).where(col(RunRow.state).in_(WAITING_OR_RUNNING)).order_by(col(RunRow.number))
        return await self._database.read(lambda session: [_stored(row) for row in session.exec(query)])

    async def page(self, wanted: RunFilter, limit: int, before: str | None) -> RunPage:
        """Runs, newest first. Raises BadValue when `before` names no run."""

        def work(session: Session) -> RunPage:
            query = select(RunRow).order_by(col(RunRow.number).desc()).limit(limit + 1)
            for condition in _conditions(wanted):
                query = query.where(condition)
            if before is not None:
                number = session.exec(select(RunRow.number).where(RunRow.id == before)).first()
                if number is None:
                    raise BadValue("`before` must be the id of a run.")
                query = query.where(col(RunRow.number) < number)
            rows: Sequence[RunRow] = session.exec(query).all()
            items = tuple(_stored(row).view for row in rows[:limit])
            return RunPage(items, items[-1].id if len(rows) > limit else None)

        return await self._database.read(work)


def _conditions(wanted: RunFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.script:
        conditions.append(col(RunRow.script) == wanted.script)
    if wanted.state:
        conditions.append(col(RunRow.state) == wanted.state.value)
    if wanted.user:
        conditions.append(col(RunRow.username) == wanted.user)
    if wanted.search:
        text = wanted.search.lower()
        columns = (RunRow.script, RunRow.username, RunRow.args)
        conditions.append(or_(*(func.instr(func.lower(column), text) > 0 for column in columns)))
    return conditions


def _of_key(session: Session, row: RunRow) -> RunRow | None:
    if row.idempotency_key is None:
        return None
    same = select(RunRow).where(RunRow.requester == row.requester, RunRow.idempotency_key == row.idempotency_key)
    known = session.exec(same).first()
    if known is not None and (known.script, known.args, known.tty) != (row.script, row.args, row.tty):
        raise Conflict("This Idempotency-Key was used for another start.")
    return known


def _row(session: Session, run_id: str) -> RunRow:
    row = session.exec(select(RunRow).where(RunRow.id == run_id)).first()
    if row is None:
        raise NotFound("There is no such run.")
    return row


def _stored(row: RunRow) -> StoredRun:
    view = RunView(
        id=row.id,
        script=row.script,
        args=tuple(json.loads(row.args)),
        tty=row.tty,
        state=RunState(row.state),
        exit_code=row.exit_code,
        signal=row.signal,
        reason=row.reason,
        username=row.username,
        user_id=row.user_id,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        duration=row.duration,
        size=row.size,
        truncated=row.truncated,
        time_limit=row.time_limit,
        output_removed_at=row.output_removed_at,
    )
    return StoredRun(view, row.number or 0, row.requester, row.cols, row.rows, row.boot_id)
