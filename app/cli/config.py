"""`toru config`: how this machine is deployed, and whether that can be used. Needs no core and touches nothing."""

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
def check() -> None:
    """Tell whether `toru serve` could use the configuration.

    A line for each value that it could not, and 78 at the end.
    """
    from app.core.config import env_file_warning
    from app.core.config_sources import strange_names
    from app.core.passwords import deployment_problem

    found, _ = _load()
    given = found.admin_password.get_secret_value() if found.admin_password else ""
    if (problem := deployment_problem(given, production=found.production)) is not None:
        fail(problem, CONFIG)
    if (warning := env_file_warning()) is not None:
        say(f"warning: {warning}")
    for name, meant in strange_names().items():
        say(f"warning: {name} means nothing to Toru.{f' Did you mean {meant}?' if meant else ''}")
    click.echo("The configuration can be used.")


@config.command()
@as_json
def show(as_json: bool) -> None:
    """Show every value and where it comes from; of a secret only whether it is set."""
    from app.core.config_sources import values

    told = values(*_load())
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


def _load() -> "tuple[Config, dict[str, str]]":
    from app.core.config import ConfigError, load_config
    from app.core.secret_pipe import forbid_dumps, read_secrets

    forbid_dumps()
    try:
        secrets = read_secrets()
        return load_config(secrets), secrets
    except (ConfigError, ValueError) as error:
        fail(str(error), CONFIG)


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value))
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)
