"""How a command ends that did not end by itself: one line that says what to do, and a code, never a traceback."""

import contextlib
import os
import sys
import traceback
from typing import NoReturn

from app.cli.exits import READER_LEFT, SOFTWARE, UNREADABLE

TRACEBACK = "TORU_TRACEBACK"
"""The variable that has a mistake of ours told with the lines where it happened."""


def say(sentences: str) -> None:
    """Tells on standard error, one line a sentence; a standard error that is closed hears nothing."""
    with contextlib.suppress(OSError, ValueError):
        for line in sentences.splitlines():
            print(f"toru: {line}", file=sys.stderr, flush=True)


def fail(sentences: str, code: int) -> NoReturn:
    """Says why, and ends the command."""
    say(sentences)
    sys.exit(code)


def output_failed(error: OSError) -> int:
    """What ends a command that cannot print any more."""
    with contextlib.suppress(OSError, ValueError):  # what is still buffered would fail once more at the very end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if isinstance(error, BrokenPipeError):
        return READER_LEFT
    say(f"What this prints cannot be written: {error.strerror}.")
    return UNREADABLE


def file_failed(error: OSError) -> int:
    """What ends a command that met a file or folder that it did not reckon with."""
    say(f"{error.filename or 'A file'} cannot be used: {error.strerror or error}.")
    return UNREADABLE


def our_mistake(error: Exception) -> int:
    """What ends a command that nobody thought of."""
    if os.environ.get(TRACEBACK):
        traceback.print_exception(error)
    told = " ".join(f"{type(error).__name__}: {error}".split())[:300]
    say(f"This is a mistake of ours ({told}). Set {TRACEBACK}=1 to see where, and report it.")
    return SOFTWARE
