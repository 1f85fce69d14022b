"""Asking the core that runs on this machine, over its control socket."""

import sys
from typing import Any, NoReturn

import click

from app.cli.exits import CONFIG, UNAVAILABLE

REFUSED = 1


def ask_core(command: str, **fields: Any) -> Any:
    """What the running core answers; one sentence and an exit code where it does not, or refuses."""
    import asyncio

    from app.control import NotRunning, call
    from app.core.config import ConfigError, load_config
    from app.core.errors import ToruError
    from app.core.secret_pipe import forbid_dumps, read_secrets

    forbid_dumps()
    try:
        config = load_config(read_secrets())
    except (ConfigError, ValueError) as error:
        fail(str(error), CONFIG)
    try:
        return asyncio.run(call(config.data_dir, command, fields))
    except ToruError as error:
        fail(str(error), REFUSED)
    except (NotRunning, OSError) as error:
        fail(str(error), UNAVAILABLE)


def fail(sentences: str, code: int) -> NoReturn:
    """Says why, one line a sentence, and ends."""
    for line in sentences.splitlines():
        click.echo(f"toru: {line}", err=True)
    sys.exit(code)
