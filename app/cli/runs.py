"""`toru runs`: scripts of this machine, through its core, or of another one, through its REST with a token."""

import os
import secrets
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from app.cli.endings import fail, say
from app.cli.exits import INTERRUPTED, REFUSED, UNAVAILABLE, USAGE
from app.cli.paths import called_from
from app.cli.printing import as_json, duration, print_json, print_rows

if TYPE_CHECKING:
    from app.cli.doors import Door, Run

T = TypeVar("T")
TOKEN = "TORU_TOKEN"  # noqa: S105 - the name of a variable
MAX_TOKEN = 4096
PATIENCE = 300
"""Seconds for which a broken connection is tried again, unless told."""

STATES = ["queued", "running", "succeeded", "failed", "killed", "cancelled", "timed_out", "interrupted", "spawn_failed"]


def where(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options that name another machine."""
    address = click.option("--url", metavar="ADDRESS", help=f"Of another machine's Toru; needs a token in {TOKEN}.")
    file = click.option(
        "--token-file",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help=f"File with the token, instead of {TOKEN}.",
    )
    return address(file(function))


wait = click.option(
    "--wait",
    type=click.IntRange(0),
    default=PATIENCE,
    show_default=True,
    metavar="SECONDS",
    help="How long to try again where the connection breaks.",
)


@click.group()
def runs() -> None:
    """Start, follow and cancel scripts, here or elsewhere.

    Without --url it is this machine's Toru that is asked.
    """


@runs.command("list")
@click.option("--script", metavar="NAME", help="Only those of this script.")
@click.option("--state", type=click.Choice(STATES), help="Only those in this state.")
@click.option("--user", metavar="NAME", help="Only those that this user started.")
@click.option("--search", metavar="TEXT", help="Only those with this in script, arguments or user.")
@click.option("-n", "--limit", type=click.IntRange(1, 200), default=20, show_default=True, help="How many.")
@click.option("--before", metavar="ID", help="Only those older than this run.")
@where
@as_json
def list_runs(url: str | None, token_file: Path | None, as_json: bool, **wanted: Any) -> None:
    """List runs, newest first."""
    door = _door(url, token_file)
    told = _finish(door.page({name: value for name, value in wanted.items() if value is not None}))
    if as_json:
        print_json(told)
        return
    print_rows(_row(run) for run in told["runs"])


@runs.command(context_settings={"allow_interspersed_args": False})
@click.argument("script")
@click.argument("args", nargs=-1)
@click.option("-f", "--follow", "following", is_flag=True, help="Show its output, and end with its exit code.")
@click.option(
    "--timeout", type=click.IntRange(0), metavar="SECONDS", help="Time limit, 0 for none; else the setting's."
)
@click.option("--key", metavar="TEXT", help="The same key of the same user starts only one run.")
@wait
@where
@as_json
def start(
    script: str,
    args: tuple[str, ...],
    following: bool,
    timeout: int | None,
    key: str | None,
    wait: int,
    url: str | None,
    token_file: Path | None,
    as_json: bool,
) -> None:
    """Start a script of the scripts folder.

    What follows SCRIPT goes to the script, options too; our own stand before it.
    """
    if following and as_json:
        raise click.UsageError("--follow prints what the script prints; --json cannot be in it. Leave one out.")
    door = _door(url, token_file)
    run = _finish(door.start(script, list(args), timeout, key or (secrets.token_hex(16) if url else None)))
    if as_json:
        print_json(run)
    elif following:
        say(f"Started {run['id']}.")
    else:
        click.echo(run["id"])
    if following:
        _follow(door, run["id"], 0, wait)
    elif run["state"] == "spawn_failed":
        fail(run["reason"] or "The script could not be started.", REFUSED)


@runs.command()
@click.argument("run_id", metavar="ID")
@click.option("--offset", type=click.IntRange(0), default=0, show_default=True, help="The byte to begin with.")
@wait
@where
def follow(run_id: str, offset: int, wait: int, url: str | None, token_file: Path | None) -> None:
    """Show a run's output as it comes, and end with its exit code.

    A connection that breaks goes on at the next byte. Ctrl-C ends only this command, not the run.
    """
    _follow(_door(url, token_file), run_id, offset, wait)


@runs.command()
@click.argument("run_id", metavar="ID")
@where
@as_json
def cancel(run_id: str, url: str | None, token_file: Path | None, as_json: bool) -> None:
    """End a run: SIGTERM, and SIGKILL after five seconds."""
    run = _finish(_door(url, token_file).cancel(run_id))
    if as_json:
        print_json(run)
    else:
        click.echo("It had ended already." if run["state"] not in ("queued", "running") else "It is being ended.")


def _follow(door: "Door", run_id: str, offset: int, patience: int) -> None:
    from app.cli.following import exit_code, follow, tell_end

    try:
        outcome = _finish(follow(door, run_id, offset, patience))
    except KeyboardInterrupt:
        say(f"The run goes on. Follow it again with: ./toru runs follow {run_id}")
        sys.exit(INTERRUPTED)
    tell_end(outcome)
    sys.exit(exit_code(outcome))


def _finish(work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`; what is expected to go wrong ends the command with a sentence and a code."""
    from app.cli.core import finish
    from app.cli.doors import Broken, Refused

    try:
        return finish(work)
    except Broken as error:
        fail(str(error), UNAVAILABLE)
    except Refused as error:
        fail(str(error), REFUSED)


def _door(url: str | None, token_file: Path | None) -> "Door":
    from app.cli.core import load_deployment
    from app.core.secret_pipe import forbid_dumps

    if url is None:
        if token_file is not None:
            raise click.UsageError("A token is for another machine: name it with --url.")
        from app.cli.here import Here

        return Here(load_deployment().data_dir)
    from app.cli.elsewhere import Elsewhere, origin_of

    forbid_dumps()
    try:
        origin = origin_of(url)
    except ValueError as error:
        fail(str(error), USAGE)
    if origin.startswith("http:") and not _is_loopback(origin):
        say("warning: without https everybody on the way can read the token and the output.")
    return Elsewhere(origin, _token(token_file))


def _is_loopback(origin: str) -> bool:
    from urllib.parse import urlsplit

    host = urlsplit(origin).hostname or ""
    return host in ("localhost", "::1") or host.startswith("127.")


def _token(file: Path | None) -> str:
    """The token, which never stands on the command line: everybody on this machine can read that."""
    from app.tokens.form import is_well_formed

    given = os.environ.pop(TOKEN, "")
    if file is not None:
        try:
            with called_from(file).open(encoding="ascii", errors="replace") as stream:
                given = stream.read(MAX_TOKEN)
        except OSError as error:
            fail(f"{file} cannot be read: {error.strerror}.", USAGE)
    token = given.strip()
    if not token:
        fail(f"A token is needed: set {TOKEN}, or name a file with --token-file. ./toru token create makes one.", USAGE)
    if not is_well_formed(token):
        fail("This is no token of Toru: one begins with tsc_ and has 40 characters. Copy all of it.", USAGE)
    return token


def _row(run: "Run") -> tuple[object, ...]:
    took = "" if run["duration"] is None else duration(run["duration"])
    code = run["exit_code"] if run["exit_code"] is not None else ""
    script = " ".join((run["script"], *run["args"]))
    return run["id"], run["state"], code, run["created_at"][:19].replace("T", " "), took, run["username"], script
