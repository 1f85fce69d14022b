"""Keeps what is kept within the limits of the settings: runs, their output, sign-ins, logs of plugins."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta

from app.auth.old_sign_ins import OldSignIns
from app.core.batches import Total
from app.core.clock import Clock, iso
from app.core.errors import Unavailable
from app.core.permissions import Actor
from app.core.tasks import TaskKeeper
from app.plugins.old_logs import OldLogs
from app.retention.schemas import Pass, RetentionView
from app.runs.old_runs import OldRuns
from app.settings.catalog import (
    KEEP_LOGS_DAYS,
    KEEP_OUTPUT_DAYS,
    KEEP_OUTPUT_MB,
    KEEP_RUNS,
    KEEP_RUNS_DAYS,
    KEEP_SIGN_INS_DAYS,
    SETTINGS,
    Setting,
)
from app.settings.service import SettingsService

log = logging.getLogger(__name__)

FIRST_SECONDS = 60.0
"""After the start, when there is enough else to do."""

EVERY_SECONDS = 3600.0
AFTER_CHANGE_SECONDS = 2.0
"""Between a changed limit and the pass: whoever mistyped a number has a moment to correct it."""

AGAIN_SECONDS = 60.0
"""After a pass that did not get through."""

MIB = 1 << 20


class RetentionService:
    """Looks every hour, and soon after a limit was changed.

    Args:
        settings: the limits.
        runs, sign_ins, logs: remove what is beyond them.
        first, after_change: seconds until the pass after the start, and after a change.
    """

    def __init__(
        self,
        settings: SettingsService,
        runs: OldRuns,
        sign_ins: OldSignIns,
        logs: OldLogs,
        clock: Clock,
        *,
        first: float = FIRST_SECONDS,
        after_change: float = AFTER_CHANGE_SECONDS,
    ) -> None:
        self._settings = settings
        self._runs = runs
        self._sign_ins = sign_ins
        self._logs = logs
        self._clock = clock
        self._first = first
        self._after_change = after_change
        self._changed = asyncio.Event()
        self._last: Pass | None = None
        self._tasks = TaskKeeper("retention")
        self._unsubscribe: Callable[[], None] = settings.subscribe(self._heard)

    async def open(self) -> None:
        """Begins."""
        self._tasks.spawn(self._watch(), "passes")

    async def close(self) -> None:
        """Ends; a batch under way is finished or never was."""
        self._unsubscribe()
        await self._tasks.close()

    async def view(self, actor: Actor) -> RetentionView:
        """How much is kept, and what the newest pass came to. Admin only. Raises Unavailable."""
        actor.require_admin()
        kept = await self._runs.kept()
        return RetentionView(kept.runs, kept.output_bytes, self._last)

    async def _watch(self) -> None:
        pause = self._first
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._changed.wait()
            while self._changed.is_set():
                self._changed.clear()
                await asyncio.sleep(self._after_change)
            self._last = await self._pass()
            pause = AGAIN_SECONDS if self._last.problem else EVERY_SECONDS

    def _heard(self, key: str) -> None:
        if SETTINGS[key].keeps:
            self._changed.set()

    async def _pass(self) -> Pass:
        totals: dict[str, Total] = {}
        problem = None
        for kind, setting, remove in self._rules():
            if not (limit := self._settings.limit(setting)):
                continue
            try:
                total = await remove(limit)
            except Unavailable as error:
                problem = str(error)
                break
            if total.removed:
                totals[kind] = total
                facts = {"event": "retention", "kind": kind, "bytes": total.freed, "batches": total.batches}
                longest = round(total.longest * 1000, 1)
                log.info("%s %s removed", total.removed, kind, extra={**facts, "longest_ms": longest})
        return Pass(self._clock.now_iso(), totals, problem)

    def _rules(self) -> tuple[tuple[str, Setting, Callable[[int], Awaitable[Total]]], ...]:
        """What is removed, by which setting, and how, in this order: whole runs first, so that nothing goes twice."""
        return (
            ("runs past their age", KEEP_RUNS_DAYS, lambda days: self._runs.remove_before(self._ago(days))),
            ("runs past their number", KEEP_RUNS, self._runs.remove_beyond),
            ("outputs past their age", KEEP_OUTPUT_DAYS, lambda days: self._runs.remove_output_before(self._ago(days))),
            ("outputs past their size", KEEP_OUTPUT_MB, lambda size: self._runs.remove_output_beyond(size * MIB)),
            ("sign-ins", KEEP_SIGN_INS_DAYS, lambda days: self._sign_ins.remove_before(self._ago(days))),
            ("logs of plugins", KEEP_LOGS_DAYS, lambda days: self._logs.remove_before(self._since_1970(days))),
        )

    def _ago(self, days: int) -> str:
        return iso(self._clock.now() - timedelta(days=days))

    def _since_1970(self, days: int) -> float:
        return (self._clock.now() - timedelta(days=days)).timestamp()
