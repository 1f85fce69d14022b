"""Secrets that the launcher hands over in a pipe, so that no process image ever holds them in its environment."""

import ctypes
import os

SECRETS_FD = "TORU_SECRETS_FD"
MAX_BYTES = 65536
PR_SET_DUMPABLE = 4


def read_secrets() -> dict[str, str]:
    """Takes the `NAME=value` texts, NUL-separated, from the descriptor that TORU_SECRETS_FD names, and closes it.

    Raises:
        ValueError: the variable does not name an open descriptor.
    """
    number = os.environ.pop(SECRETS_FD, None)
    if number is None:
        return {}
    if not (number.isascii() and number.isdigit() and len(number) < 10):
        raise ValueError(f"{SECRETS_FD} must be the number of an open descriptor")
    try:
        with os.fdopen(int(number), "rb") as pipe:
            text = pipe.read(MAX_BYTES).decode("utf-8", "surrogateescape")
    except OSError as error:
        raise ValueError(f"{SECRETS_FD} cannot be read: {error.strerror}") from error
    pairs = (part.partition("=") for part in text.split("\0") if part)
    return {name.strip(): value for name, _, value in pairs}


def forbid_dumps() -> None:
    """Makes this process unreadable for others of the same user: no core dump, no ptrace, no /proc/<pid>/environ."""
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
