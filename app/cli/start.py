"""From words to a command: finds it, imports it, and turns whatever goes wrong into one line and an exit code."""

import importlib
import sys
from collections.abc import Iterator

import click

from app.cli.commands import COMMANDS, UNLISTED
from app.cli.endings import file_failed, our_mistake, output_failed, say
from app.cli.exits import INTERRUPTED, USAGE
from app.version import VERSION

EPILOG = """\
\b
Exit codes: 0 done, 1 refused or not good, 2 not understood, 69 no Toru runs or
answers, 70 a mistake of ours, 74 cannot be read or written, 77 belongs to
another user, 78 wrong configuration, 130 Ctrl-C, 141 the reader left.

\b
./toru test checks and tests everything. docs/cli.md shows each command."""

WIDTH = 80
"""Of a terminal for which help.txt is made."""


class Commands(click.Group):
    """The commands of the table, in its order."""

    def invoke(self, ctx: click.Context) -> object:
        """Does what was asked; a reader that leaves is told apart from a refusal, which click does not."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            ctx.exit(output_failed(error))

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Their names."""
        return [name for name, _, _ in COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """One of them, imported now; None for an unknown name."""
        places = {**{name: place for name, place, _ in COMMANDS}, **dict(UNLISTED)}
        if cmd_name not in places:
            return None
        module, _, attribute = places[cmd_name].partition(":")
        command = getattr(importlib.import_module(module), attribute)
        return command if isinstance(command, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Lists them without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, sentence) for name, _, sentence in COMMANDS])


@click.group(cls=Commands, epilog=EPILOG)
@click.version_option(VERSION, prog_name="toru")
def toru() -> None:
    """Toru Steering Center: a dashboard for this machine and its scripts."""


def every_command() -> Iterator[tuple[str, click.Context]]:
    """Each command with what it is called by, the groups before what is in them."""
    yield from _within(click.Context(toru, info_name="toru", terminal_width=WIDTH))


def _within(context: click.Context) -> Iterator[tuple[str, click.Context]]:
    yield context.command_path, context
    if isinstance(context.command, click.Group):
        for name in context.command.list_commands(context):
            command = context.command.get_command(context, name)
            if command is not None:
                yield from _within(click.Context(command, context, info_name=name, terminal_width=WIDTH))


def run(arguments: list[str]) -> int:
    """Does what the arguments say; the exit code."""
    try:
        try:
            code = toru.main(arguments, prog_name="toru", standalone_mode=False)
        except SystemExit as ended:
            code = ended.code
        sys.stdout.flush()
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return USAGE
    except click.ClickException as error:
        return _not_understood(error)
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except BrokenPipeError as error:
        return output_failed(error)
    except OSError as error:
        return output_failed(error) if error.filename is None else file_failed(error)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told in one line
        return our_mistake(error)
    return code if isinstance(code, int) else 0


def _not_understood(error: click.ClickException) -> int:
    path = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx is not None else "toru"
    sentence = error.format_message()
    if isinstance(error, click.UsageError):
        sentence = f"{' '.join(sentence.split()).rstrip('.')}. See: ./{path} --help"
    say(sentence)
    return error.exit_code
