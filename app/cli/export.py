"""`toru export`: everything in open formats, for whoever carries on with something else."""

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.cli.archives import by_core, by_ourselves, ended_well
from app.cli.core import load_deployment
from app.cli.paths import called_from
from app.cli.printing import amount, as_json, print_json

if TYPE_CHECKING:
    from app.backup.schemas import Job
    from app.core.config import Config


@click.command()
@click.option(
    "--to",
    "target",
    type=click.Path(path_type=Path),
    metavar="PATH",
    required=True,
    help="A new folder, or a new file that ends with .tar.gz.",
)
@as_json
def export(target: Path, as_json: bool) -> None:
    """Write everything in open formats: JSON Lines, CSV, outputs as they are.

    A README.md in it tells the layout. Hashes of passwords and other secrets are left out, so that it cannot be
    restored; for that there is toru backup.
    """
    config = load_deployment()
    place = called_from(target).resolve()
    made = ended_well(lambda: asyncio.run(_made(config, place, not place.name.endswith((".tar.gz", ".tgz")))))
    if as_json:
        print_json(made)
        return
    click.echo(f"Wrote {made['path']}, {amount(made['size'])}, {made['files']} files. Its README.md tells the layout.")
    for sentence in made["left_out"]:
        click.echo(sentence)


async def _made(config: "Config", place: Path, as_folder: bool) -> dict[str, Any]:
    from app.backup.jobs import job_for
    from app.control import NotRunning
    from app.core.clock import now_iso

    try:
        return await by_core(config, "backup-export", {"target": str(place), "as_folder": as_folder})
    except NotRunning:

        def plan(scripts_dir: Path) -> "Job":
            return job_for(config, "export", place, scripts_dir, now_iso(), outputs=True, as_folder=as_folder)

        return asdict(await by_ourselves(config, "backup.exported", plan, None))
