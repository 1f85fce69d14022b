"""What `toru backup`, `restore` and `export` share: passphrases, the running core, and the same without one."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from app.cli import core
from app.cli.endings import fail
from app.cli.exits import REFUSED

if TYPE_CHECKING:
    from app.backup.schemas import Job, Made
    from app.core.config import Config

T = TypeVar("T")

MOST_LINE = 4096

passphrase_stdin = click.option(
    "--passphrase-stdin", is_flag=True, help="Take the passphrase from the first line of standard input."
)


def line_of_stdin() -> str:
    """The first line of standard input, without its end."""
    return sys.stdin.readline(MOST_LINE).rstrip("\r\n")


def ended_well(work: Callable[[], T]) -> T:
    """The result of `work`; what goes wrong ends the command with a sentence and a code."""
    from app.backup.errors import ArchiveError

    def told() -> T:
        try:
            return work()
        except ArchiveError as error:
            fail(str(error), REFUSED)

    return core.ended_well(told)


async def by_core(config: "Config", command: str, fields: dict[str, Any]) -> dict[str, Any]:
    """Has the running core write something, and waits for it. Raises NotRunning, ToruError."""
    from app.control import call

    await call(config.data_dir, command, fields)
    while (made := await call(config.data_dir, "backup-wait", {})) is None:
        pass
    return dict(made)


async def by_ourselves(config: "Config", what: str, plan: "Callable[[Path], Job]", passphrase: str | None) -> "Made":
    """What the core would do, where none runs. Raises what `open_database` does.

    Args:
        what: the kind of row in the audit.
        plan: the work, given the scripts folder that the settings name.
    """
    from app.audit.trail import AuditTrail
    from app.backup.worker import make
    from app.core.clock import Clock
    from app.core.permissions import Actor
    from app.operations.offline import open_database
    from app.settings.service import SettingsService

    async with open_database(config) as database:
        trail = AuditTrail(database, Clock())
        settings = SettingsService(database, config, trail, Clock())
        await settings.open()
        made = await asyncio.to_thread(make, plan(settings.scripts_dir), passphrase)
        facts = {"bytes": made.size, "encrypted": passphrase is not None}
        await trail.record(Actor.system(), what, Path(made.path).name, detail=facts)
    return made
