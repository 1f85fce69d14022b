"""`toru restore`: a backup in place of what is there, or into a folder of its own."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.cli.archives import ended_well, line_of_stdin, passphrase_stdin
from app.cli.core import load_deployment
from app.cli.endings import fail
from app.cli.exits import USAGE
from app.cli.paths import called_from
from app.cli.printing import amount, as_json, plain, print_json

if TYPE_CHECKING:
    from app.backup.reading import Contents
    from app.backup.restoring import Plan
    from app.core.config import Config

MOST_TOLD = 40
HERE = "Restored. Start Toru again."
AWAY = "Unpacked. The installation here is as it was."


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Check it, and tell what would change, but change nothing.")
@click.option(
    "--into",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Unpack it into a new folder, and leave this installation alone.",
)
@passphrase_stdin
@as_json
def restore(file: Path, dry_run: bool, into: Path | None, passphrase_stdin: bool, as_json: bool) -> None:
    """Put a backup in place of what is there, while Toru does not run.

    Everything is checked by its hash first. What was there is kept beside it, in folders before-restore-<date>.
    A restore that is interrupted leaves the old state or the new one, which the next start finishes.
    """
    config = load_deployment()
    path = called_from(file)
    passphrase = ended_well(lambda: _passphrase(path, from_stdin=passphrase_stdin))
    if into is not None:
        place = called_from(into).resolve()
        told = ended_well(lambda: _into(path, passphrase, place, dry_run=dry_run))
    else:
        told = ended_well(lambda: _here(config, path, passphrase, dry_run=dry_run))
    if as_json:
        told.pop("done", None)
        print_json(told)
    else:
        _tell(told, dry_run=dry_run)


def _passphrase(path: Path, *, from_stdin: bool) -> str | None:
    from app.backup.reading import needs_passphrase

    if not needs_passphrase(path):
        return None
    if from_stdin:
        return line_of_stdin()
    if not sys.stdin.isatty():
        fail(f"{path} is encrypted: give its passphrase with --passphrase-stdin.", USAGE)
    return str(click.prompt("Passphrase", hide_input=True, err=True))


def _here(config: "Config", path: Path, passphrase: str | None, *, dry_run: bool) -> dict[str, Any]:
    from app.backup import restore as restoring

    if dry_run:
        return {**_about(restoring.plan(config, path, passphrase)), "restored": False}
    done = restoring.restore(config, path, passphrase, lambda sentence: click.echo(f"toru: {sentence}", err=True))
    return {**_about(done.plan), "restored": True, "kept": list(done.kept), "notes": list(done.notes), "done": HERE}


def _into(path: Path, passphrase: str | None, folder: Path, *, dry_run: bool) -> dict[str, Any]:
    from app.backup.reading import read_backup
    from app.backup.restoring import restore_into

    contents = read_backup(path, passphrase) if dry_run else restore_into(path, passphrase, folder)
    changes = [{"what": "added", "path": str(folder)}]
    return {**_contents(contents), "changes": changes, "restored": not dry_run, "kept": [], "notes": [], "done": AWAY}


def _about(plan: "Plan") -> dict[str, Any]:
    changes = [{"what": change.word, "path": change.path} for change in plan.changes]
    return {**_contents(plan.contents), "changes": changes, "kept": [], "notes": []}


def _contents(contents: "Contents") -> dict[str, Any]:
    return {
        "made_at": contents.made_at,
        "version": contents.version,
        "schema": contents.schema,
        "outputs": contents.outputs,
        "files": contents.files,
        "size": contents.size,
        "left_out": list(contents.left_out),
    }


def _tell(told: dict[str, Any], *, dry_run: bool) -> None:
    outputs = "with" if told["outputs"] else "without"
    click.echo(
        f"A sound backup of {plain(told['made_at'])}, by Toru {plain(told['version'])}, {outputs} outputs: "
        f"{told['files']} files, {amount(told['size'])}."
    )
    would = "would be " if dry_run else ""
    for change in told["changes"][:MOST_TOLD]:
        click.echo(f"  {would}{change['what']}: {plain(change['path'])}")
    if (more := len(told["changes"]) - MOST_TOLD) > 0:
        click.echo(f"  and {more} more; --json tells all")
    for sentence in (*told["left_out"], *told["notes"]):
        click.echo(plain(sentence))
    for folder in told["kept"]:
        click.echo(f"What was there before is in {folder}; remove it when all is well.")
    click.echo("Nothing was changed." if dry_run else told["done"])
