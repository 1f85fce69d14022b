"""Removing log files of plugins that nobody wrote to for longer than they shall be kept."""

import asyncio
import logging
from pathlib import Path

from app.audit.trail import AuditTrail
from app.core.batches import Total
from app.core.permissions import Actor

log = logging.getLogger(__name__)

PATTERNS = ("plugin-supervisor.log*", "plugins/*.log*")


class OldLogs:
    """Removes them.

    Args:
        log_dir: where the log files are.
        trail: where it is recorded.
    """

    def __init__(self, log_dir: Path, trail: AuditTrail) -> None:
        self._log_dir = log_dir
        self._trail = trail

    async def remove_before(self, before: float) -> Total:
        """Removes files whose newest line is older than a moment, in seconds since 1970."""
        files, freed = await asyncio.to_thread(_remove, self._log_dir, before)
        if not files:
            return Total()
        await self._trail.try_record(Actor.system(), "retention.logs", detail={"files": files, "bytes": freed})
        return Total(files, freed, 1)


def _remove(log_dir: Path, before: float) -> tuple[int, int]:
    files = freed = 0
    for path in [path for pattern in PATTERNS for path in log_dir.glob(pattern)]:
        try:
            stat = path.lstat()
            if stat.st_mtime >= before:
                continue
            path.unlink()
        except OSError as error:
            log.warning("the log file %s cannot be removed: %s", path, error, extra={"event": "log_stays"})
            continue
        files, freed = files + 1, freed + stat.st_size
    return files, freed
