"""`toru serve`: checks the deployment, then serves until a signal ends it."""

import secrets
import sys
from typing import TYPE_CHECKING

import click

from app.cli.exits import CONFIG, UNAVAILABLE

if TYPE_CHECKING:
    from app.core.config import Config


@click.command()
@click.option("-H", "--host", help="Address to listen on; wins over STEERING_HOST.")
@click.option("-p", "--port", help="Port to listen on; wins over STEERING_PORT.")
def serve(host: str | None, port: str | None) -> None:
    """Serve the dashboard, REST and WebSockets."""
    from app.core.config import ConfigError, load_config
    from app.core.memory import tame_allocator
    from app.core.secret_pipe import forbid_dumps, read_secrets

    forbid_dumps()
    tame_allocator()
    try:
        config = load_config({**read_secrets(), "STEERING_HOST": host, "STEERING_PORT": port})
        password = _admin_password(config)
    except (ConfigError, ValueError) as error:
        for line in str(error).splitlines():
            click.echo(f"toru: {line}", err=True)
        sys.exit(CONFIG)
    _run(config.without_password(), password)


def _admin_password(config: "Config") -> str:
    """The administrator's password; outside production one is invented and printed when none is given.

    Raises:
        ConfigError: production without a strong one.
    """
    from app.core.config import ConfigError, env_file_warning
    from app.core.passwords import RULE, is_strong

    if (warning := env_file_warning()) is not None:
        click.echo(f"toru: warning: {warning}", err=True)
    given = config.admin_password.get_secret_value() if config.admin_password else ""
    if config.production and not is_strong(given):
        problem = "is too weak" if given else "is missing"
        raise ConfigError(f"ADMIN_PASSWORD {problem}, and PRODUCTION is set. {RULE}")
    if given:
        if not is_strong(given):
            click.echo(f"toru: warning: ADMIN_PASSWORD is weak. {RULE}", err=True)
        return given
    invented = f"{secrets.token_urlsafe(12)}aA1!"
    click.echo(f"\n  Sign in as     {config.admin_username}\n  with password  {invented}\n")
    click.echo("  It is new at every start. Set your own: ADMIN_PASSWORD in the environment or in .env.\n")
    return invented


def _run(config: "Config", password: str) -> None:
    from app.core.instance_lock import AlreadyRunning
    from app.core.migrate import UnusableDatabase
    from app.main import CannotListen, run_server

    shown = f"[{config.host}]" if ":" in config.host else config.host
    try:
        run_server(config, password, lambda: click.echo(f"  Toru Steering Center is at http://{shown}:{config.port}"))
    except (AlreadyRunning, UnusableDatabase, CannotListen) as error:
        click.echo(f"toru: {error}", err=True)
        sys.exit(UNAVAILABLE)
    except PermissionError as error:
        click.echo(f"toru: {error.filename} cannot be used: {error.strerror}. Who runs toru must own it.", err=True)
        sys.exit(UNAVAILABLE)
