"""The command line: `toru` and its commands, one file each, imported when they are called."""

import sys

from app.cli.commands import help_text, version_text
from app.cli.exits import INTERRUPTED
from app.version import VERSION


def main(arguments: list[str]) -> int:
    """Does what the arguments say; the exit code."""
    try:
        if arguments == ["--version"]:
            return _print(version_text(VERSION))
        if arguments == ["--help"]:
            return _print(help_text())
        from app.cli.start import run

        return run(arguments)
    except KeyboardInterrupt:
        return INTERRUPTED


def _print(text: str) -> int:
    try:
        print(text, end="", flush=True)
    except OSError as error:
        from app.cli.endings import output_failed

        return output_failed(error)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
