"""`toru token`: API tokens, through the running core or, where none runs, in its database."""

import click

from app.cli.core import ask
from app.cli.endings import say
from app.cli.printing import as_json, plain, print_json, print_rows


@click.group()
def token() -> None:
    """Make, list and end API tokens."""


@token.command()
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    metavar="SCOPE",
    help="What it is good for: read, run:<id of a quick action>, admin. Once for each.",
)
@click.option("--user", "username", metavar="NAME", help="Whose it is; the administrator's when left out.")
@click.option("--days", type=click.IntRange(1, 3650), help="When it expires; never when left out.")
@as_json
def create(name: str, scopes: tuple[str, ...], username: str | None, days: int | None, as_json: bool) -> None:
    """Make a token and print it, this one time.

    NAME says what it is for. It acts for its user, as far as its scopes go.
    """
    made = ask("token-create", name=name, scopes=list(scopes), username=username, days=days)
    if as_json:
        print_json(made)
        return
    click.echo(made["token"])
    until = f"until {made['expires_at']}" if made["expires_at"] else "until it is revoked"
    say(f"It acts for {plain(made['username'])} {until}; its id is {made['id']}. It is not shown again.")


@token.command("list")
@as_json
def list_tokens(as_json: bool) -> None:
    """List everybody's tokens, newest first, without their text."""
    found = ask("token-list")
    if as_json:
        print_json(found)
        return
    print_rows(
        (
            one["id"],
            one["username"],
            one["name"],
            " ".join(one["scopes"]),
            f"expires {one['expires_at'][:10]}" if one["expires_at"] else "never expires",
            f"used {one['last_used_at'][:10]}" if one["last_used_at"] else "never used",
        )
        for one in found
    )


@token.command()
@click.argument("token_id", metavar="ID")
def revoke(token_id: str) -> None:
    """End a token; what is open under it closes within a second."""
    ask("token-revoke", token=token_id)
    click.echo("The token has ended.")
