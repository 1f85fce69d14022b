"""Writes one backup or export: `python -m app.backup.worker`, told what on its standard input.

A process of its own, with low priority, so that neither the core's loop nor its memory carries any of it. It ends with
the core: half a backup is worth nothing.
"""

import ctypes
import json
import os
import signal
import sys
from dataclasses import asdict
from typing import Any, Final

from app.backup.archive import make_backup
from app.backup.errors import ArchiveError
from app.backup.schemas import Job, Made

NICENESS: Final = 10
PR_SET_PDEATHSIG: Final = 1


def make(job: Job, passphrase: str | None) -> Made:
    """Writes it. Blocks. Raises ArchiveError."""
    if job.kind == "export":
        from app.backup.export import make_export

        return make_export(job)
    return make_backup(job, passphrase)


def job_of(told: dict[str, Any]) -> Job:
    """What JSON made of a job."""
    pairs = tuple((str(name), str(value)) for name, value in told.pop("configuration"))
    return Job(**told, configuration=pairs)


def main() -> None:
    """Does what it is told; answers with one line of JSON."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    os.nice(NICENESS)
    told = json.load(sys.stdin)
    try:
        answer: dict[str, Any] = {"made": asdict(make(job_of(told["job"]), told["passphrase"]))}
    except ArchiveError as error:
        answer = {"error": str(error)}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
