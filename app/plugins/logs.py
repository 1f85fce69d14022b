"""The log files of plugins and of their supervisor: what comes in, how much of it is kept, and who watches it come."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.core.clock import Clock
from app.core.permissions import Actor
from app.plugins.log_appender import LogAppender, LogTarget
from app.plugins.log_lines import LogEntry, LogFilter, log_line, printed_lines, read_entry
from app.plugins.log_reader import read_page

MAX_LINE = 64 * 1024
"""Bytes; a longer line comes in pieces of this size."""

LINES_A_SECOND = 1_000
BURST = 5_000
NOTICE_SECONDS = 1.0
"""How often a flood is told of."""

FOLLOWED, FOLLOWED_BYTES = 1_000, 1 << 20
"""Entries kept for a viewer who does not keep up, and the memory that they may take."""

SUPERVISOR = "plugin-supervisor"


@dataclass(frozen=True, slots=True)
class LogNews:
    """What came since the last time.

    Attributes:
        skipped: how many entries before these the viewer was too slow for.
    """

    entries: tuple[LogEntry, ...]
    skipped: int = 0


class _Follower:
    """One viewer's share of what comes."""

    def __init__(self) -> None:
        self._entries: deque[tuple[LogEntry, int]] = deque()
        self._bytes = 0
        self._skipped = 0
        self._came = asyncio.Event()

    def put(self, entries: Sequence[LogEntry]) -> None:
        for entry in entries:
            size = entry.memory
            self._entries.append((entry, size))
            self._bytes += size
            while len(self._entries) > FOLLOWED or self._bytes > FOLLOWED_BYTES:
                self._bytes -= self._entries.popleft()[1]
                self._skipped += 1
        self._came.set()

    async def news(self) -> LogNews:
        await self._came.wait()
        self._came.clear()
        news = LogNews(tuple(entry for entry, _ in self._entries), self._skipped)
        self._entries.clear()
        self._bytes = self._skipped = 0
        return news


class PluginLog:
    """The log of one plugin: all of its streams share one file, one limit and the viewers."""

    def __init__(self, plugin_id: str, path: Path, appender: LogAppender, clock: Clock) -> None:
        self.plugin_id = plugin_id
        self.followers: set[_Follower] = set()
        self._appender = appender
        self._target = LogTarget(path, plugin_id)
        self._clock = clock
        self._tokens = float(BURST)
        self._filled_at = clock.monotonic()
        self._dropped = 0
        self._notice: asyncio.TimerHandle | None = None

    def allowance(self) -> int:
        """How many lines may be written now."""
        now = self._clock.monotonic()
        self._tokens = min(float(BURST), self._tokens + (now - self._filled_at) * LINES_A_SECOND)
        self._filled_at = now
        return max(0, int(self._tokens))

    def take(self, lines: Sequence[bytes]) -> None:
        """Keeps lines that a plugin printed, which count towards its limit."""
        if lines:
            self._tokens -= len(lines)
            self.put(printed_lines(self.plugin_id, lines))

    def drop(self, count: int) -> None:
        """Counts lines over the limit, and tells of them a moment later."""
        self._dropped += count
        if self._notice is None:
            self._notice = asyncio.get_running_loop().call_later(NOTICE_SECONDS, self.tell_dropped)

    def tell_dropped(self) -> None:
        """Writes down how many lines were dropped since the last time."""
        if self._notice is not None:
            self._notice.cancel()
            self._notice = None
        if self._dropped:
            message = f"{self._dropped} lines were dropped: more than {LINES_A_SECOND} a second came."
            fields = {"event": "log_lines_dropped", "dropped": self._dropped}
            self._dropped = 0
            self.put([log_line("warn", self.plugin_id, message, **fields)])

    def put(self, lines: Sequence[bytes]) -> None:
        """Writes whole lines, their ends included, and shows them to whoever looks."""
        self._appender.append(self._target, lines)
        if self.followers:
            entries = [entry for line in lines if (entry := read_entry(self.plugin_id, line)) is not None]
            for follower in self.followers:
                follower.put(entries)


