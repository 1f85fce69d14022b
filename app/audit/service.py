"""Reading the audit, keeping it bounded, and finding out whether anybody changed it."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

from sqlmodel import Session, and_, col, select

from app.audit.export import header, text_of
from app.audit.heads import Head, read_heads
from app.audit.models import AuditRow
from app.audit.pruning import older, remove_some
from app.audit.refusals import Refusals
from app.audit.schemas import (
    AuditFigures,
    AuditFilter,
    AuditPage,
    AuditView,
    Cut,
    ExportFormat,
    Mark,
    Piece,
    Problem,
    Verdict,
)
from app.audit.store import STRETCH, ends, latest_cut, number_of, read_rows, read_rows_back, seen_by, view_of, wanted
from app.audit.trail import AuditTrail
from app.audit.upkeep import Upkeep
from app.audit.verify import walk
from app.core.clock import Clock
from app.core.database import Database
from app.core.errors import BadValue, ToruError
from app.core.permissions import Actor
from app.settings.service import SettingsService

MAX_PAGE = 200
MAX_ROWS = 1_000_000
"""Past them the oldest tenth goes."""

WALKED_AT_ONCE = 1000
EXPORTED_AT_ONCE = 500
EXPORTED_TEXT = 128 * 1024
HEADS_AT_ONCE = 500


class AuditService:
    """Everybody sees what concerns the machine: runs, and their own coming and going. An admin sees everything.

    Args:
        trail: how rows are written.
        settings: gives the instance's id, which tells its lines in the log from another's.
        log_dir: where the log files are, which keep hashes of the chain.
        max_rows: how many are kept.
    """

    def __init__(
        self,
        database: Database,
        trail: AuditTrail,
        settings: SettingsService,
        clock: Clock,
        log_dir: Path,
        max_rows: int = MAX_ROWS,
    ) -> None:
        self._database = database
        self._trail = trail
        self._settings = settings
        self._trail = trail
        self._clock = clock
        self._log_dir = log_dir
        self._max_rows = max_rows
        self._refusals = Refusals(trail, clock)
        self._upkeep = Upkeep(database, trail, self._refusals, settings, clock, max_rows)

    async def open(self) -> None:
        """Writes the newest hash to the log, now and every hour, and keeps the number of rows bounded."""
        await self._upkeep.open()

    async def close(self) -> None:
        """Records what is only counted yet, and writes the newest hash to the log."""
        await self._upkeep.close()

    # -- reading

    async def page(
        self, actor: Actor, filtered: AuditFilter | None = None, limit: int = 50, before: int | None = None
    ) -> AuditPage:
        """Rows that the actor may see, newest first, at most `limit` (1 to 200).

        Args:
            before: the `next_before` of the page before.

        Raises:
            Forbidden: a token without the scope read.
            BadValue: the limit is out of range.
        """
        actor.require_read()
        if not 1 <= limit <= MAX_PAGE:
            raise BadValue(f"A page has 1 to {MAX_PAGE} rows.")
        only = and_(seen_by(actor), wanted(filtered or AuditFilter()))
        first, last = await self._database.read(ends)
        high = last + 1 if before is None else min(before, last + 1)
        found: list[AuditView] = []
        while high > first and len(found) <= limit:
            missing = limit + 1 - len(found)
            rows = await self._database.read(partial(read_rows_back, before=high, limit=missing, only=only))
            found += map(view_of, rows)
            high -= STRETCH
        return AuditPage(tuple(found[:limit]), found[limit - 1].id if len(found) > limit else None)

    async def export(
        self, actor: Actor, filtered: AuditFilter | None = None, form: ExportFormat = ExportFormat.JSONL
    ) -> AsyncGenerator[bytes, None]:
        """Rows that the actor may see, oldest first, as text; those that are written meanwhile are not among them.

        Raises:
            Forbidden: a token without the scope read.
        """
        piece = await self.export_piece(actor, filtered, form)
        yield piece.text.encode()
        while piece.after < piece.until:
            piece = await self.export_piece(actor, filtered, form, piece.after, piece.until)
            yield piece.text.encode()

    async def export_piece(
        self,
        actor: Actor,
        filtered: AuditFilter | None = None,
        form: ExportFormat = ExportFormat.JSONL,
        after: int = 0,
        until: int | None = None,
    ) -> Piece:
        """As `export`, a piece at a time: what follows row `after`, up to row `until`, by default the newest."""
        actor.require_read()
        only = and_(seen_by(actor), wanted(filtered or AuditFilter()))

        def read(session: Session) -> Piece:
            first, last = ends(session)
            end = last if until is None else until
            begin = max(after, first - 1)
            reached = min(begin + STRETCH, end)
            rows = read_rows(session, after=begin, until=reached, limit=EXPORTED_AT_ONCE, only=only)
            text = header(form) if not after else ""
            for count, row in enumerate(rows, 1):
                text += text_of(view_of(row), form)
                if count == EXPORTED_AT_ONCE or len(text) > EXPORTED_TEXT:
                    return Piece(text, row.number, end)
            return Piece(text, max(reached, after), end)

        return await self._database.read(read)

    async def figures(self, actor: Actor) -> AuditFigures:
        """How large the audit is. Raises Forbidden for a token without the scope read, and Unavailable."""
        actor.require_read()
        first, last = await self._database.read(ends)
        return AuditFigures(last - first + 1, self._trail.lost)

    # -- verifying

    async def verify(self, actor: Actor) -> Verdict:
        """Walks the whole chain, and compares it with the hashes in the log. Admin only."""
        verdict = await self.verify_piece(actor, None)
        rows = verdict.rows
        while not verdict.is_done and verdict.problem is None:
            verdict = await self.verify_piece(actor, verdict.newest)
            rows += verdict.rows
        problem = verdict.problem or await self.verify_log(actor)
        return Verdict(rows, verdict.newest, problem)

    async def verify_piece(self, actor: Actor, after: Mark | None) -> Verdict:
        """As `verify`, some rows at a time: those that follow `after`, None for the oldest. Admin only."""
        actor.require_admin()
        return await self._database.read(lambda session: walk(session, after, WALKED_AT_ONCE, self._max_rows))

    async def verify_log(self, actor: Actor) -> Problem | None:
        """The first hash in the log that the chain does not have where it should be. Admin only."""
        actor.require_admin()
        cut = await self._database.read(latest_cut)
        heads = await asyncio.to_thread(read_heads, self._log_dir, self._settings.instance_id)
        if (hidden := _below(cut, heads)) is not None:
            return hidden
        heads = [head for head in heads if head.mark.number > cut.last.number]
        for start in range(0, len(heads), HEADS_AT_ONCE):
            some = heads[start : start + HEADS_AT_ONCE]
            problem = await self._database.read(partial(_compare, some))
            if problem is not None:
                return problem
        return None

    async def number_of(self, actor: Actor, wanted_hash: str) -> int | None:
        """The row that has a hash, None when none has. Admin only."""
        actor.require_admin()
        first, last = await self._database.read(ends)
        for start in range(first, last + 1, STRETCH):
            number = await self._database.read(partial(number_of, begin=start, wanted_hash=wanted_hash.lower()))
            if number is not None:
                return number
        return None

    # -- removing

    async def count_before(self, actor: Actor, before: datetime) -> int:
        """How many of the oldest rows are older than a moment. Admin only. Raises BadValue for one to come."""
        actor.require_admin()
        self._require_past(before)
        first, _ = await self._database.read(ends)
        last, more = first - 1, True
        while more:
            last, more = await self._database.read(partial(older, before=before, begin=last + 1))
        return max(0, last - first + 1)

    async def prune_piece(self, actor: Actor, before: datetime) -> int:
        """Removes some of the oldest rows that are older than a moment; how many, 0 when none is left. Admin only.

        Raises:
            BadValue: the moment is to come.
        """
        actor.require_admin()
        self._require_past(before)
        work = partial(
            remove_some, trail=self._trail, actor=actor, before=before, instance_id=self._settings.instance_id
        )
        return await self._database.write(work)

    def _require_past(self, moment: datetime) -> None:
        if moment > self._clock.now():
            raise BadValue("That moment is still to come.")

    # -- writing

    async def refused(self, actor: Actor, asked: str, error: ToruError) -> None:
        """Records that something was refused to somebody who is signed in.

        Args:
            asked: what for, such as a method and an address.
            error: why.
        """
        await self._refusals.add(actor, asked, str(error))


def _below(cut: Cut, heads: Sequence[Head]) -> Problem | None:
    """The first of the heads up to a cut that it does not account for: only what the log tells of can have gone."""
    is_logged = any(head.is_cut and head.mark == cut.last for head in heads)
    for head in heads:
        number = head.mark.number
        if number == cut.last.number and head.mark != cut.last:
            return Problem(number, f"The log of {head.at} tells of row {number} with another hash: it was replaced.")
        if number < cut.last.number and not is_logged:
            removal = f"of no removal of the rows up to {cut.last.number}"
            return Problem(number, f"The log of {head.at} tells of row {number}, but {removal}: they were hidden.")
    return None


def _compare(heads: Sequence[Head], session: Session) -> Problem | None:
    """The first head that the rows contradict; those of rows that went meanwhile are for the next look."""
    cut, (_, last) = latest_cut(session).last, ends(session)
    numbers = [head.mark.number for head in heads]
    found = dict(session.exec(select(AuditRow.id, AuditRow.hash).where(col(AuditRow.id).in_(numbers))).all())
    for head in heads:
        number = head.mark.number
        if number <= cut.number or found.get(number) == head.mark.hash:
            continue
        told = f"The log of {head.at} tells of row {number}"
        if number > last:
            return Problem(last + 1, f"{told}, but the newest row is {last}: rows were cut off at the end.")
        return Problem(number, f"{told} with another hash: this row, or one before it, was replaced.")
    return None
