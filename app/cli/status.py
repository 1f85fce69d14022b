"""`toru status`: whether Toru runs here, and how it is."""

import sys
from typing import Any

import click

from app.cli.core import load_deployment
from app.cli.endings import say
from app.cli.exits import NOT_OURS, REFUSED, UNAVAILABLE
from app.cli.printing import amount, as_json, duration, plain, print_json

ASK_SECONDS = 5.0


@click.command()
@as_json
def status(as_json: bool) -> None:
    """Tell whether Toru runs here, and how it is.

    Ends with 69 when it does not run, or does not answer within five seconds.
    """
    told, problem, code = _ask()
    if told is None:
        if as_json:
            print_json({"is_running": False, "problem": problem})
        else:
            say(problem)
        sys.exit(code)
    if as_json:
        print_json({"is_running": True, **told})
        return
    for name, value in _lines(told):
        click.echo(f"{name:10} {plain(value)}")


def _ask() -> tuple[dict[str, Any] | None, str, int]:
    import asyncio

    from app.control import NotRunning, call
    from app.core.errors import ToruError
    from app.core.ownership import AnotherUsers

    config = load_deployment()
    try:
        return dict(asyncio.run(call(config.data_dir, "status", {}, ASK_SECONDS))), "", 0
    except AnotherUsers as error:
        return None, str(error), NOT_OURS
    except NotRunning as error:
        return None, str(error), UNAVAILABLE
    except ToruError as error:
        return None, str(error), REFUSED


def _lines(told: dict[str, Any]) -> list[tuple[str, str]]:
    host = f"[{told['host']}]" if ":" in told["host"] else told["host"]
    public = f", {told['public_url']}" if told["public_url"] else ""
    runs, plugins = told["runs"], told["plugins"]
    states = ", ".join(f"{count} {state.replace('_', ' ')}" for state, count in sorted(plugins.items())) or "none"
    refused = f", {told['refused_plugins']} refused" if told["refused_plugins"] else ""
    last = told["last_problem"]
    return [
        ("Toru", f"{told['version']}, process {told['pid']}"),
        ("address", f"http://{host}:{told['port']}{public}"),
        ("running", f"for {duration(told['uptime_seconds'])}"),
        ("runs", f"{runs['running']} running, {runs['queued']} waiting"),
        ("plugins", states + refused),
        ("memory", amount(told["memory_bytes"])),
        *([("problem", told["problem"])] if told["problem"] else []),
        ("log", f"{last['level']} of {last['timestamp']}: {last['message']}" if last else "no problem"),
    ]
