"""The command line: `toru` and its commands, one file each, imported when they are called."""

import os
import sys

from app.cli.exits import INTERRUPTED


def main(arguments: list[str]) -> int:
    """Does what the arguments say; the exit code."""
    _open_closed_streams()
    try:
        text = _known_text(arguments)
        if text is not None:
            return _print(text)
        from app.cli.start import run

        return run(arguments)
    except KeyboardInterrupt:
        return INTERRUPTED


def _open_closed_streams() -> None:
    """Nobody talks to streams that the caller closed, and the next file to be opened does not get their numbers."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115 - it stays open to the very end


def _known_text(arguments: list[str]) -> str | None:
    """What is printed without asking any command: to import them takes longer than to read this."""
    if arguments == ["--version"]:
        from app.version import VERSION

        return f"toru, version {VERSION}\n"
    if arguments[-1:] != ["--help"]:
        return None
    from app.cli.help_file import help_of

    return help_of(arguments[:-1])


def _print(text: str) -> int:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        from app.cli.endings import output_failed

        return output_failed(error)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
