"""Removing what is older, or more, than shall be kept: runs with their output, or the output alone.

Files go before rows: a row whose files are gone is found again and finished after a crash, files without a row never
would be. Only runs that have ended are touched.
"""

import asyncio
import logging
import os
import shutil
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import text
from sqlmodel import Session, col, delete, update

from app.audit.trail import AuditTrail
from app.core.batches import Batch, Total, in_batches, timed_write
from app.core.clock import Clock
from app.core.database import Database
from app.core.permissions import Actor
from app.runs.models import RunRow
from app.runs.schemas import KeptRuns

log = logging.getLogger(__name__)

COLUMNS = "SELECT number, id, created_at, finished_at, kept_bytes FROM runs"
OLDEST = text(f"{COLUMNS} WHERE number > :after ORDER BY number LIMIT :most")
# As it stands in the index `runs_with_output`, so that SQLite finds them there.
OLDEST_WITH_OUTPUT = text(f"{COLUMNS} WHERE kept_bytes > 0 AND number > :after ORDER BY number LIMIT :most")
STRETCH = 50_000
OUTPUT_OF_STRETCH = text(
    "SELECT max(number), sum(kept_bytes) FROM"
    " (SELECT number, kept_bytes FROM runs WHERE kept_bytes > 0 AND number > :after ORDER BY number LIMIT :most)"
)


class Old(NamedTuple):
    """A run that may go; it has not ended while `finished_at` is None."""

    number: int
    id: str
    created_at: str
    finished_at: str | None
    kept_bytes: int


Choose = Callable[[Sequence[Old]], list[Old]]


class OldRuns:
    """Removes them, the oldest first, in batches.

    Args:
        folder: where the journals lie.
        trail: where each batch is recorded.
    """

    def __init__(self, database: Database, trail: AuditTrail, folder: Path, clock: Clock) -> None:
        self._database = database
        self._trail = trail
        self._folder = folder
        self._clock = clock

    async def kept(self) -> KeptRuns:
        """How many runs there are, and what their output takes. Raises Unavailable."""
        output, after = 0, 0
        while True:
            stretch = partial(_stretch, after=after)
            last, size = await self._database.read(stretch)
            if last is None:
                return KeptRuns(await self._database.read(_count), output)
            output, after = output + size, last

    async def remove_before(self, before: str) -> Total:
        """Removes runs that ended before a moment (ISO 8601, UTC), with their output. Raises Unavailable."""
        return await self._remove(OLDEST, _ended_before(before), before, self._forget)

    async def remove_beyond(self, most: int) -> Total:
        """Removes the oldest runs, with their output, until `most` are left. Raises Unavailable."""
        excess = (await self.kept()).runs - most
        return await self._remove(OLDEST, _first(excess), None, self._forget) if excess > 0 else Total()

    async def remove_output_before(self, before: str) -> Total:
        """Removes the output of runs that ended before a moment. Raises Unavailable."""
        return await self._remove(OLDEST_WITH_OUTPUT, _ended_before(before), before, self._note)

    async def remove_output_beyond(self, most_bytes: int) -> Total:
        """Removes the oldest output until all that is left takes no more. Raises Unavailable."""
        excess = (await self.kept()).output_bytes - most_bytes
        choose = _first_bytes(excess)
        return await self._remove(OLDEST_WITH_OUTPUT, choose, None, self._note) if excess > 0 else Total()

    async def _remove(
        self, query: object, choose: Choose, before: str | None, record: Callable[[Session, list[Old]], None]
    ) -> Total:
        after = 0

        async def step(most: int) -> Batch:
            nonlocal after
            rows = await self._database.read(partial(_rows, query, after=after, most=most))
            chosen = choose(rows)
            after = rows[-1].number if rows else after
            is_last = len(rows) < most or (not chosen and _is_enough(rows, before))
            return await self._batch(chosen, record, is_last=is_last)

        return await in_batches(step)

    async def _batch(self, chosen: list[Old], record: Callable[[Session, list[Old]], None], *, is_last: bool) -> Batch:
        gone = await asyncio.to_thread(_without_files, self._folder, chosen) if chosen else []
        if not gone:
            return Batch(0, 0, 0, is_last)
        _, seconds = await timed_write(self._database, lambda session: record(session, gone))
        return Batch(len(gone), sum(run.kept_bytes for run in gone), seconds, is_last)

    def _forget(self, session: Session, runs: list[Old]) -> None:
        ended = col(RunRow.finished_at).is_not(None)
        session.exec(delete(RunRow).where(col(RunRow.number).in_([run.number for run in runs]), ended))
        self._record(session, "retention.runs", runs)

    def _note(self, session: Session, runs: list[Old]) -> None:
        numbers = col(RunRow.number).in_([run.number for run in runs])
        session.exec(update(RunRow).where(numbers).values(kept_bytes=0, output_removed_at=self._clock.now_iso()))
        self._record(session, "retention.outputs", runs)

    def _record(self, session: Session, what: str, runs: list[Old]) -> None:
        freed = sum(run.kept_bytes for run in runs)
        facts = {"runs": len(runs), "bytes": freed, "begun_up_to": runs[-1].created_at}
        self._trail.append(session, Actor.system(), what, detail=facts)


def _count(session: Session) -> int:
    return int(session.connection().execute(text("SELECT count(*) FROM runs")).scalar_one())


def _stretch(session: Session, after: int) -> tuple[int | None, int]:
    last, size = session.connection().execute(OUTPUT_OF_STRETCH, {"after": after, "most": STRETCH}).one()
    return last, size or 0


def _rows(query: object, session: Session, after: int, most: int) -> list[Old]:
    return [Old(*row) for row in session.connection().execute(query, {"after": after, "most": most})]  # type: ignore[call-overload]


def _ended_before(before: str) -> Choose:
    return lambda rows: [run for run in rows if run.finished_at is not None and run.finished_at < before]


def _is_enough(rows: Sequence[Old], before: str | None) -> bool:
    """Whether nothing behind these, of which none goes, would go either. Many that go on may lie before others."""
    if before is not None:
        return rows[-1].created_at >= before
    return any(run.finished_at is not None for run in rows)


def _first(number: int) -> Choose:
    """The first runs that have ended, all in all so many."""
    left = number

    def choose(rows: Sequence[Old]) -> list[Old]:
        nonlocal left
        chosen = [run for run in rows if run.finished_at is not None][:left]
        left -= len(chosen)
        return chosen

    return choose


def _first_bytes(size: int) -> Choose:
    """The first runs whose output comes to so much together."""
    left = size

    def choose(rows: Sequence[Old]) -> list[Old]:
        nonlocal left
        chosen = []
        for run in rows:
            if left <= 0:
                break
            chosen.append(run)
            left -= run.kept_bytes
        return chosen

    return choose


def _without_files(folder: Path, runs: Sequence[Old]) -> list[Old]:
    """The runs whose journals are gone now, for good. Blocks."""
    gone = []
    for run in runs:
        try:
            shutil.rmtree(folder / run.id)
        except FileNotFoundError:
            pass  # it never had one, or a crash came between its files and its row
        except OSError as error:
            log.warning("the output of run %s cannot be removed: %s", run.id, error, extra={"event": "output_stays"})
            continue
        gone.append(run)
    if gone and folder.is_dir():
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(handle)  # or a power loss could bring back files that no row tells of
        finally:
            os.close(handle)
    return gone
