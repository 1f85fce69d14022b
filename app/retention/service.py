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
from app.retention.schemas import Kind, Pass, RetentionView
from app.runs.old_runs import OldRuns
from app.settings.catalog import (
    KEEP_LOGS_DAYS,
    KEEP_OUTPUT_DAYS,
    KEEP_OUTPUT_MB,
    KEEP_RUNS,
    KEEP_RUNS_DAYS,
    KEEP_SIGN_INS_DAYS,
    RETENTION,
    SETTINGS,
    Setting,
)
from app.settings.service import SettingsService

log = logging.getLogger(__name__)

FIRST_SECONDS = 60.0
"""After the start, when there is enough else to do."""

EVERY_SECONDS = 3600.0
AFTER_CHANGE_SECONDS = 30.0
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
        self._watchers: dict[object, Callable[[], None]] = {}
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

    def subscribe(self, watcher: Callable[[], None]) -> Callable[[], None]:
        """Has `watcher()` called after each pass; returns what ends that."""
        key = object()
        self._watchers[key] = watcher
        return lambda: self._watchers.pop(key, None) and None

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
            for watcher in list(self._watchers.values()):
                watcher()
            pause = AGAIN_SECONDS if self._last.problem else EVERY_SECONDS

    def _heard(self, key: str) -> None:
        if SETTINGS[key].section == RETENTION:
            self._changed.set()

    async def _pass(self) -> Pass:
        totals: dict[Kind, Total] = {}
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
                facts = {"event": "retention", "kind": kind.value, "bytes": total.freed, "batches": total.batches}
                longest = round(total.longest * 1000, 1)
                log.info("%s removed: %s", total.removed, kind.value, extra={**facts, "longest_ms": longest})
        return Pass(self._clock.now_iso(), totals, problem)

    def _rules(self) -> tuple[tuple[Kind, Setting, Callable[[int], Awaitable[Total]]], ...]:
        """What is removed, by which setting, and how, in this order: whole runs first, so that nothing goes twice."""
        return (
            (Kind.RUNS_AGE, KEEP_RUNS_DAYS, lambda days: self._runs.remove_before(self._ago(days))),
            (Kind.RUNS_NUMBER, KEEP_RUNS, self._runs.remove_beyond),
            (Kind.OUTPUTS_AGE, KEEP_OUTPUT_DAYS, lambda days: self._runs.remove_output_before(self._ago(days))),
            (Kind.OUTPUTS_SIZE, KEEP_OUTPUT_MB, lambda size: self._runs.remove_output_beyond(size * MIB)),
            (Kind.SIGN_INS, KEEP_SIGN_INS_DAYS, lambda days: self._sign_ins.remove_before(self._ago(days))),
            (Kind.LOGS, KEEP_LOGS_DAYS, lambda days: self._logs.remove_before(self._since_1970(days))),
        )

    def _ago(self, days: int) -> str:
        return iso(self._clock.now() - timedelta(days=days))

    def _since_1970(self, days: int) -> float:
        return (self._clock.now() - timedelta(days=days)).timestamp()
