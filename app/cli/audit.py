"""`toru audit`: whether the audit is whole, and the audit as text; asked of the running core, else of its file."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from app.cli.exits import UNAVAILABLE
from app.cli.local import REFUSED, fail, load_deployment, open_database

if TYPE_CHECKING:
    from app.core.config import Config

T = TypeVar("T")
Ask = Callable[[str, dict[str, Any]], Awaitable[Any]]


@click.group()
def audit() -> None:
    """Look at what was done here, and by whom."""


@audit.command()
@click.option("--expect", metavar="HASH", help="A hash that must be in the audit, such as one from a kept log.")
def verify(expect: str | None) -> None:
    """Check that no row was changed, removed, added or moved; name the first that does not fit."""
    rows, newest, problem = _run(lambda ask: _verify(ask, expect))
    if problem is not None:
        fail(f"{problem}\nThe {rows} rows before it fit together." if rows else problem, REFUSED)
    if newest is None:
        click.echo("The audit has no rows yet.")
        return
    counted = "1 row fits" if rows == 1 else f"{rows} rows fit together"
    click.echo(f"{counted}, the newest is number {newest['number']}, its hash {newest['hash']}.")


@audit.command()
@click.option("--format", "form", type=click.Choice(["jsonl", "csv"]), default="jsonl", show_default=True)
def export(form: str) -> None:
    """Write every row to standard output, oldest first."""
    _run(lambda ask: _export(ask, form))


async def _verify(ask: Ask, expect: str | None) -> tuple[int, dict[str, Any] | None, str | None]:
    rows, newest, problem, is_done = 0, None, None, False
    while not is_done and problem is None:
        found = await ask("audit-verify", newest or {})
        rows, newest, problem, is_done = rows + found["rows"], found["newest"], found["problem"], found["is_done"]
    problem = problem or await ask("audit-verify-log", {})
    if problem is None and expect is not None and await ask("audit-find", {"hash": expect.strip()}) is None:
        return 0, None, f"No row has the hash {expect.strip()[:64]}: it was removed or replaced."
    return rows, newest, None if problem is None else str(problem["sentence"])


async def _export(ask: Ask, form: str) -> None:
    piece = await ask("audit-export", {"format": form, "after": 0})
    click.echo(piece["text"], nl=False)
    while piece["after"] < piece["until"]:
        piece = await ask("audit-export", {"format": form, "after": piece["after"], "until": piece["until"]})
        click.echo(piece["text"], nl=False)


def _run(work: Callable[[Ask], Coroutine[Any, Any, T]]) -> T:
    """What `work` finds out, with something to ask: the running core, or the same on its file."""
    from app.core.errors import ToruError
    from app.core.instance_lock import AlreadyRunning
    from app.core.migrate import UnusableDatabase

    config = load_deployment()
    try:
        return asyncio.run(_asked(config, work))
    except BrokenPipeError:
        raise  # whoever reads has seen enough; click ends quietly
    except ToruError as error:
        fail(str(error), REFUSED)
    except (AlreadyRunning, UnusableDatabase, OSError) as error:
        fail(str(error), UNAVAILABLE)


async def _asked(config: "Config", work: Callable[[Ask], Awaitable[T]]) -> T:
    from app.control import NotRunning, call

    async def ask_core(command: str, fields: dict[str, Any]) -> Any:
        return await call(config.data_dir, command, fields)

    try:
        await ask_core("version", {})
    except NotRunning:
        async with _of_file(config) as ask_file:
            return await work(ask_file)
    return await work(ask_core)


@asynccontextmanager
async def _of_file(config: "Config") -> AsyncIterator[Ask]:
    from app.audit.service import AuditService
    from app.audit.trail import AuditTrail
    from app.backup.pending import has_database
    from app.core.clock import Clock
    from app.operations.audit import audit_handlers
    from app.settings.service import SettingsService

    if not has_database(config.data_dir):
        raise FileNotFoundError(f"There is no database in {config.data_dir}.")
    async with open_database(config) as database:
        clock = Clock()
        trail = AuditTrail(database, clock)
        settings = SettingsService(database, config, trail, clock)
        await settings.open()
        handlers = audit_handlers(AuditService(database, trail, settings, clock, config.log_dir))

        async def ask(command: str, fields: dict[str, Any]) -> Any:
            return await handlers[command](fields)

        yield ask
