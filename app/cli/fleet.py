"""`toru fleet`: the machines that the running core tells Prometheus of."""

from typing import Any

import click

from app.cli.core import ask_core
from app.cli.printing import as_json, print_json, print_rows


@click.group()
def fleet() -> None:
    """Keep the list of machines that Prometheus watches."""


@fleet.command("list")
@as_json
def list_machines(as_json: bool) -> None:
    """List the machines that were added; this one is always watched, too."""
    told: list[dict[str, Any]] = []
    while more := ask_core("fleet-list", after=told[-1]["name"] if told else ""):
        told += more
    if as_json:
        print_json(told)
        return
    if not told:
        click.echo("No other machines.")
        return
    print_rows(
        (machine["name"], machine["url"], " ".join(f"{key}={value}" for key, value in machine["labels"].items()))
        for machine in told
    )


@fleet.command()
@click.argument("name")
@click.argument("url")
@click.option("-l", "--label", "labels", multiple=True, metavar="NAME=VALUE", help="Attach this to all of its figures.")
def add(name: str, url: str, labels: tuple[str, ...]) -> None:
    """Add a machine, or replace what is known of it."""
    pairs = [label.partition("=") for label in labels]
    if any(not separator for _, separator, _ in pairs):
        raise click.UsageError("A label looks like NAME=VALUE.")
    made = ask_core("fleet-add", name=name, url=url, labels={key: value for key, _, value in pairs})
    click.echo(f"Prometheus is told of {made['name']} at {made['url']} from now on.")


@fleet.command()
@click.argument("name")
def remove(name: str) -> None:
    """Forget a machine; nothing changes on it."""
    ask_core("fleet-remove", name=name)
    click.echo(f"Prometheus is not told of {name} any more.")


@fleet.command()
@click.argument("sha256")
@click.option("--name", default="fleet", show_default=True, help="What the list of tokens calls it.")
def accept(sha256: str, name: str) -> None:
    """Have this machine accept a token of another one, by its SHA-256.

    It may read here what the administrator may, and nothing else. The hash comes from: printf %s TOKEN | sha256sum
    """
    ask_core("fleet-accept", name=name, sha256=sha256)
    click.echo("The token may read here from now on.")
