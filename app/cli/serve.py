"""`toru serve`: checks the deployment, then serves until a signal ends it."""

import os
import secrets
import sys
from typing import TYPE_CHECKING

import click

from app.cli.exits import CONFIG, UNAVAILABLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.core.config import Config


@click.command()
@click.option("-H", "--host", help="Address to listen on; wins over STEERING_HOST.")
@click.option("-p", "--port", help="Port to listen on; wins over STEERING_PORT.")
def serve(host: str | None, port: str | None) -> None:
    """Serve the dashboard, REST and WebSockets."""
    from app.light_imports import leave_out_docstrings, leave_out_pydantic_v1

    leave_out_docstrings()
    leave_out_pydantic_v1()
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
            _say(line)
        sys.exit(CONFIG)
    _warn(config)
    invented = None if password else f"{secrets.token_urlsafe(12)}aA1!"
    _run(config.without_password(), password or invented or "", lambda: _announce(config, invented))


def _admin_password(config: "Config") -> str:
    """The administrator's password, empty when one must be invented.

    Raises:
        ConfigError: production without a strong one.
    """
    from app.core.config import ConfigError
    from app.core.passwords import RULE, is_strong

    given = config.admin_password.get_secret_value() if config.admin_password else ""
    if config.production and not is_strong(given):
        problem = "is too weak" if given else "is missing"
        raise ConfigError(f"ADMIN_PASSWORD {problem}, and PRODUCTION is set. {RULE}")
    if given and not is_strong(given):
        _say(f"warning: ADMIN_PASSWORD is weak. {RULE}")
    return given


def _warn(config: "Config") -> None:
    from app.core.config import env_file_warning

    if (warning := env_file_warning()) is not None:
        _say(f"warning: {warning}")
    if os.geteuid() == 0:
        _say("warning: this runs as root, and so does every script. A user of its own is safer.")
    if os.environ.get("FORWARDED_ALLOW_IPS"):
        _say("warning: FORWARDED_ALLOW_IPS is not used. See TRUST_PROXY and TORU_TRUSTED_PROXIES.")


def _say(sentence: str) -> None:
    click.echo(f"toru: {sentence}", err=True)


def _announce(config: "Config", invented: str | None) -> None:
    shown = f"[{config.host}]" if ":" in config.host else config.host
    click.echo(f"\n  Toru Steering Center is at  http://{shown}:{config.port}")
    if invented is not None:
        click.echo(f"  Sign in as                  {config.admin_username}\n  with password               {invented}\n")
        click.echo("  The password is new at every start. Set your own: ADMIN_PASSWORD in the environment or in .env.")
    click.echo()


def _run(config: "Config", password: str, announce: "Callable[[], None]") -> None:
    from app.core.errors import Unavailable
    from app.core.instance_lock import AlreadyRunning, UnsafeFolder
    from app.core.migrate import UnusableDatabase
    from app.main import CannotListen, run_server

    try:
        run_server(config, password, announce)
    except (AlreadyRunning, UnsafeFolder, UnusableDatabase, Unavailable, CannotListen) as error:
        _say(str(error))
    except OSError as error:
        if error.filename is None:
            raise
        _say(f"{error.filename} cannot be used: {error.strerror}. Who runs toru must own it.")
    else:
        return
    sys.exit(UNAVAILABLE)
