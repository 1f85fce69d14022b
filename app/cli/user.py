"""`toru user`: accounts, through the running core or, where none runs, in its database."""

import asyncio
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from app.cli.exits import UNAVAILABLE
from app.cli.local import REFUSED, fail, load_deployment, open_database

if TYPE_CHECKING:
    from app.core.config import Config
    from app.second_factor.factors import Factors
    from app.users.service import UsersService

T = TypeVar("T")

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
    config = load_deployment()
    fields = {"username": username, "password": _password(password_stdin), "display_name": display_name}
    made = _run(_add(config, fields))
    click.echo(f"Added {made['username']}, who can sign in now.")


@user.command("remove-second-factor")
@click.argument("username")
def remove_second_factor(username: str) -> None:
    """Remove a second factor whose phone and recovery codes are lost."""
    name = _run(_remove_second_factor(load_deployment(), username))
    click.echo(f"{name} signs in with the password alone now.")


def _run(work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`; what goes wrong ends the command with a sentence."""
    from app.core.errors import ToruError
    from app.core.instance_lock import AlreadyRunning
    from app.core.migrate import UnusableDatabase

    try:
        return asyncio.run(work)
    except ToruError as error:
        fail(str(error), REFUSED)
    except (AlreadyRunning, UnusableDatabase, OSError) as error:
        fail(str(error), UNAVAILABLE)


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
    """What the core would do."""
    from dataclasses import asdict

    from app.core.permissions import Actor

    async with _open_users(config) as (users, _):
        return asdict(await users.create(Actor.system(), **fields))


async def _remove_second_factor(config: "Config", username: str) -> str:
    from app.control import NotRunning, call
    from app.second_factor.rescue import remove_named

    try:
        return str(await call(config.data_dir, "user-remove-second-factor", {"username": username}))
    except NotRunning:
        async with _open_users(config) as (users, factors):
            return (await remove_named(factors, users, username)).username


@asynccontextmanager
async def _open_users(config: "Config") -> "AsyncIterator[tuple[UsersService, Factors]]":
    """The people of the database, and their second factors."""
    from app.audit.trail import AuditTrail
    from app.core.clock import Clock
    from app.core.passwords import PasswordHasher
    from app.core.permissions import Role
    from app.second_factor.factors import Factors
    from app.second_factor.vault import Vault
    from app.users.schemas import Account, UserView
    from app.users.service import UsersService

    async with open_database(config) as database:
        hasher, clock = PasswordHasher(), Clock()
        try:
            admin = UserView(None, config.admin_username, config.admin_display_name, Role.ADMIN, True, None)
            trail = AuditTrail(database, clock)
            factors = Factors(database, Vault(config.data_dir), clock, trail)
            await factors.open()
            yield UsersService(database, hasher, Account(admin, ""), clock, trail), factors
        finally:
            hasher.close()
