"""Whether a restore was killed while it put files in place; then it is finished before anything opens them."""

import asyncio
import logging
from pathlib import Path

log = logging.getLogger(__name__)


PENDING = "restore.json"


def has_database(data_dir: Path) -> bool:
    """Whether there is a database, or will be one once a restore that was killed is finished. Blocks."""
    return (data_dir / "toru.db").is_file() or (data_dir / PENDING).exists()


async def finish_pending(data_dir: Path) -> None:
    """Finishes it. The caller holds the `InstanceLock`. Raises OSError when a file cannot be moved."""
    if await asyncio.to_thread((data_dir / PENDING).exists):
        from app.backup.placing import finish_restore  # once in a blue moon, so not at every start

        await asyncio.to_thread(finish_restore, data_dir)
        log.warning("a restore that was interrupted is finished", extra={"event": "restore_finished"})
