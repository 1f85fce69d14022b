"""What `--help` says: of every command, at once, and in docs/cli.md in full."""

import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from app.cli.commands import COMMANDS
from app.cli.help_file import FILE, made_anew
from app.cli.start import every_command
from tests.support.server import ROOT

KNOWN_QUICK = {"app", "app.cli", "app.cli.__main__", "app.cli.exits", "app.cli.help_file", "app.version", "__main__"}
HEAVY_BUT_BUILT_IN = {"runpy", "pkgutil", "importlib", "importlib.machinery", "importlib.util", "typing", "warnings"}
DOCUMENT = ROOT / "docs" / "cli.md"


def test_the_file_says_what_the_commands_say() -> None:
    renew = "app/cli/help.txt is not what the commands say. Write it anew: python -m app.cli.help_file"
    assert Path(FILE).read_text() == made_anew(), renew


def test_the_table_says_of_each_command_what_it_says_itself() -> None:
    own = {path.removeprefix("toru "): context.command.get_short_help_str(200) for path, context in every_command()}
    assert {name: own[name] for name, _, _ in COMMANDS} == {name: sentence for name, _, sentence in COMMANDS}


@pytest.mark.parametrize("words", [[], ["user"], ["runs", "start"]])
def test_help_needs_nothing_but_the_file(words: list[str]) -> None:
    """To import click takes three times as long as Python itself, the commands and their libraries much more."""
    look = "import sys; before = set(sys.modules); from app.cli.__main__ import main; main(sys.argv[1:])"
    tell = "print(sorted(set(sys.modules) - before), file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", f"{look}; {tell}", *words, "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith(f"Usage: {' '.join(['toru', *words])} [OPTIONS]")
    assert set(re.findall(r"'([\w.]+)'", done.stderr)) <= KNOWN_QUICK


def test_no_command_is_imported_for_another() -> None:
    look = "import sys, app.cli.start; print([name for name in sys.modules if name.startswith('app.')])"
    done = subprocess.run([sys.executable, "-c", look], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not {f"'{place.partition(':')[0]}'" for _, place, _ in COMMANDS} & set(done.stdout[1:-2].split(", "))


def sections() -> dict[str, str]:
    """What docs/cli.md says under the heading of each command."""
    parts = re.split(r"(?m)^### `(toru [^`]*)`$", DOCUMENT.read_text())
    return dict(zip(parts[1::2], parts[2::2], strict=True))


LEAVES = [(path, context) for path, context in every_command() if not isinstance(context.command, click.Group)]


@pytest.mark.parametrize(("path", "context"), LEAVES, ids=[path for path, _ in LEAVES])
def test_every_command_and_option_is_in_the_guide(path: str, context: click.Context) -> None:
    told = sections().get(path)
    assert told is not None, f"docs/cli.md lacks a section: ### `{path}`"
    assert re.search(rf"(?m)^(?:.*\| )?(?:[A-Z_]+=\S+ )*(?:sudo )?\./{path}( |$)", told), (
        f"{path} has no example in docs/cli.md"
    )
    options = [option for option in context.command.params if isinstance(option, click.Option)]
    missing = [option.opts[-1] for option in options if f"`{max(option.opts, key=len)}" not in told]
    assert not missing, f"docs/cli.md does not tell of {path} {', '.join(missing)}"


def test_the_guide_invents_neither_commands_nor_options() -> None:
    commands = dict(LEAVES)
    told = sections()
    assert set(told) <= set(commands) | {"toru test"}
    for path, context in commands.items():
        known = {name for option in context.command.params for name in option.opts}
        own = set(re.findall(r"(?m)^- (.*?):", told[path]))
        named = {name for line in own for name in re.findall(r"`(-[\w-]+)`", line)}
        assert named <= known, f"{path} has no {', '.join(named - known)}"


def test_the_guide_has_every_exit_code() -> None:
    from app.cli import exits

    codes = {str(value) for name, value in vars(exits).items() if name.isupper()}
    told = set(re.findall(r"(?m)^\| `(\d+)` \|", DOCUMENT.read_text()))
    assert codes | {"0", "124", "125", "126"} <= told
