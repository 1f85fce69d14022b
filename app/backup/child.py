"""Having a process of its own write a backup, and hearing how it went."""

import asyncio
import json
import logging
import os
import sys
from contextlib import suppress
from dataclasses import asdict

from app.backup.schemas import Job, Made
from app.core.config import ROOT
from app.core.errors import Unavailable

log = logging.getLogger(__name__)


async def make_in_child(job: Job, passphrase: str | None) -> Made:
    """Waits until it is written; cancelled, it ends the process first.

    The passphrase goes through a pipe: the command line and the environment of a process can be read by others.

    Raises:
        Unavailable: it came to nothing, with a sentence.
    """
    try:
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "app.backup.worker"),
            cwd=ROOT,
            env={"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8"},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    except OSError as error:
        raise Unavailable(f"No process can be started for it: {error.strerror}.") from None
    told = json.dumps({"job": asdict(job), "passphrase": passphrase}).encode()
    try:
        answered, errors = await child.communicate(told)
    finally:
        if child.returncode is None:
            with suppress(ProcessLookupError):
                child.kill()
            await child.wait()
    try:
        answer = json.loads(answered)
    except ValueError:
        log.warning(
            "a backup failed: %s",
            errors.decode("utf-8", "replace")[-2000:],
            extra={"event": "backup_worker_failed", "code": child.returncode},
        )
        raise Unavailable("The process that wrote it ended before it was done. The log says more.") from None
    if "error" in answer:
        raise Unavailable(str(answer["error"]))
    made = answer["made"]
    return Made(made["path"], made["size"], made["files"], tuple(made["left_out"]))
