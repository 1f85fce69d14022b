"""How the core is, for `toru status` and `toru doctor`."""

import asyncio
import os
import resource
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.control import Handler
from app.core.clock import Clock
from app.core.integrity import integrity_problem
from app.core.last_problem import last_problem
from app.core.permissions import Actor
from app.runs.schemas import RunState
from app.services import Services
from app.version import VERSION

MOST = 200
"""Runs at once, and waiting, are never more."""


def status_handlers(services: Services) -> dict[str, Handler]:
    """What `toru status` asks."""
    clock, system = Clock(), Actor.system()
    started_at, begun = clock.now_iso(), clock.monotonic()

    async def count(state: RunState) -> int:
        return len((await services.runs.list(system, state=state, limit=MOST)).items)

    async def status(_: Mapping[str, Any]) -> dict[str, Any]:
        config = services.config
        plugins = await services.plugins.list(system)
        return {
            "version": VERSION,
            "pid": os.getpid(),
            "host": config.host,
            "port": config.port,
            "public_url": config.public_url,
            "instance_id": services.settings.instance_id,
            "started_at": started_at,
            "uptime_seconds": int(clock.monotonic() - begun),
            "runs": {"running": await count(RunState.RUNNING), "queued": await count(RunState.QUEUED)},
            "plugins": dict(Counter(plugin.state.value for plugin in plugins)),
            "refused_plugins": len(services.plugins.problems(system)),
            "memory_bytes": await asyncio.to_thread(_memory),
            "scripts_dir": str(services.settings.scripts_dir),
            "problem": services.runs.problem,
            "last_problem": await asyncio.to_thread(last_problem, config.log_dir / "toru.log"),
        }

    async def check_database(_: Mapping[str, Any]) -> str | None:
        return await asyncio.to_thread(integrity_problem, services.config.data_dir / "toru.db")

    return {"status": status, "database-check": check_database}


def _memory() -> int:
    """Bytes that are ours: what is shared counts in part (PSS), where the kernel tells; else all that is resident."""
    try:
        for line in Path("/proc/self/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
