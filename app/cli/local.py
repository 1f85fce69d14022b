"""What commands share: the deployment they are about, and its database where no core runs."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, NoReturn

import click

from app.cli.exits import CONFIG

if TYPE_CHECKING:
    from app.core.config import Config
    from app.core.database import Database

REFUSED = 1


def load_deployment() -> "Config":
    """The configuration of this deployment; ends the command when it is none."""
    import logging

    from app.core.config import ConfigError, load_config
    from app.core.secret_pipe import forbid_dumps, read_secrets

    logging.basicConfig(level=logging.ERROR, format="toru: %(message)s")
    forbid_dumps()
    try:
        return load_config(read_secrets())
    except (ConfigError, ValueError) as error:
        fail(str(error), CONFIG)


@asynccontextmanager
async def open_database(config: "Config") -> "AsyncIterator[Database]":
    """The database itself; the instance lock keeps a core from starting meanwhile.

    Raises:
        AlreadyRunning: a core runs after all, but does not answer.
        UnusableDatabase: the file cannot be used.
    """
    from app.backup.pending import finish_pending
    from app.core.database import Database
    from app.core.instance_lock import InstanceLock
    from app.core.migrate import prepare_database

    config.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with InstanceLock(config.data_dir):
        path = config.data_dir / "toru.db"
        await finish_pending(config.data_dir)
        await prepare_database(path)
        database = Database(path)
        try:
            await database.open()
            yield database
        finally:
            await database.close()


def fail(sentences: str, code: int) -> NoReturn:
    """Tells what went wrong and ends the command."""
    for line in sentences.splitlines():
        click.echo(f"toru: {line}", err=True)
    sys.exit(code)
