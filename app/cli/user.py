"""`toru user`: accounts, through the running core or, where none runs, in its database."""

import sys
from typing import Any

import click

from app.cli.core import ask
from app.cli.endings import fail
from app.cli.exits import USAGE
from app.cli.printing import as_json, plain, print_json, print_rows

MAX_PASSWORD_LINE = 4096

password_stdin = click.option(
    "--password-stdin", is_flag=True, help="Take the password from the first line of standard input."
)


@click.group()
def user() -> None:
    """Manage the people who may sign in."""


@user.command()
@click.argument("username")
@click.option("--display-name", metavar="NAME", help="The name that pages show.")
@password_stdin
@as_json
def add(username: str, display_name: str | None, password_stdin: bool, as_json: bool) -> None:
    """Add a user with the role client."""
    password = _password(password_stdin)
    made = ask("user-add", may_create=True, username=username, password=password, display_name=display_name)
    _tell(made, f"Added {plain(made['username'])}, who can sign in now.", as_json)


@user.command("list")
@as_json
def list_users(as_json: bool) -> None:
    """List everybody who may sign in."""
    found = ask("user-list")
    if as_json:
        print_json(found)
        return
    print_rows(
        (one["username"], one["role"], "active" if one["is_active"] else "disabled", one["display_name"])
        for one in found
    )


@user.command()
@click.argument("username")
@as_json
def disable(username: str, as_json: bool) -> None:
    """Keep a user out; open sessions and tokens end at once."""
    changed = ask("user-set-active", username=username, active=False)
    _tell(changed, f"{plain(changed['username'])} cannot sign in any more.", as_json)


@user.command()
@click.argument("username")
@as_json
def enable(username: str, as_json: bool) -> None:
    """Let a user in again."""
    changed = ask("user-set-active", username=username, active=True)
    _tell(changed, f"{plain(changed['username'])} can sign in again.", as_json)


@user.command()
@click.argument("username")
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_json
def delete(username: str, yes: bool, as_json: bool) -> None:
    """Remove a user for ever; runs and the audit keep the name."""
    if not yes:
        click.confirm(f"Remove {plain(username)} for ever?", abort=True, err=True)
    gone = ask("user-delete", username=username)
    _tell(gone, f"Removed {plain(gone['username'])}.", as_json)


@user.command("reset-password")
@click.argument("username")
@password_stdin
@as_json
def reset_password(username: str, password_stdin: bool, as_json: bool) -> None:
    """Give a user another password; open sessions and tokens end at once.

    The administrator's is ADMIN_PASSWORD in the environment or in .env.
    """
    changed = ask("user-reset-password", username=username, password=_password(password_stdin))
    _tell(changed, f"{plain(changed['username'])} signs in with the new password now.", as_json)


@user.command("remove-second-factor")
@click.argument("username")
@as_json
def remove_second_factor(username: str, as_json: bool) -> None:
    """Remove a second factor whose phone and recovery codes are lost."""
    changed = ask("user-remove-second-factor", username=username)
    _tell(changed, f"{plain(changed['username'])} signs in with the password alone now.", as_json)


def _tell(user: dict[str, Any], sentence: str, as_json: bool) -> None:
    if as_json:
        print_json(user)
    else:
        click.echo(sentence)


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline(MAX_PASSWORD_LINE).rstrip("\r\n")
    if not sys.stdin.isatty():
        fail("There is no terminal to type a password at: give it with --password-stdin.", USAGE)
    return str(click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
