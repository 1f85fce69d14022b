"""`toru doctor`: everything that can be wrong on a machine, a line each, with what to do about it."""

import sys
from typing import TYPE_CHECKING, Any

import click

from app.cli.exits import REFUSED
from app.cli.printing import as_json, plain, print_json

if TYPE_CHECKING:
    from app.core.config import Config
    from app.doctor.findings import Finding
    from app.doctor.scene import Scene

COLORS = {"ok": "green", "warn": "yellow", "fail": "red"}
ASK_SECONDS = 5.0
CHECK_SECONDS = 30.0


@click.command()
@as_json
def doctor(as_json: bool) -> None:
    """Find what is wrong on this machine, and how to mend it.

    One line for each thing that was looked at: ok, warn (it works, but less well or less safely than it could) or
    fail. Nothing is changed. Ends with 1 where something fails.
    """
    findings = _findings()
    failures = sum(finding.level == "fail" for finding in findings)
    if as_json:
        told = [{"check": one.check, "level": one.level, "says": one.says, "mend": one.mend} for one in findings]
        print_json({"is_well": not failures, "findings": told})
    else:
        for finding in findings:
            word = click.style(f"{finding.level.value:5}", fg=COLORS[finding.level])
            click.echo(f"{word} {finding.check:17} {plain(' '.join((finding.says, finding.mend)).strip())}")
    sys.exit(REFUSED if failures else 0)


def _findings() -> "list[Finding]":
    import asyncio

    from app.core.config import ConfigError, load_config
    from app.core.secret_pipe import forbid_dumps, read_secrets
    from app.doctor.examine import examine
    from app.doctor.findings import fail

    forbid_dumps()
    try:
        config = load_config(read_secrets())
    except (ConfigError, ValueError) as error:
        mend = "Mend it in .env or the environment, then ask again: the rest hangs on it."
        return [fail("configuration", f"{line.rstrip('.')}.", mend) for line in str(error).splitlines()]
    return list(examine(asyncio.run(_look(config))))


async def _look(config: "Config") -> "Scene":
    from app.control import NotRunning, call
    from app.core.config_sources import strange_names
    from app.core.errors import ToruError
    from app.doctor.scene import Scene

    status: dict[str, Any] | None = None
    silence = problem = None
    try:
        status = await call(config.data_dir, "status", {}, ASK_SECONDS)
        problem = await call(config.data_dir, "database-check", {}, CHECK_SECONDS)
    except NotRunning as error:
        silence = _silence(error)
    except (ToruError, OSError) as error:
        silence = f"{error}" if isinstance(error, ToruError) else f"{error.filename}: {error.strerror}"
    return Scene(config, status, silence, problem, strange_names(), config.root)


def _silence(error: Exception) -> str | None:
    from app.control import NoAnswer

    return str(error) if isinstance(error, NoAnswer) else None
