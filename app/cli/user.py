"""`toru user`: accounts, through the running core or, where none runs, in its database."""

import asyncio
import logging
import sys
from typing import TYPE_CHECKING, Any, NoReturn

import click

from app.cli.exits import CONFIG, UNAVAILABLE

if TYPE_CHECKING:
    from app.core.config import Config

REFUSED = 1
MAX_PASSWORD_LINE = 4096


@click.group()
def user() -> None:
    """Manage the people who may sign in."""


@user.command()
@click.argument("username")
@click.option("--display-name", help="The name that pages show.")
@click.option("--password-stdin", is_flag=True, help="Take the password from the first line of standard input.")
def add(username: str, display_name: str | None, password_stdin: bool) -> None:
    """Add a user with the role client."""
    from app.core.config import ConfigError, load_config
    from app.core.errors import ToruError
    from app.core.instance_lock import AlreadyRunning
    from app.core.migrate import UnusableDatabase
    from app.core.secret_pipe import forbid_dumps, read_secrets

    logging.basicConfig(level=logging.ERROR, format="toru: %(message)s")
    forbid_dumps()
    try:
        config = load_config(read_secrets())
    except (ConfigError, ValueError) as error:
        _fail(str(error), CONFIG)
    fields = {"username": username, "password": _password(password_stdin), "display_name": display_name}
    try:
        made = asyncio.run(_add(config, fields))
    except ToruError as error:
        _fail(str(error), REFUSED)
    except (AlreadyRunning, UnusableDatabase, OSError) as error:
        _fail(str(error), UNAVAILABLE)
    click.echo(f"Added {made['username']}, who can sign in now.")


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline(MAX_PASSWORD_LINE).rstrip("\r\n")
    return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))


async def _add(config: "Config", fields: dict[str, Any]) -> dict[str, Any]:
    from app.control import NotRunning, call

    try:
        return dict(await call(config.data_dir, "user-add", fields))
    except NotRunning:
        return await _add_in_database(config, fields)


async def _add_in_database(config: "Config", fields: dict[str, Any]) -> dict[str, Any]:
    """What the core would do; the instance lock keeps a core from starting meanwhile."""
    from dataclasses import asdict

    from app.core.clock import Clock
    from app.core.database import Database
    from app.core.instance_lock import InstanceLock
    from app.core.migrate import prepare_database
    from app.core.passwords import PasswordHasher
    from app.core.permissions import Actor, Role
    from app.users.schemas import Account, UserView
    from app.users.service import UsersService

    config.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with InstanceLock(config.data_dir):
        path = config.data_dir / "toru.db"
        await prepare_database(path)
        database, hasher = Database(path), PasswordHasher()
        try:
            await database.open()
            admin = UserView(None, config.admin_username, config.admin_display_name, Role.ADMIN, True, None)
            users = UsersService(database, hasher, Account(admin, password_hash=""), Clock())
            return asdict(await users.create(Actor.system(), **fields))
        finally:
            hasher.close()
            await database.close()


def _fail(sentences: str, code: int) -> NoReturn:
    for line in sentences.splitlines():
        click.echo(f"toru: {line}", err=True)
    sys.exit(code)
