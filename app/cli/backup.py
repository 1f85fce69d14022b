"""`toru backup`: one file with everything, made while the core runs, or without one."""

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.cli.archives import by_core, by_ourselves, ended_well, line_of_stdin, passphrase_stdin
from app.cli.core import load_deployment
from app.cli.endings import fail
from app.cli.exits import USAGE
from app.cli.paths import called_from
from app.cli.printing import amount, as_json, print_json

if TYPE_CHECKING:
    from app.core.config import Config


@click.command()
@click.option(
    "--to",
    "target",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="A new file, or a folder; else the backup folder of the settings.",
)
@click.option("--with-outputs", is_flag=True, help="Also what runs printed.")
@passphrase_stdin
@as_json
def backup(target: Path | None, with_outputs: bool, passphrase_stdin: bool, as_json: bool) -> None:
    """Make a backup: database, keys, settings, plugins and scripts in one file.

    It may be made while Toru runs. With a passphrase it is encrypted; without one the passphrase of the file
    backup-passphrase in the data folder is taken, if there is one. See docs/backup.md.
    """
    config = load_deployment()
    passphrase = line_of_stdin() if passphrase_stdin else None
    if passphrase is not None and not passphrase:
        fail("The passphrase on standard input is empty.", USAGE)
    place = None if target is None else called_from(target).resolve()
    made = ended_well(lambda: asyncio.run(_made(config, place, with_outputs, passphrase)))
    if as_json:
        print_json(made)
        return
    click.echo(f"Made {made['path']}, {amount(made['size'])}, {made['files']} files.")
    for sentence in made["left_out"]:
        click.echo(sentence)


async def _made(config: "Config", place: Path | None, outputs: bool, passphrase: str | None) -> dict[str, Any]:
    from app.control import NotRunning

    fields = {"target": None if place is None else str(place), "outputs": outputs, "passphrase": passphrase}
    try:
        return await by_core(config, "backup-start", fields)
    except NotRunning:
        return await _made_here(config, place, outputs, passphrase)


async def _made_here(config: "Config", place: Path | None, outputs: bool, passphrase: str | None) -> dict[str, Any]:
    from datetime import UTC, datetime

    from app.backup.jobs import job_for
    from app.backup.names import free_path
    from app.backup.passphrase import kept_passphrase
    from app.backup.schemas import Job
    from app.core.clock import now_iso

    chosen = passphrase or kept_passphrase(config.data_dir)
    target = place

    def plan(scripts_dir: Path) -> Job:
        path = target or config.data_dir / "backups"
        if target is None:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.is_dir():
            path = free_path(path, datetime.now(UTC), scheduled=False, sealed=chosen is not None)
        return job_for(config, "backup", path, scripts_dir, now_iso(), outputs=outputs)

    return asdict(await by_ourselves(config, "backup.made", plan, chosen))
