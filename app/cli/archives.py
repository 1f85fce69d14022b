"""What `toru backup`, `restore` and `export` share: passphrases, the running core, and the same without one."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from app.cli.exits import UNAVAILABLE
from app.cli.local import REFUSED, fail

if TYPE_CHECKING:
    from app.backup.schemas import Job, Made
    from app.core.config import Config

T = TypeVar("T")

MOST_LINE = 4096

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
passphrase_stdin = click.option(
    "--passphrase-stdin", is_flag=True, help="Take the passphrase from the first line of standard input."
)


def line_of_stdin() -> str:
    """The first line of standard input, without its end."""
    return sys.stdin.readline(MOST_LINE).rstrip("\r\n")


def ended_well(work: Callable[[], T]) -> T:
    """The result of `work`; what goes wrong ends the command with a sentence."""
    from app.backup.errors import ArchiveError
    from app.core.errors import ToruError
    from app.core.instance_lock import AlreadyRunning, UnsafeFolder
    from app.core.migrate import UnusableDatabase

    try:
        return work()
    except (ArchiveError, ToruError) as error:
        fail(str(error), REFUSED)
    except (AlreadyRunning, UnsafeFolder, UnusableDatabase) as error:
        fail(str(error), UNAVAILABLE)
    except OSError as error:
        _cannot(error)


def _cannot(error: OSError) -> NoReturn:
    fail(f"{error.filename or 'A file'} cannot be used: {error.strerror or error}.", UNAVAILABLE)


async def by_core(config: "Config", command: str, fields: dict[str, Any]) -> dict[str, Any]:
    """Has the running core write something, and waits for it. Raises NotRunning, ToruError."""
    from app.control import call

    await call(config.data_dir, command, fields)
    while (made := await call(config.data_dir, "backup-wait", {})) is None:
        pass
    return dict(made)


async def by_ourselves(config: "Config", what: str, plan: "Callable[[Path], Job]", passphrase: str | None) -> "Made":
    """What the core would do, where none runs; the instance lock keeps one from starting meanwhile.

    Args:
        what: the kind of row in the audit.
        plan: the work, given the scripts folder that the settings name.
    """
    from app.audit.trail import AuditTrail
    from app.backup.errors import ArchiveError
    from app.backup.pending import has_database
    from app.backup.worker import make
    from app.cli.local import open_database
    from app.core.clock import Clock
    from app.core.permissions import Actor
    from app.settings.service import SettingsService

    if not has_database(config.data_dir):
        raise ArchiveError(f"There is no database in {config.data_dir}.")
    async with open_database(config) as database:
        trail = AuditTrail(database, Clock())
        settings = SettingsService(database, config, trail, Clock())
        await settings.open()
        made = await asyncio.to_thread(make, plan(settings.scripts_dir), passphrase)
        facts = {"bytes": made.size, "encrypted": passphrase is not None}
        await trail.record(Actor.system(), what, Path(made.path).name, detail=facts)
    return made


def sized(count: int) -> str:
    """Bytes for people."""
    size = float(count)
    for unit in ("bytes", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"
