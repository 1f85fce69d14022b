"""`toru config`: how this machine is deployed, and whether that can be used. Needs no core and touches nothing."""

import sys
from typing import TYPE_CHECKING, Any

import click

from app.cli.endings import fail, say
from app.cli.exits import CONFIG
from app.cli.printing import as_json, print_json, print_rows

if TYPE_CHECKING:
    from app.core.config import Config


@click.group()
def config() -> None:
    """Check and show how this machine is deployed."""


@config.command()
@as_json
def check(as_json: bool) -> None:
    """Tell whether `toru serve` could use the configuration.

    A line for each value that it could not, and 78 at the end.
    """
    problems, warnings = _examined()
    if as_json:
        print_json({"is_usable": not problems, "problems": problems, "warnings": warnings})
        sys.exit(CONFIG if problems else 0)
    if problems:
        fail("\n".join(problems), CONFIG)
    for warning in warnings:
        say(f"warning: {warning}")
    click.echo("The configuration can be used.")


@config.command()
@as_json
def show(as_json: bool) -> None:
    """Show every value and where it comes from; of a secret only whether it is set."""
    from app.core.config import ConfigError
    from app.core.config_sources import values

    try:
        told = values(*_load())
    except (ConfigError, ValueError) as error:
        fail(str(error), CONFIG)
    if as_json:
        print_json(
            [
                {"name": one.name, "value": one.value, "source": one.source, "secret": one.is_secret, "set": one.is_set}
                for one in told
            ]
        )
        return
    print_rows(
        (one.name, one.source, ("(hidden)" if one.is_set else "") if one.is_secret else _shown(one.value))
        for one in told
    )


def _examined() -> tuple[list[str], list[str]]:
    """What keeps it from being used, and what is odd about it."""
    from app.core.config import ConfigError, env_file_warning
    from app.core.config_sources import strange_names
    from app.core.passwords import deployment_problem

    try:
        found, _ = _load()
    except (ConfigError, ValueError) as error:
        return str(error).splitlines(), []
    given = found.admin_password.get_secret_value() if found.admin_password else ""
    if (problem := deployment_problem(given, production=found.production)) is not None:
        return [problem], []
    readable = env_file_warning()
    warnings = [] if readable is None else [readable]
    for name, meant in strange_names().items():
        warnings.append(f"{name} means nothing to Toru.{f' Did you mean {meant}?' if meant else ''}")
    return [], warnings


def _load() -> "tuple[Config, dict[str, str]]":
    """The configuration, and its secrets. Raises ConfigError and ValueError, a line for each wrong value."""
    from app.core.config import load_config
    from app.core.secret_pipe import forbid_dumps, read_secrets

    forbid_dumps()
    secrets = read_secrets()
    return load_config(secrets), secrets


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value))
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)