class PluginLogWriter:
    """One stream of a plugin (its stdout, or its stderr) on the way into its log. Never waits."""

    def __init__(self, log: PluginLog) -> None:
        self._log = log
        self._rest = b""

    def feed(self, data: bytes) -> None:
        """Takes whatever was read; a line may come in pieces."""
        allowance = self._log.allowance()
        *lines, rest = (self._rest + data).split(b"\n", allowance)
        self._log.take(_cut(lines))
        # Over the limit lines are only counted, not looked at: a flood must cost next to nothing.
        if over := rest.count(b"\n"):
            self._log.drop(over)
            rest = rest[rest.rindex(b"\n") + 1 :]
        self._rest = self._without_pieces(rest)

    def event(
        self, level: str, message: str, *, event: str | None = None, error: str | None = None, pid: int | None = None
    ) -> None:
        """Writes a line of the core's about this plugin; no flood of the plugin's own hides it."""
        self._log.put([log_line(level, self._log.plugin_id, message, event=event, error=error, pid=pid)])

    def close(self) -> None:
        """Writes a last line that has no end, and what was dropped."""
        rest, self._rest = self._rest, b""
        if rest:
            self._log.take(_cut([rest]))
        self._log.tell_dropped()

    def _without_pieces(self, rest: bytes) -> bytes:
        """What remains of a line without an end when its whole pieces are written, or counted."""
        while len(rest) > MAX_LINE:
            if self._log.allowance():
                self._log.take([rest[:MAX_LINE]])
            else:
                self._log.drop(1)
            rest = rest[MAX_LINE:]
        return rest


def _cut(lines: list[bytes]) -> list[bytes]:
    """The lines, those that are too long in pieces."""
    if all(len(line) <= MAX_LINE for line in lines):
        return lines
    return [line[start : start + MAX_LINE] for line in lines for start in range(0, max(len(line), 1), MAX_LINE)]


class PluginLogs:
    """All logs of plugins.

    Args:
        log_dir: gets `plugin-supervisor.log` and `plugins/<id>.log`.
    """

    def __init__(self, log_dir: Path, clock: Clock) -> None:
        self._log_dir = log_dir
        self._clock = clock
        self._appender = LogAppender()
        self._logs: dict[str, PluginLog] = {}
        self._supervisor = LogTarget(log_dir / f"{SUPERVISOR}.log", SUPERVISOR)

    def path(self, plugin_id: str) -> Path:
        """The file of a plugin's log."""
        return self._log_dir / "plugins" / f"{plugin_id}.log"

    def writer(self, plugin_id: str) -> PluginLogWriter:
        """A way into a plugin's log; each stream needs one of its own, for their lines would mix."""
        return PluginLogWriter(self._log(plugin_id))

    def supervisor_event(
        self,
        level: str,
        message: str,
        *,
        event: str,
        plugin: str = SUPERVISOR,
        error: str | None = None,
        pid: int | None = None,
    ) -> None:
        """Writes a line of the supervisor's own log; `plugin` is whom it is about."""
        line = log_line(level, plugin, message, event=event, error=error, pid=pid)
        self._appender.append(self._supervisor, [line])

    async def page(self, actor: Actor, plugin_id: str, page: int, page_size: int, wanted: LogFilter) -> list[LogEntry]:
        """Entries of a plugin's log, newest first. Admin only.

        Args:
            page: 0 is the newest.
            page_size: how many entries.

        Raises:
            Unavailable: the files cannot be read.
        """
        actor.require_admin()
        return await asyncio.to_thread(read_page, self.path(plugin_id), plugin_id, page, page_size, wanted)

    async def follow(self, actor: Actor, plugin_id: str) -> AsyncGenerator[LogNews, None]:
        """What comes into a plugin's log from now on, until the caller closes the generator. Admin only."""
        actor.require_admin()
        log, follower = self._log(plugin_id), _Follower()
        log.followers.add(follower)
        try:
            while True:
                yield await follower.news()
        finally:
            log.followers.discard(follower)

    async def close(self) -> None:
        """Writes everything that came."""
        for log in self._logs.values():
            log.tell_dropped()
        await self._appender.close()

    def _log(self, plugin_id: str) -> PluginLog:
        if plugin_id not in self._logs:
            self._logs[plugin_id] = PluginLog(plugin_id, self.path(plugin_id), self._appender, self._clock)
        return self._logs[plugin_id]
