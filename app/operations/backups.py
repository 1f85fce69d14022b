"""Backups, for `toru backup` and `toru export`."""

import asyncio
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from app.backup.service import BackupService
from app.control import Handler
from app.core.errors import BadValue
from app.core.permissions import Actor
from app.operations.fields import text

WAIT_SECONDS: Final = 10.0
"""Within the time that an answer may take; the command asks again."""


def backup_handlers(backups: BackupService) -> dict[str, Handler]:
    """What the commands ask."""
    system = Actor.system()

    async def start(fields: Mapping[str, Any]) -> str:
        outputs, passphrase = fields.get("outputs"), fields.get("passphrase")
        target = _path(fields) if fields.get("target") is not None else None
        if passphrase is not None:
            passphrase = text(fields, "passphrase")
        path = await backups.start(
            system, outputs=True if outputs is True else None, passphrase=passphrase, target=target
        )
        return str(path)

    async def export(fields: Mapping[str, Any]) -> str:
        return str(await backups.export(system, _path(fields), as_folder=fields.get("as_folder") is True))

    async def wait(_: Mapping[str, Any]) -> dict[str, Any] | None:
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                return asdict(await backups.wait(system))
        except TimeoutError:
            return None

    return {"backup-start": start, "backup-export": export, "backup-wait": wait}


def _path(fields: Mapping[str, Any]) -> Path:
    path = Path(text(fields, "target"))
    if not path.is_absolute():
        raise BadValue("The target must be an absolute path.")
    return path
