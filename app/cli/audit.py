"""`toru audit`: whether the audit is whole, and the audit as text; asked of the running core, else of its file."""

import sys
from typing import TYPE_CHECKING, Any

import click

from app.cli.core import Ask, with_ask
from app.cli.endings import fail
from app.cli.exits import REFUSED
from app.cli.printing import as_json, print_json

if TYPE_CHECKING:
    from datetime import datetime


@click.group()
def audit() -> None:
    """Look at what was done here, and by whom."""


@audit.command()
@click.option("--expect", metavar="HASH", help="A hash that must be in the audit, such as one from a kept log.")
@as_json
def verify(expect: str | None, as_json: bool) -> None:
    """Check that no row was changed, removed, added or moved; name the first that does not fit."""
    rows, newest, problem = with_ask(lambda ask: _verify(ask, expect))
    if as_json:
        print_json({"rows": rows, "newest": newest, "problem": problem})
        sys.exit(0 if problem is None else REFUSED)
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
    with_ask(lambda ask: _export(ask, form))


@audit.command()
@click.option("--before", type=click.DateTime(["%Y-%m-%d"]), required=True, help="A day (UTC): what is older goes.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_json
def prune(before: "datetime", yes: bool, as_json: bool) -> None:
    """Remove the oldest rows for good; what is left still verifies. Export them first.

    Nothing else ever removes rows of the audit, but for the oldest ones past a million.
    """
    from datetime import UTC

    moment = before.replace(tzinfo=UTC).isoformat()
    rows = with_ask(lambda ask: _count(ask, moment))
    counted = "1 row is" if rows == 1 else f"{rows} rows are"
    if rows and not yes:
        click.confirm(f"{counted} older than {before:%Y-%m-%d}. Remove for good?", abort=True, err=True)
    removed = with_ask(lambda ask: _prune(ask, moment)) if rows else 0
    if as_json:
        print_json({"removed": removed})
    elif rows:
        click.echo(f"{removed} removed. What is left fits together as before: ./toru audit verify.")
    else:
        click.echo(f"No row is older than {before:%Y-%m-%d}.")


async def _count(ask: Ask, before: str) -> int:
    return int(await ask("audit-count", before=before))


async def _prune(ask: Ask, before: str) -> int:
    removed = 0
    while some := await ask("audit-prune", before=before):
        removed += some
    return removed


async def _verify(ask: Ask, expect: str | None) -> tuple[int, dict[str, Any] | None, str | None]:
    rows, newest, problem, is_done = 0, None, None, False
    while not is_done and problem is None:
        found = await ask("audit-verify", **(newest or {}))
        rows, newest, problem, is_done = rows + found["rows"], found["newest"], found["problem"], found["is_done"]
    problem = problem or await ask("audit-verify-log")
    if problem is None and expect is not None and await ask("audit-find", hash=expect.strip()) is None:
        return 0, None, f"No row has the hash {expect.strip()[:64]}: it was removed or replaced."
    return rows, newest, None if problem is None else str(problem["sentence"])


async def _export(ask: Ask, form: str) -> None:
    piece = await ask("audit-export", format=form, after=0)
    click.echo(piece["text"], nl=False)
    while piece["after"] < piece["until"]:
        piece = await ask("audit-export", format=form, after=piece["after"], until=piece["until"])
        click.echo(piece["text"], nl=False)
