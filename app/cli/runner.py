"""`toru runner`: what systemd starts for the core, when somebody connects to the runner's socket."""

import os

import click

from app.cli.core import load_deployment


@click.command(hidden=True)
def runner() -> None:
    """Run scripts for the core. systemd starts this (docs/service.md); by hand it ends again after ten seconds."""
    from app.runner.activation import HANDED_OVER
    from app.runner.protocol import start_command
    from app.runs.runner_process import runner_environment

    config = load_deployment()
    command = start_command(config.root, config.data_dir)
    handed_over = {name: os.environ[name] for name in HANDED_OVER if name in os.environ}
    # In place of this process, so that it keeps its number, which systemd watches, and little memory.
    os.execve(command[0], command, {**runner_environment(os.environ), **handed_over})  # noqa: S606 - no shell is wanted
