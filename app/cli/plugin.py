"""`toru plugin`: the plugins of the running core, and the conformance kit for those who write them."""

import contextlib
import json
import os
import sys
from itertools import dropwhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.cli.core import ask_core
from app.cli.endings import fail
from app.cli.exits import REFUSED, USAGE
from app.cli.paths import called_from
from app.cli.plugin_files import new_plugin, pack_plugin
from app.cli.printing import as_json, plain, print_json

if TYPE_CHECKING:
    from app.plugins.conformance.findings import Finding
    from app.plugins.log_lines import LogEntry

LOOKS = {"ok": ("ok", "green"), "failed": ("FAIL", "red"), "advice": ("note", "yellow"), "skipped": ("skip", "yellow")}
MADE_UP_INSTANCE = "6f9619ff-8b86-4d01-b42d-00c04fc964ff"


@click.group()
def plugin() -> None:
    """Look after plugins, and make and check those that you write."""


plugin.add_command(new_plugin)
plugin.add_command(pack_plugin)


@plugin.command("list")
@as_json
def list_plugins(as_json: bool) -> None:
    """List the plugins, and what in the plugins folder is none."""
    told = ask_core("plugin-list")
    if as_json:
        print_json(told)
        return
    for one in told["plugins"]:
        _print_row(one["id"], one["version"], one["state"].replace("_", " "), one["reason"] or one["name"])
    for problem in told["problems"]:
        _print_row(problem["file"], "", "refused", problem["reason"])
    if not told["plugins"] and not told["problems"]:
        click.echo("No plugins.")


@plugin.command()
@click.argument("plugin_id", metavar="ID")
@as_json
def enable(plugin_id: str, as_json: bool) -> None:
    """Have a plugin run, now and after every start; also one that was given up."""
    _tell(ask_core("plugin-enable", plugin=plugin_id), as_json)


@plugin.command()
@click.argument("plugin_id", metavar="ID")
@as_json
def disable(plugin_id: str, as_json: bool) -> None:
    """End a plugin for good."""
    _tell(ask_core("plugin-disable", plugin=plugin_id), as_json)


@plugin.command()
@click.argument("plugin_id", metavar="ID")
@as_json
def restart(plugin_id: str, as_json: bool) -> None:
    """End a plugin's process and start another one."""
    _tell(ask_core("plugin-restart", plugin=plugin_id), as_json)


@plugin.command()
@click.argument("plugin_id", metavar="ID")
@click.option("-n", "--lines", default=50, show_default=True, type=click.IntRange(0, 100_000), help="How many to show.")
@click.option("-f", "--follow", "following", is_flag=True, help="Go on with those that come.")
@click.option("--level", help="This one and those above: trace, debug, info, warn or error.")
@click.option("--search", help="Only lines with this text.")
@as_json
def logs(plugin_id: str, lines: int, following: bool, level: str | None, search: str | None, as_json: bool) -> None:
    """Show what a plugin printed and what became of it."""
    from app.cli.follow import follow
    from app.core.errors import ToruError
    from app.plugins.log_lines import log_filter, read_entry
    from app.plugins.log_reader import read_page

    path = Path(ask_core("plugin-log", plugin=plugin_id)["path"])
    try:
        wanted = log_filter(level, search)
        size = path.stat().st_size if path.exists() else 0
        entries = read_page(path, plugin_id, 0, lines, wanted)
    except ToruError as error:
        fail(str(error), REFUSED)
    for entry in reversed(entries):
        _print_entry(entry, as_json)
    if not following:
        return
    shown = frozenset(entries)  # what came between the look at the size and the look at the lines would come again
    came = (read_entry(plugin_id, line) for line in follow(path, size))
    news = (entry for entry in came if entry is not None and wanted.lets(entry))
    with contextlib.suppress(KeyboardInterrupt):
        for entry in dropwhile(shown.__contains__, news):
            _print_entry(entry, as_json)


@plugin.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--rule", "rules", multiple=True, help="Try this rule only, and those that it needs; may be repeated.")
@as_json
def check(file: Path, rules: tuple[str, ...], as_json: bool) -> None:
    """Try every rule of the plugin protocols on FILE, and print which it breaks.

    Needs no running Toru. A plugin that wants a licence gets TORU_LICENSE_KEY and TORU_INSTANCE_ID of the environment.
    """
    import asyncio
    import tempfile

    from app.plugins.conformance.kit import every_rule

    unknown = sorted(set(rules) - every_rule().keys())
    if unknown:
        fail(f"There is no rule {', '.join(unknown)}. They are {', '.join(every_rule())}.", USAGE)
    path = called_from(file)
    if not path.is_file():
        fail(f"There is no file {file}.", REFUSED)
    with tempfile.TemporaryDirectory(prefix="toru-") as folder:
        failures = asyncio.run(_check(path.absolute(), Path(folder), rules, as_json))
    sys.exit(REFUSED if failures else 0)


async def _check(file: Path, folder: Path, rules: tuple[str, ...], as_json: bool) -> int:
    import shutil
    from contextlib import aclosing

    from app.plugins.conformance.findings import Result
    from app.plugins.conformance.kit import Installation, check_plugin
    from app.plugins.process import Starter, plugin_environment

    starter = Starter(shutil.which("setpriv") or "setpriv", folder, plugin_environment())
    instance_id = os.environ.get("TORU_INSTANCE_ID") or MADE_UP_INSTANCE
    key = os.environ.pop("TORU_LICENSE_KEY", None)
    installation = Installation(starter, folder, instance_id, key)
    results: list[Result] = []
    async with aclosing(check_plugin(file, installation, rules)) as findings:
        async for finding in findings:
            results.append(finding.result)
            _print(finding, as_json)
    failures = results.count(Result.FAILED)
    if not as_json:
        click.echo(f"{failures} of {len(results)} rules are broken." if failures else "No rule is broken.")
    return failures


def _print(finding: "Finding", as_json: bool) -> None:
    if as_json:
        shown: dict[str, Any] = {"rule": finding.rule, "result": finding.result, "says": finding.says}
        click.echo(json.dumps(shown | {"detail": finding.detail}))
        return
    word, color = LOOKS[finding.result]
    click.echo(f"{click.style(f'{word:5}', fg=color)} {finding.rule:17} {finding.says}")
    if finding.detail:
        click.echo(f"{'':24}{finding.detail}")


def _tell(plugin: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(plugin)
        return
    click.echo(f"{plain(plugin['name'])} is {plugin['state'].replace('_', ' ')}.")


def _print_row(name: str, version: str, state: str, words: str) -> None:
    click.echo(f"{plain(name):24} {plain(version):10} {state:10} {plain(words)}")


def _print_entry(entry: "LogEntry", as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(entry.as_dict(), ensure_ascii=False))
        return
    error = f" ({plain(entry.error)})" if entry.error else ""
    click.echo(f"{plain(entry.timestamp)} {entry.level:5} {plain(entry.message)}{error}")
